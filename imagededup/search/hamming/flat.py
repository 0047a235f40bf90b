"""Comparison of everything with everything by faiss's flat binary index, of few codes by numpy.

The threads are the package's own, each with faiss held to one: the pool that faiss would make does
not live on in a forked child, which would wait for it for ever.
"""

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["hamming_pairs", "pairs_by_faiss", "pairs_by_numpy"]

Codes = NDArray[np.uint64]

_COMPARISONS_AT_ONCE = 1 << 21
_FEWEST_ROWS = 256

_COMPARISONS_BY_NUMPY = 1 << 24
"""So many take numpy 25 ms; to load faiss takes longer."""

_COMPARISONS_IN_CACHE = 1 << 16

Compare = Callable[[Codes, Codes, int], Pairs]


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
        first = begin if targets is None else 0
        others = (queries if targets is None else targets)[first:]
        found = compare(queries[begin : begin + rows], others, threshold)
        left, right = found.left + begin, found.right + first
        later = slice(None) if targets is not None else left < right
        return Pairs(left[later], right[later], found.score[later])

    comparisons = len(queries) * len(queries if targets is None else targets)
    few = comparisons <= _COMPARISONS_BY_NUMPY and "faiss" not in sys.modules
    compare: Compare = pairs_by_numpy if few else pairs_by_faiss
    rows = max(_COMPARISONS_AT_ONCE // len(queries if targets is None else targets), _FEWEST_ROWS)
    starts = range(0, len(queries), rows)
    finish = per_mille(advance, len(starts))
    found = []
    for pairs in ordered_map(search, starts, workers):
        found.append(pairs)
        finish(1)
    return concatenate(found)


def pairs_by_faiss(queries: Codes, targets: Codes, threshold: int) -> Pairs:
    """All pairs at most `threshold` apart, by query."""
    import faiss

    index = faiss.IndexBinaryFlat(64)
    index.add(_as_bytes(targets))
    with one_faiss_thread():
        limits, distances, neighbors = index.range_search(_as_bytes(queries), threshold + 1)
    left = np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64)))
    return Pairs(left, neighbors.astype(np.int64), distances.astype(np.int64))


def pairs_by_numpy(queries: Codes, targets: Codes, threshold: int) -> Pairs:
    """As `pairs_by_faiss`."""
    rows = max(_COMPARISONS_IN_CACHE // len(targets), 1)
    found = []
    for begin in range(0, len(queries), rows):
        distances = np.bitwise_count(queries[begin : begin + rows, None] ^ targets)
        left, right = np.nonzero(distances <= threshold)
        found.append(Pairs(left + begin, right, distances[left, right].astype(np.int64)))
    return concatenate(found)


def _as_bytes(codes: Codes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(codes).view(np.uint8).reshape(-1, 8)
