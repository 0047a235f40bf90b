"""The nearest of 64-bit codes, by comparing every two in linear memory."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.jit import compiled
from imagededup.utils.machine_code import popcount
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["nearest_codes"]

Codes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_COMPARISONS_AT_ONCE = 1 << 24


def nearest_codes(
    codes: Codes,
    references: Codes | None,
    count: int,
    most: int,
    workers: int = 1,
    advance: Callable[[int], None] = lambda _: None,
) -> Pairs:
    """For each code the nearest references, or the nearest others; equals by lower place.

    Args:
        codes: uint64 of shape (n,), in which a value may come several times.
        references: uint64 of shape (m,); None looks among `codes`, not at the code itself.
        count: How many at most, 1 or more.
        most: Largest Hamming distance, 0 to 64.
        workers: Number of threads; the result does not depend on it.
        advance: Called with the number of per mille of the search that are done.

    Returns:
        Pairs in this direction, by left, nearest first.
    """
    targets = codes if references is None else references
    count = min(count, len(targets))
    if len(codes) == 0 or count == 0:
        return concatenate([])

    def nearest(begin: int) -> Pairs:
        block = codes[begin : begin + rows]
        own = begin if references is None else -1
        found, distance, size = _nearest(block, targets, own, count, most)
        filled = np.arange(count) < size[:, None]
        return Pairs(np.nonzero(filled)[0] + begin, found[filled], distance[filled])

    rows = max(_COMPARISONS_AT_ONCE // len(targets), 1)
    starts = range(0, len(codes), rows)
    finish = per_mille(advance, len(starts))
    blocks = []
    for pairs in ordered_map(nearest, starts, workers):
        blocks.append(pairs)
        finish(1)
    return concatenate(blocks)


@compiled
def _nearest(
    block: Codes, targets: Codes, own: int, count: int, most: int
) -> tuple[Indices, Indices, Indices]:
    """Places, distances and how many there are; `own` is the place of the first code, or -1."""
    found = np.empty((len(block), count), np.int64)
    distances = np.empty((len(block), count), np.int64)
    sizes = np.zeros(len(block), np.int64)
    for row in range(len(block)):
        size, limit = 0, most
        for target in range(len(targets)):
            distance = popcount(block[row] ^ targets[target])
            if distance > limit or (own >= 0 and target == own + row):
                continue
            place = min(size, count - 1)
            while place > 0 and distances[row, place - 1] > distance:
                found[row, place] = found[row, place - 1]
                distances[row, place] = distances[row, place - 1]
                place -= 1
            found[row, place] = target
            distances[row, place] = distance
            size = min(size + 1, count)
            if size == count:
                limit = min(most, distances[row, count - 1] - 1)
                if limit < 0:  # all have the code itself
                    break
        sizes[row] = size
    return found, distances, sizes
