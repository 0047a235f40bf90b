"""Nearly all pairs of descriptors within a similarity: an inverted file, cut into tasks.

The descriptors are put into cells around the centres of a k-means clustering of a sample. Each is
compared with the members of its own cell and of those whose centres are next. Cells that are close
together make a partition, so that a descriptor goes to few of them; a task joins one partition.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.groups import UNIQUE
from imagededup.distributed.job import Job
from imagededup.distributed.join_hashes import PAIRS
from imagededup.distributed.tables import best_of_either, columns, partitioned, table_of
from imagededup.distributed.workers import Workers
from imagededup.search.blas_threads import one_blas_thread
from imagededup.search.cosine.vectors import Vectors, verified
from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.matches import Pairs

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NEAREST", "join_descriptors", "partitions_of_cells"]

NEAREST = "nearest"
_SAMPLE, _CELLS, _SCATTERED = "sample", "cells", "descriptors-by-cell"
_TRAINING_PER_CELL = 39
_MOST_CELLS = 16384
_KMEANS = {"niter": 6, "spherical": True, "seed": 0, "min_points_per_centroid": 1}
_ROWS_AT_ONCE = 1024
_MARGIN = np.float32(1e-5)
"""By how much a product of float32 may be below the cosine."""

Matrix = NDArray[np.float32]
Indices = NDArray[np.int64]


def join_descriptors(job: Job, workers: Workers, dimensions: int) -> None:
    """Write `pairs`: the numbers of two images, the lower first, and their similarity.

    And `nearest`: the nearest of an image, in each partition that it is searched in.
    """
    shards = job.store.complete(UNIQUE)
    count = sum(job.store.facts(UNIQUE, shard)["rows"] for shard in shards)
    if count < 2:
        return
    cells = max(min(int(count**0.5), count // _TRAINING_PER_CELL, _MOST_CELLS), 1)
    probed = min(job.settings.cells_probed, cells)
    split = -(-count * min(probed, 3) // job.rows_per_task(dimensions))
    partitions = 1 << min((split - 1).bit_length(), cells.bit_length() - 1)
    quota = -(-cells * _TRAINING_PER_CELL // len(shards))
    samples = job.write_missing(workers, draw, _SAMPLE, [(shard, quota) for shard in shards])
    job.write_missing(workers, train, _CELLS, [(tuple(samples), cells, partitions)])
    tasks = [(shard, probed) for shard in shards]
    maps = tuple(job.write_missing(workers, assign, _SCATTERED, tasks))
    joins = [(maps, partition) for partition in range(partitions)]
    job.write_missing(workers, join_partition, NEAREST, joins)


def draw(job: Job, name: str, shard: str, quota: int) -> None:
    """Write some descriptors of a shard."""
    import pyarrow as pa

    table = job.store.read(UNIQUE, shard)
    chosen = np.unique(np.linspace(0, max(len(table) - 1, 0), quota).astype(np.int64))
    some = table.take(pa.array(chosen if len(table) else chosen[:0]))
    job.store.write(_SAMPLE, name, [some], some.schema)


def train(job: Job, name: str, samples: Sequence[str], cells: int, partitions: int) -> None:
    """Write the centres of cells, and the partition of each; by one thread, always the same."""
    import faiss

    tables = [job.store.read(_SAMPLE, one) for one in samples]
    sample = _unit(np.concatenate([columns(one, "code")[0] for one in tables if len(one)]))
    cells = min(cells, max(len(sample) // _TRAINING_PER_CELL, 1))
    clustering = faiss.Kmeans(sample.shape[1], cells, **_KMEANS)
    with one_faiss_thread():
        clustering.train(sample)
    centers = np.asarray(clustering.centroids, np.float32)
    table = table_of(center=centers, partition=partitions_of_cells(centers, partitions))
    job.store.write(_CELLS, name, [table], table.schema)


def assign(job: Job, name: str, shard: str, probed: int) -> None:
    """Write the descriptors of a shard for the partitions of the cells that they go to."""
    import pyarrow as pa

    fields = {"id": pa.int64(), "cells": pa.list_(pa.int64()), "code": pa.list_(pa.float32())}
    schema = pa.schema({**fields, "partition": pa.int32()})
    table = job.store.read(UNIQUE, shard)
    if not len(table):
        job.store.write(_SCATTERED, name, [], schema)
        return
    ids, codes = columns(table, "id", "code")
    centers, of_cell = columns(job.store.read(_CELLS, "part-00000"), "center", "partition")
    nearest = _nearest_cells(codes, centers, min(probed, len(centers)))
    keys = np.arange(len(ids))[:, None] * len(centers) + of_cell[nearest]
    row, partition = np.divmod(np.unique(keys), len(centers))
    copies = table_of(id=ids[row], cells=nearest[row], code=codes[row])
    job.store.write(_SCATTERED, name, partitioned(copies, partition), schema)


def join_partition(job: Job, name: str, maps: Sequence[str], partition: int) -> None:
    """Write the pairs of a partition, one cell after the other, and the nearest of each image."""
    empty = np.empty(0, np.int64)
    none = np.empty(0, np.float32)
    schema = table_of(left=empty, right=empty, score=none).schema
    nearest = table_of(id=empty, neighbour=empty, similarity=none)
    parts = [job.store.read(_SCATTERED, one, [partition]) for one in maps]
    several = [columns(part, "id", "cells", "code") for part in parts if len(part)]
    if not several:
        job.store.write(PAIRS, name, [], schema)
        job.store.write(NEAREST, name, [], nearest.schema)
        return
    ids, cells, codes = (np.concatenate(column) for column in zip(*several, strict=True))
    of_cell = columns(job.store.read(_CELLS, "part-00000"), "partition")[0]
    most = job.settings.candidates if job.settings.verify else None
    join = _CellJoin(ids, cells, codes, job.settings.threshold, most)
    with one_blas_thread():
        own = np.flatnonzero(of_cell == partition).tolist()
        job.store.write(PAIRS, name, (join.pairs(cell) for cell in own), schema)
    job.store.write(NEAREST, name, [join.nearest()], nearest.schema)


def partitions_of_cells(centers: Matrix, partitions: int) -> Indices:
    """Divide cells by halves, along the direction in which their centres differ most.

    Args:
        centers: float32 of shape (cells, d).
        partitions: How many; a power of two.
    """
    found = np.zeros(len(centers), np.int64)
    _halve(centers, np.arange(len(centers)), 0, partitions, found)
    return found


def _halve(centers: Matrix, cells: Indices, first: int, count: int, found: Indices) -> None:
    found[cells] = first
    if count == 1 or len(cells) < 2:
        return
    middle = centers[cells] - centers[cells].mean(axis=0)
    direction = np.linalg.eigh((middle.T @ middle).astype(np.float64))[1][:, -1]
    order = cells[np.argsort(middle @ direction, kind="stable")]
    half = len(order) // 2
    _halve(centers, order[:half], first, count // 2, found)
    _halve(centers, order[half:], first + count // 2, count // 2, found)


def _unit(codes: Matrix) -> Matrix:
    result: Matrix = codes / np.linalg.norm(codes.astype(np.float64), axis=1)[:, None]
    return result.astype(np.float32)


def _nearest_cells(codes: Matrix, centers: Matrix, count: int) -> Indices:
    """The nearest cells of every descriptor, the nearest first."""
    found = np.empty((len(codes), count), np.int64)
    with one_blas_thread():
        for begin in range(0, len(codes), _ROWS_AT_ONCE):
            products = _unit(codes[begin : begin + _ROWS_AT_ONCE]) @ centers.T
            best = np.argpartition(-products, count - 1, axis=1)[:, :count]
            order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1, kind="stable")
            found[begin : begin + _ROWS_AT_ONCE] = np.take_along_axis(best, order, axis=1)
    return found


class _CellJoin:
    """The descriptors of a partition, compared cell by cell.

    Args:
        ids: int64 of shape (n,).
        cells: The cells that each is searched in, its own first; int64 of shape (n, k).
        codes: float32 of shape (n, d).
        threshold: Least similarity.
        most: How many pairs of each are wanted, the best of them; None for all.
    """

    def __init__(
        self, ids: Indices, cells: Indices, codes: Matrix, threshold: float, most: int | None
    ) -> None:
        self._ids, self._cells, self._threshold, self._most = ids, cells, threshold, most
        self._unit = _unit(codes)
        self._vectors = Vectors.of(np.ascontiguousarray(codes), np.arange(len(ids)), 1)
        self._best = np.full(len(ids), -np.inf, np.float32)
        self._neighbour = np.full(len(ids), -1)

    def pairs(self, cell: int) -> "pa.Table":
        """The pairs of the members of a cell with those that are searched in it."""
        members = np.flatnonzero(self._cells[:, 0] == cell)
        visitors = np.flatnonzero((self._cells == cell).any(axis=1))
        found = list(self._blocks(cell, visitors, members))
        one, other, score = (np.concatenate(column) for column in zip(*found, strict=True))
        pairs = Pairs(np.minimum(one, other), np.maximum(one, other), score)
        if self._most is not None:
            pairs = best_of_either(pairs, -pairs.score, self._most)
        order = np.lexsort((pairs.right, pairs.left))
        return table_of(left=pairs.left[order], right=pairs.right[order], score=pairs.score[order])

    def _blocks(
        self, cell: int, visitors: Indices, members: Indices
    ) -> Iterator[tuple[Indices, Indices, Matrix]]:
        yield np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
        least = np.float32(self._threshold) - _MARGIN
        for begin in range(0, len(visitors), _ROWS_AT_ONCE):
            rows = visitors[begin : begin + _ROWS_AT_ONCE]
            for start in range(0, len(members), _ROWS_AT_ONCE):
                columns_ = members[start : start + _ROWS_AT_ONCE]
                products = self._unit[rows] @ self._unit[columns_].T
                i, j = np.nonzero(products >= least)
                visitor, member = rows[i], columns_[j]
                here = self._is_found_here(cell, visitor, member)
                pairs = verified(
                    self._vectors, self._vectors, (visitor[here], member[here]), self._threshold
                )
                score = np.asarray(pairs.score, np.float32)
                self._keep_nearest(products, rows, columns_)
                yield self._ids[pairs.left], self._ids[pairs.right], score

    def nearest(self) -> "pa.Table":
        """The most similar other one that each has met, after the pairs of all cells."""
        found = np.flatnonzero(self._neighbour >= 0)
        pairs = verified(self._vectors, self._vectors, (found, self._neighbour[found]), -1.0)
        order = np.argsort(self._ids[pairs.left])
        ids, others = self._ids[pairs.left][order], self._ids[pairs.right][order]
        similarity = np.asarray(pairs.score, np.float32)[order]
        return table_of(id=ids, neighbour=others, similarity=similarity)

    def _keep_nearest(self, products: Matrix, rows: Indices, others: Indices) -> None:
        """Keep the best product of every row, less that with itself, which is overwritten."""
        place = np.minimum(np.searchsorted(others, rows), len(others) - 1)
        same = np.flatnonzero(others[place] == rows)
        products[same, place[same]] = -np.inf
        best = products.argmax(axis=1)
        product = products[np.arange(len(rows)), best]
        better = product > self._best[rows]
        self._best[rows[better]] = product[better]
        self._neighbour[rows[better]] = others[best[better]]

    def _is_found_here(self, cell: int, visitor: Indices, member: Indices) -> NDArray[np.bool_]:
        """Whether a pair counts here: it may be met in the cell of the other one as well."""
        own = self._cells[visitor, 0]
        meets_there = (self._cells[member] == own[:, None]).any(axis=1)
        first = self._ids[visitor] < self._ids[member]
        result: NDArray[np.bool_] = np.where(own == cell, first, ~meets_there | first)
        return result
