"""The first lists of near rows: rows are compared within their cell and those beside it.

Cells lie around the centres of a k-means clustering. A row probes those of the nearest centres; the
rows of some cells that probe the same one are compared with it in one matrix product.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.lists import NearestLists, push
from imagededup.utils.jit import compiled
from imagededup.utils.parallel import ordered_map

__all__ = ["Cells", "fill_lists"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]

_TRAINING_PER_CELL = 32
_ROUNDS = 3
_GROUPS = 32
_FEWEST_HALVED = 4
_ROWS_AT_ONCE = 4096
_QUERIES_AT_ONCE = 512
_TARGETS_AT_ONCE = 256
_CENTERED_AT_ONCE = 128
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
        centers = _centers_of(rows, count, workers)
        centers = centers[_neighborly(centers)]
        probed = _nearest(rows, centers, probes, workers)
        order = np.argsort(probed[:, 0], kind="stable")
        probed = probed[order]
        start = np.searchsorted(probed[:, 0], np.arange(len(centers) + 1))
        return cls(order, start, probed)


def _centers_of(rows: Features, count: int, workers: int) -> Features:
    """Centres by k-means (Lloyd 1982) of a sample, evenly spread as the first centres are."""
    size = min(count * _TRAINING_PER_CELL, len(rows))
    sample = rows[np.arange(size) * len(rows) // size]
    centers = sample[np.linspace(0, size - 1, min(count, size)).astype(np.int64)]
    for _ in range(_ROUNDS if count < size else 0):
        cell = _nearest(sample, centers, 1, workers)[:, 0]
        order = np.argsort(cell, kind="stable")
        filled, first = np.unique(cell[order], return_index=True)
        sums = np.add.reduceat(sample[order], first, axis=0, dtype=np.float64)
        sizes = np.diff(np.append(first, size))
        centers[filled] = sums / sizes[:, None]
    return centers


def _neighborly(centers: Features) -> Indices:
    """An order of centres in which near ones are beside each other as a rule, by halving."""
    order = np.arange(len(centers))
    parts = [order]
    while parts:
        part = parts.pop()
        widest = centers[part].var(axis=0).argmax()
        part[:] = part[np.argsort(centers[part, widest], kind="stable")]
        if len(part) > _FEWEST_HALVED:
            parts += np.array_split(part, 2)
    return order


def _nearest(rows: Features, centers: Features, count: int, workers: int) -> Numbers:
    """The nearest centres of every row, the nearest first; int32 of shape (n, count or fewer)."""
    halves = np.einsum("ij,ij->i", centers, centers) / 2
    near = np.zeros((len(rows), min(count, len(centers))), np.int32)

    def find(begin: int) -> None:
        part = slice(begin, begin + _ROWS_AT_ONCE)
        _find_nearest(rows[part], centers, halves, near[part])

    for _ in ordered_map(find, range(0, len(rows), _ROWS_AT_ONCE), workers):
        pass
    return near


def fill_lists(rows: Features, cells: Cells, size: int, workers: int) -> NearestLists:
    """Compare rows with those of the cells that they probe.

    Args:
        rows: float32 of shape (n, w), in the order of the cells.
        cells: Where they lie.
        size: How many near ones to keep of each row.
        workers: Number of threads; they change nothing in the result.
    """
    lists = NearestLists.empty(len(rows), size)
    extended = np.column_stack([rows, -np.einsum("ij,ij->i", rows, rows) / 2])
    per_group = max(len(rows) // _GROUPS, 1)
    begins = np.searchsorted(cells.start, np.arange(0, len(rows), per_group), side="right") - 1
    borders = np.append(np.unique(begins), len(cells.start) - 1).tolist()

    def fill(group: int) -> None:
        chosen = borders[group], borders[group + 1]
        _fill(*chosen, cells.start, cells.probes, extended, lists.near, lists.gap)

    for _ in ordered_map(fill, range(len(borders) - 1), workers):
        pass
    return lists


@compiled
def _find_nearest(rows: Features, centers: Features, halves: Features, near: Numbers) -> None:
    """Find the nearest centres of rows; the halves are those of the squares of the centres."""
    count = near.shape[1]
    highest = np.empty(count, np.float32)
    block = np.ascontiguousarray(rows)
    for begin in range(0, len(rows), _CENTERED_AT_ONCE):
        products = np.dot(block[begin : begin + _CENTERED_AT_ONCE], centers.T)
        for place in range(len(products)):
            row, values = begin + place, products[place]
            highest[:] = -np.inf
            for column in range(len(values)):
                value = values[column] - halves[column]
                if value > highest[-1]:
                    free = count - 1
                    while free > 0 and highest[free - 1] < value:
                        highest[free], near[row, free] = highest[free - 1], near[row, free - 1]
                        free -= 1
                    highest[free], near[row, free] = value, column


@compiled
def _fill(
    first_cell: int, last_cell: int, start: Indices, probes: Numbers, extended: Features,
    near: Numbers, gap: Features,
) -> None:  # fmt: skip
    """Fill the lists of the rows of some consecutive cells.

    The last number of a row is minus half its square. A query has 1 there, so that the product of
    the two is the larger, the nearer they are.
    """
    begin, end, cells = start[first_cell], start[last_cell], len(start) - 1
    first, queries = _by_probe(probes[begin:end], cells)
    block = np.empty((_QUERIES_AT_ONCE, extended.shape[1]), np.float32)
    buffer = np.empty(_QUERIES_AT_ONCE * _TARGETS_AT_ONCE, np.float32)
    for turn in range(cells):
        cell = (first_cell + turn) % cells  # their own cells first
        for place in range(first[cell], first[cell + 1], _QUERIES_AT_ONCE):
            chosen = queries[place : min(place + _QUERIES_AT_ONCE, first[cell + 1])] + begin
            for number in range(len(chosen)):
                block[number], block[number, -1] = extended[chosen[number]], 1
            for target in range(start[cell], start[cell + 1], _TARGETS_AT_ONCE):
                size = min(_TARGETS_AT_ONCE, start[cell + 1] - target)
                products = buffer[: len(chosen) * size].reshape((len(chosen), size))
                np.dot(block[: len(chosen)], extended[target : target + size].T, products)
                _keep_nearest(products, chosen, target, near, gap)
    for row in range(begin, end):
        gap[row] = np.maximum(gap[row] - 2 * extended[row, -1], np.float32(0))


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
    products: Features, queries: Indices, target: int, near: Numbers, gap: Features
) -> None:
    """Keep those of some consecutive targets that are nearer than what the queries have.

    The gap is minus twice the product: the squared distance less the square of the query.
    """
    last, width = near.shape[1] - 1, np.uint64(products.shape[1])
    for place in range(len(queries)):
        row, values = queries[place], products[place]
        least = gap[row, last] / np.float32(-2)
        for begin in range(np.uint64(0), width, _VALUES_AT_ONCE):
            end = min(begin + _VALUES_AT_ONCE, width)
            above: Any = np.uint32(0)
            for column in range(begin, end):  # no branch, so it is done in wide registers
                above = np.uint32(above + np.uint32(values[column] > least))
            if above == 0:
                continue
            for column in range(np.int64(begin), np.int64(end)):
                if values[column] > least and target + column != row:
                    push(near, gap, row, target + column, -2 * values[column])
                    least = gap[row, last] / np.float32(-2)
