"""Comparison of everything with everything by faiss's flat binary index."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.progress import per_mille

__all__ = ["hamming_pairs"]

Codes = NDArray[np.uint64]

_COMPARISONS_AT_ONCE = 1 << 28
_FEWEST_ROWS = 64


def hamming_pairs(
    queries: Codes,
    targets: Codes | None,
    threshold: int,
    workers: int,
    advance: Callable[[int], None],
) -> Pairs:
    """Pairs at most `threshold` apart; with `targets` None, `left < right` within `queries`.

    Args:
        queries: uint64 of shape (n,).
        targets: uint64 of shape (m,), or None.
        threshold: Largest Hamming distance, 0 to 64.
        workers: Number of threads.
        advance: Called with the number of per mille of the search that are done.
    """
    import faiss

    size = len(queries if targets is None else targets)
    rows = max(_COMPARISONS_AT_ONCE // size, _FEWEST_ROWS)
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(workers)
    try:
        found = []
        finish = per_mille(advance, len(queries))
        for begin in range(0, len(queries), rows):
            block = queries[begin : begin + rows]
            if targets is None:
                found.append(_later_pairs(queries, begin, block, threshold))
            else:
                found.append(_block_pairs(block, targets, threshold, begin, 0))
            finish(len(block))
    finally:
        faiss.omp_set_num_threads(threads)
    return concatenate(found)


def _later_pairs(codes: Codes, begin: int, block: Codes, threshold: int) -> Pairs:
    """Pairs of a block of codes with the codes after them."""
    pairs = _block_pairs(block, codes[begin:], threshold, begin, begin)
    later = pairs.left < pairs.right
    return Pairs(pairs.left[later], pairs.right[later], pairs.score[later])


def _block_pairs(
    queries: Codes, targets: Codes, threshold: int, first_query: int, first_target: int
) -> Pairs:
    import faiss

    index = faiss.IndexBinaryFlat(64)
    index.add(_as_bytes(targets))
    limits, distances, neighbors = index.range_search(_as_bytes(queries), threshold + 1)
    counts = np.diff(limits.astype(np.int64))
    left = np.repeat(np.arange(len(queries)), counts) + first_query
    return Pairs(left, neighbors.astype(np.int64) + first_target, distances.astype(np.int64))


def _as_bytes(codes: Codes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(codes).view(np.uint8).reshape(-1, 8)
