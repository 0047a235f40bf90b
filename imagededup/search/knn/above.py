"""The nearest neighbours of descriptors that reach a similarity, as pairs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine.choose import CosineMethod, choose_method
from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.options import Provider
from imagededup.search.matches import Pairs

__all__ = ["nearest_above"]

Descriptors = NDArray[np.float32]


def nearest_above(
    descriptors: Descriptors,
    references: Descriptors | None,
    count: int,
    least: float,
    method: CosineMethod = CosineMethod.AUTO,
    workers: int = 1,
    advance: Callable[[int], None] = lambda _: None,
) -> Pairs:
    """For each descriptor the nearest references, or the nearest others; equals by lower place.

    Args:
        descriptors: float32 of shape (n, d), finite, no row all 0; a row may come several times.
        references: float32 of shape (m, d); None looks among `descriptors`, not at a row itself.
        count: How many at most, 1 or more.
        least: Least cosine similarity, -1.0 to 1.0.
        method: 'exact' finds the nearest; the others take a graph, which finds nearly all of them.
        workers: Number of threads; the result does not depend on it.
        advance: Called with the number of per mille of the search that are done.

    Returns:
        Pairs in this direction, by left, best first.
    """
    size = len(descriptors if references is None else references)
    if len(descriptors) == 0 or size == 0:
        nothing = np.empty(0, np.int64)
        return Pairs(nothing, nothing, np.empty(0, np.float32))
    if method is CosineMethod.AUTO:
        method = choose_method(len(descriptors), size)
    neighbors = find_neighbors(
        descriptors,
        min(count, size),
        provider=Provider.TURI if method is CosineMethod.EXACT else Provider.FAISS,
        references=references,
        threads=workers,
        advance=advance,
    )
    near = (neighbors.index >= 0) & (neighbors.similarity >= np.float32(least))
    left = np.nonzero(near)[0].astype(np.int64)
    return Pairs(left, neighbors.index[near].astype(np.int64), neighbors.similarity[near])
