"""The first lists of near rows: rows are compared within their cell and those beside it.

Cells lie around the centres of a k-means clustering. A row probes those of the nearest centres; the
rows of a cell that probe the same one are compared with it in one matrix product.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.knn.lists import NearestLists, push
from imagededup.utils.jit import compiled
from imagededup.utils.parallel import ordered_map

__all__ = ["Cells", "fill_lists"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Numbers = NDArray[np.int32]

_TRAINING_PER_CELL = 32
_ROUNDS = 5
_ROWS_AT_ONCE = 1024
_TARGETS_AT_ONCE = 512
_VALUES_AT_ONCE = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Cells:
    """Rows by the cell they lie in.

    Attributes:
        order: The rows by cell, ascending in each; int64 of shape (n,).
        start: Where each cell begins, int64 of shape (cells + 1,).
        probes: The nearest cells of every row in this order, the row's own first; int32 of shape
            (n, p).
    """

    order: Indices
    start: Indices
    probes: Numbers

    @classmethod
    def of(cls, rows: Features, count: int, probes: int, workers: int) -> "Cells":
        """Put rows into cells.

        Args:
            rows: float32 of shape (n, w), n of 1 or more.
            count: How many cells.
            probes: How many of them each row probes.
            workers: Number of threads; they change nothing in the result.
        """
        centers = _train(rows, count)
        offsets = np.einsum("ij,ij->i", centers, centers) / 2
        probes = min(probes, len(centers))

        def nearest(begin: int) -> Numbers:
            return _lowest_columns(
                offsets - rows[begin : begin + _ROWS_AT_ONCE] @ centers.T, probes
            )

        starts = range(0, len(rows), _ROWS_AT_ONCE)
        probed = np.concatenate(list(ordered_map(nearest, starts, workers)))
        order = np.argsort(probed[:, 0], kind="stable")
        probed = probed[order]
        start = np.searchsorted(probed[:, 0], np.arange(len(centers) + 1))
        return cls(order, start, probed)


def _train(rows: Features, count: int) -> Features:
    """Centres of cells; by one thread, always the same."""
    import faiss

    size = min(count * _TRAINING_PER_CELL, len(rows))
    sample = rows[np.linspace(0, len(rows) - 1, size).astype(np.int64)]
    if count >= len(sample):
        return sample
    clustering = faiss.Kmeans(
        rows.shape[1], count, niter=_ROUNDS, seed=0, min_points_per_centroid=1
    )
    with one_faiss_thread():
        clustering.train(sample)
    return np.asarray(clustering.centroids, np.float32)


def fill_lists(rows: Features, cells: Cells, size: int, workers: int) -> NearestLists:
    """Compare rows with those of the cells that they probe.

    Args:
        rows: float32 of shape (n, w), in the order of the cells.
        cells: Where they lie.
        size: How many near ones to keep of each row.
        workers: Number of threads; they change nothing in the result.
    """
    lists = NearestLists.empty(len(rows), size)
    norms = np.einsum("ij,ij->i", rows, rows)
    extended = np.column_stack([rows, -norms / 2])

    def fill(cell: int) -> None:
        _fill(cell, cells.start, cells.probes, extended, norms, lists.near, lists.gap)

    for _ in ordered_map(fill, range(len(cells.start) - 1), workers):
        pass
    return lists


@compiled
def _lowest_columns(values: Features, count: int) -> Numbers:
    """The columns of the lowest values of every row, the lowest first."""
    found = np.zeros((len(values), count), np.int32)
    lowest = np.empty(count, np.float32)
    for row in range(len(values)):
        lowest[:] = np.inf
        for column in range(values.shape[1]):
            value = values[row, column]
            if value < lowest[count - 1]:
                place = count - 1
                while place > 0 and lowest[place - 1] > value:
                    lowest[place] = lowest[place - 1]
                    found[row, place] = found[row, place - 1]
                    place -= 1
                lowest[place], found[row, place] = value, column
    return found


@compiled
def _fill(
    cell: int, start: Indices, probes: Numbers, extended: Features, norms: Features,
    near: Numbers, gap: Features,
) -> None:  # fmt: skip
    """Fill the lists of the rows of a cell.

    The last number of a row is minus half its square. A query has 1 there, so that the product of
    the two is the larger, the nearer they are.
    """
    begin, end = start[cell], start[cell + 1]
    first, queries = _by_probe(probes[begin:end], len(start) - 1)
    block = np.empty((end - begin, extended.shape[1]), np.float32)
    products = np.empty((end - begin) * _TARGETS_AT_ONCE, np.float32)
    for turn in range(len(start)):
        probed = cell if turn == 0 else turn - 1  # its own cell first
        if (turn > 0 and probed == cell) or first[probed] == first[probed + 1]:
            continue
        chosen = queries[first[probed] : first[probed + 1]] + begin
        for place in range(len(chosen)):
            block[place] = extended[chosen[place]]
            block[place, -1] = 1
        for target in range(start[probed], start[probed + 1], _TARGETS_AT_ONCE):
            last = min(target + _TARGETS_AT_ONCE, start[probed + 1])
            size = len(chosen) * (last - target)
            shaped = products[:size].reshape((len(chosen), last - target))
            np.dot(block[: len(chosen)], extended[target:last].T, shaped)
            _keep_nearest(shaped, chosen, norms, target, near, gap)


@compiled
def _by_probe(probes: Numbers, count: int) -> tuple[Indices, Indices]:
    """The rows that probe each cell: `rows[first[c] : first[c + 1]]`, ascending."""
    first = np.zeros(count + 1, np.int64)
    for cell in probes.ravel():
        first[cell + 1] += 1
    for number in range(count):
        first[number + 1] += first[number]
    free = first[:-1].copy()
    rows = np.empty(probes.size, np.int64)
    for row in range(len(probes)):
        for cell in probes[row]:
            rows[free[cell]] = row
            free[cell] += 1
    return first, rows


@compiled
def _keep_nearest(
    products: Features, queries: Indices, norms: Features, target: int, near: Numbers,
    gap: Features,
) -> None:  # fmt: skip
    """Keep those of some consecutive targets that are nearer than what the queries have."""
    last, width = near.shape[1] - 1, np.uint64(products.shape[1])
    for place in range(len(queries)):
        row, values = queries[place], products[place]
        norm = norms[row]
        least = (norm - gap[row, last]) / np.float32(2)
        for begin in range(np.uint64(0), width, _VALUES_AT_ONCE):
            end = min(begin + _VALUES_AT_ONCE, width)
            above: Any = np.uint32(0)
            for column in range(begin, end):  # no branch, so it is done in wide registers
                above = np.uint32(above + np.uint32(values[column] > least))
            if above == 0:
                continue
            for column in range(np.int64(begin), np.int64(end)):
                if values[column] > least and target + column != row:
                    distance = max(norm - 2 * values[column], np.float32(0))
                    push(near, gap, row, target + column, distance)
                    least = (norm - gap[row, last]) / np.float32(2)
