"""The nearest points, by comparing every two."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.distances import ROWS_AT_ONCE, Points, costs_between, rounding_of
from imagededup.search.knn.options import Distance
from imagededup.utils.jit import compiled

__all__ = ["BruteForce"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Candidates = tuple[Indices, Indices]


@dataclass(frozen=True, slots=True)
class BruteForce:
    """Proposes all points that may be among the nearest, whatever is lost by rounding.

    Attributes:
        queries: n points.
        targets: m points.
        neighbors: How many nearest points the candidates must hold.
    """

    queries: Points
    targets: Points
    neighbors: int

    def candidates(self, begin: int, end: int) -> Candidates:
        """Queries, and targets that may be near: int64 of shape (c,) each, by query.

        Blocks of targets are compared twice: for the k-th lowest cost, then for all that may reach
        it.
        """
        best = np.full((end - begin, self.neighbors), np.inf, np.float32)
        for _, costs in self._costs(begin, end):
            _keep_lowest(costs, best)
        limits = best[:, -1] + self._margins(begin, end)
        i, j = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for start, costs in self._costs(begin, end):
            query, target = np.nonzero(costs <= limits[:, None])
            i.append(query + begin)
            j.append(target + start)
        return np.concatenate(i), np.concatenate(j)

    def _costs(self, begin: int, end: int) -> Iterator[tuple[int, Features]]:
        left = self.queries.block(begin, end)
        for start in range(0, len(self.targets), ROWS_AT_ONCE):
            stop = min(start + ROWS_AT_ONCE, len(self.targets))
            yield start, self._block_costs(left, begin, start, stop)

    def _block_costs(self, left: Features, begin: int, start: int, stop: int) -> Features:
        """Costs up to rounding, and up to a constant for each query."""
        if self.queries.distance is Distance.MANHATTAN:
            shape = len(left), stop - start
            i, j = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
            return costs_between(self.queries, i + begin, self.targets, j + start).reshape(shape)
        right = self.targets.block(start, stop)
        products = left @ right.T
        if self.queries.distance.is_angular:
            return -products
        squares = self.targets.vectors.norms[start:stop] ** 2
        return squares.astype(np.float32) - 2 * products

    def _margins(self, begin: int, end: int) -> Features:
        """How much two costs may be off together."""
        scale: NDArray[np.float64] = np.ones(end - begin)
        if not self.queries.distance.is_angular:
            largest = self.targets.vectors.norms.max(initial=1)
            scale = (self.queries.vectors.norms[begin:end] + largest) ** 2
        if self.queries.distance is Distance.MANHATTAN:
            return np.zeros(end - begin, np.float32)
        return (scale * rounding_of(self.queries.dimensions)).astype(np.float32)


@compiled
def _keep_lowest(costs: Features, best: Features) -> None:
    """Merge costs into the lowest of every row, which ascend."""
    last = best.shape[1] - 1
    for row in range(len(costs)):
        for column in range(costs.shape[1]):
            cost = costs[row, column]
            if cost < best[row, last]:
                place = last
                while place > 0 and best[row, place - 1] > cost:
                    best[row, place] = best[row, place - 1]
                    place -= 1
                best[row, place] = cost
