"""The nearest neighbours of points among themselves, by joins of cells and of near rows.

The principal numbers of the points are put into cells, rows of near cells are compared, and rows
that are near the same one. What comes of it are candidates, to be compared by all their numbers,
and the links of a graph. Every step is done by all threads and depends on none of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.blas_threads import one_blas_thread
from imagededup.search.knn.cells import Cells, fill_lists
from imagededup.search.knn.distances import Points
from imagededup.search.knn.lists import NearestLists
from imagededup.search.knn.local_join import refine
from imagededup.search.knn.projection import Projection
from imagededup.utils.progress import per_mille

__all__ = ["MOST_NEIGHBORS", "SelfJoin"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]

MOST_NEIGHBORS = 12
_LIST = 24
_JOINED = (24, 24)
_FEW_NEW = 0.15
_ROWS_PER_CELL = 320
_MOST_CELLS = 3000
_LEAST_PROBES = 4
_PROBES_PER_DOUBLING = 4


@dataclass(frozen=True, slots=True)
class SelfJoin:
    """Proposes the points that are near by their principal numbers.

    Attributes:
        order: The points by cell, int64 of shape (n,); whatever follows is in this order.
        start: Where each cell begins in it, int64 of shape (cells + 1,).
        rows: Principal numbers, float32 of shape (n, w).
        lists: The nearest known rows.
    """

    order: Indices
    start: Indices
    rows: Features
    lists: NearestLists

    @classmethod
    def of(
        cls, points: Points, projection: Projection, workers: int, advance: Callable[[int], None]
    ) -> "SelfJoin":
        """Join points with themselves.

        Args:
            points: n points, 1 or more.
            projection: Of the points.
            workers: Number of threads; they change nothing in the result.
            advance: Called with the number of points that are done with, up to n.
        """
        count = len(points)
        finish = per_mille(advance, 1 + len(_JOINED), count)
        with one_blas_thread():
            rows = projection.apply_to_all(points, workers)
            size = min(max(count // _ROWS_PER_CELL, 1), _MOST_CELLS)
            cells = Cells.of(rows, size, _probes(count), workers)
            rows = rows[cells.order]
            lists = fill_lists(rows, cells, _LIST, workers)
            finish(1)
            for joined in _JOINED:
                if lists.fresh.mean() > _FEW_NEW:
                    lists = refine(rows, lists, joined, workers)
                finish(1)
        return cls(cells.order, cells.start, rows, lists)


def _probes(count: int) -> int:
    """How many cells a row probes: more, the more rows there are around it."""
    doublings = math.log2(count / _ROWS_PER_CELL)
    return max(_LEAST_PROBES, round(_PROBES_PER_DOUBLING * doublings))
