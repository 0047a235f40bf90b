"""Pairs within a cosine similarity, by an inverted file (Sivic and Zisserman 2003).

The short vectors of principal.py are put into cells around the centres of a k-means clustering. A
query probes its nearest cell and those whose centres are little farther: it is compared with all
of their vectors, whatever the size of a cluster, in one matrix product a cell. How much farther is
learnt from the matches of some queries, found by comparing these with everything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine.exact import pairs_of_rows, products_above
from imagededup.search.cosine.principal import Screen
from imagededup.search.cosine.vectors import verified
from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.matches import Pairs, concatenate, each_once
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["cosine_pairs"]

Indices = NDArray[np.int64]

_TRAINING_PER_CELL = 39
_ROUNDS = 6
_LEAST_GAP = 0.08
_RECALL = 0.999
_SAMPLE = 2048
_ROWS_AT_ONCE = 1024
_TARGETS_AT_ONCE = 1024


def cosine_pairs(
    queries: Screen,
    targets: Screen | None,
    threshold: float,
    workers: int,
    advance: Callable[[int], None],
) -> Pairs:
    """Most pairs of cosine similarity >= `threshold`; with `targets` None, `left < right`.

    Args:
        queries: n vectors.
        targets: m vectors, or None.
        threshold: Least cosine similarity, -1 to 1.
        workers: Number of threads; the result does not depend on it.
        advance: Called with the number of per mille of the search that are done.
    """
    searched = targets or queries
    centers = _train(searched)
    members = _Cells.of(searched, centers, None, workers)
    gap = _learn_gap(queries, searched, centers, targets is None, threshold)
    probes = _Cells.of(queries, centers, gap, workers)
    search = _CellSearch(queries, searched, probes, members, threshold)
    finish = per_mille(advance, len(centers))
    found = []
    for pairs in ordered_map(search.run, range(len(centers)), workers):
        found.append(pairs)
        finish(1)
    return each_once(found, len(searched.vectors), targets is None)


def _train(targets: Screen) -> NDArray[np.float32]:
    """Centres of cells, as many as the root of the targets; by one thread, always the same."""
    import faiss

    size = len(targets.vectors)
    count = max(min(int(size**0.5), size // _TRAINING_PER_CELL), 1)
    sample = np.linspace(0, size - 1, min(count * _TRAINING_PER_CELL, size)).astype(np.int64)
    clustering = faiss.Kmeans(targets.width, count, niter=_ROUNDS, spherical=True, seed=0)
    with one_faiss_thread():
        clustering.train(targets.take(sample))
    return np.asarray(clustering.centroids, np.float32)


def _learn_gap(
    queries: Screen,
    targets: Screen,
    centers: NDArray[np.float32],
    symmetric: bool,
    threshold: float,
) -> float:
    """How far below its best product a query must probe, to meet nearly all that it matches.

    A pair of one collection may be met from either side. A gap is never less than a share of the
    distance of two unit vectors at the threshold, for samples with few matches.
    """
    size = min(_SAMPLE, len(queries.vectors))
    sample = np.linspace(0, len(queries.vectors) - 1, size).astype(np.int64)
    everything = range(len(targets.vectors))
    pairs = pairs_of_rows(queries, sample, targets, everything, threshold)
    left, right = queries.take(pairs.left) @ centers.T, targets.take(pairs.right) @ centers.T
    gaps = _shortfall(left, right)
    if symmetric:
        gaps = np.minimum(gaps, _shortfall(right, left))[pairs.left != pairs.right]
    least = _LEAST_GAP * float(np.sqrt(2 - 2 * threshold))
    if len(gaps) == 0:
        return least
    return max(least, float(np.quantile(gaps, _RECALL, method="higher")) * (1 + 1e-6))


def _shortfall(queries: NDArray[np.float32], targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the product of a query with the cell of its match is below its best product."""
    reached = np.take_along_axis(queries, targets.argmax(axis=1)[:, None], axis=1)[:, 0]
    result: NDArray[np.float32] = queries.max(axis=1) - reached
    return result


@dataclass(frozen=True, slots=True)
class _Cells:
    """The rows of every cell: `rows[start[c] : start[c + 1]]`, ascending."""

    rows: NDArray[np.int32]
    start: Indices

    @classmethod
    def of(
        cls, screen: Screen, centers: NDArray[np.float32], gap: float | None, workers: int
    ) -> "_Cells":
        """Put rows into all cells whose product falls short of the best by at most `gap`.

        With `gap` None, only into the best.
        """

        def assign(begin: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
            products = screen.block(begin, begin + _ROWS_AT_ONCE) @ centers.T
            if gap is None:
                cells = products.argmax(axis=1)
                rows = np.arange(len(cells))
            else:
                products -= products.max(axis=1, keepdims=True)
                rows, cells = products_above(products, np.float32(-gap), False)
            return (rows + begin).astype(np.int32), cells.astype(np.int32)

        starts = range(0, len(screen.vectors), _ROWS_AT_ONCE)
        rows, cells = zip(*ordered_map(assign, starts, workers), strict=True)
        cell = np.concatenate(cells)
        start = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=len(centers)))])
        return cls(np.concatenate(rows)[np.argsort(cell, kind="stable")], start)

    def blocks(self, cell: int, size: int) -> Iterator[Indices]:
        """The rows of a cell, at most `size` at once."""
        rows = self.rows[self.start[cell] : self.start[cell + 1]].astype(np.int64)
        for begin in range(0, len(rows), size):
            yield rows[begin : begin + size]


@dataclass(frozen=True, slots=True)
class _CellSearch:
    queries: Screen
    targets: Screen
    probes: _Cells
    members: _Cells
    threshold: float

    def run(self, cell: int) -> Pairs:
        """The pairs of the targets in a cell with the queries that probe it."""
        least = np.float32(self.threshold - self.queries.margin)
        found = []
        for targets in self.members.blocks(cell, _TARGETS_AT_ONCE):
            right = self.targets.take(targets)
            for queries in self.probes.blocks(cell, _ROWS_AT_ONCE):
                i, j = products_above(self.queries.take(queries) @ right.T, least, False)
                candidates = queries[i], targets[j]
                found.append(
                    verified(self.queries.vectors, self.targets.vectors, candidates, self.threshold)
                )
        return concatenate(found, np.float32)
