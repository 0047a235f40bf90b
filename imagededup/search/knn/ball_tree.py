"""The nearest points, by a ball tree (Omohundro 1989)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.distances import Points
from imagededup.search.knn.options import Distance

__all__ = ["BallTreeSearch"]

Indices = NDArray[np.int64]

_SPARE = 8


@dataclass(frozen=True, slots=True)
class BallTreeSearch:
    """Proposes the nearest points, and a few more so that rounding decides nothing.

    The tree holds all targets in float64.
    """

    queries: Points
    tree: Any
    neighbors: int

    @classmethod
    def of(cls, queries: Points, targets: Points, neighbors: int) -> "BallTreeSearch":
        """Build the tree; unit vectors rank by Euclidean distance as by cosine."""
        from sklearn.neighbors import BallTree

        manhattan = targets.distance is Distance.MANHATTAN
        points = targets.block(0, len(targets)).astype(np.float64)
        tree = BallTree(points, metric="manhattan" if manhattan else "euclidean")
        return cls(queries, tree, min(neighbors + _SPARE, len(targets)))

    def candidates(self, begin: int, end: int) -> tuple[Indices, Indices]:
        """Queries, and the nearest targets: int64 of shape (c,) each, by query."""
        vectors = self.queries.block(begin, end).astype(np.float64)
        found = self.tree.query(vectors, self.neighbors, return_distance=False)
        return np.repeat(np.arange(begin, end), self.neighbors), found.ravel().astype(np.int64)
