"""Comparison of everything with everything by faiss's flat binary index.

The threads are the package's own, each with faiss held to one: the pool that faiss would make does
not live on in a forked child, which would wait for it for ever.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["hamming_pairs"]

Codes = NDArray[np.uint64]

_COMPARISONS_AT_ONCE = 1 << 21
_FEWEST_ROWS = 256


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

    def search(begin: int) -> Pairs:
        block = queries[begin : begin + rows]
        if targets is None:
            return _later_pairs(queries, begin, block, threshold)
        return _block_pairs(block, targets, threshold, begin, 0)

    rows = max(_COMPARISONS_AT_ONCE // len(queries if targets is None else targets), _FEWEST_ROWS)
    starts = range(0, len(queries), rows)
    finish = per_mille(advance, len(starts))
    found = []
    for pairs in ordered_map(search, starts, min(workers, len(starts))):
        found.append(pairs)
        finish(1)
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
    with one_faiss_thread():
        limits, distances, neighbors = index.range_search(_as_bytes(queries), threshold + 1)
    counts = np.diff(limits.astype(np.int64))
    left = np.repeat(np.arange(len(queries)), counts) + first_query
    return Pairs(left, neighbors.astype(np.int64) + first_target, distances.astype(np.int64))


def _as_bytes(codes: Codes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(codes).view(np.uint8).reshape(-1, 8)
