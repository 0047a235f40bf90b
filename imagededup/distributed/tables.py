"""Arrays as columns of Parquet, and back; rows by partition."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import ModelError
from imagededup.search.matches import Pairs

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Indices",
    "batches",
    "best_of_either",
    "code_array",
    "codes_table",
    "columns",
    "partitioned",
    "spread",
    "table_of",
]

Indices = NDArray[np.int64]


def table_of(**named: NDArray[Any]) -> "pa.Table":
    """A table of arrays; those of two dimensions become lists."""
    import pyarrow as pa

    return pa.table({name: _column(array) for name, array in named.items()})


def codes_table(ids: Indices, codes: NDArray[Any], plain: Mapping[int, bytes]) -> "pa.Table":
    """Codes of images, with the digests of the pixels of those without structure, by row."""
    import pyarrow as pa

    digests = pa.array([plain.get(row) for row in range(len(ids))], pa.binary())
    return table_of(id=ids, code=codes).append_column("plain", digests)


def code_array(table: "pa.Table") -> NDArray[Any]:
    """The column of codes: uint64 of shape (n,), or float32 of shape (n, d)."""
    return columns(table, "code")[0]


def columns(table: "pa.Table", *names: str) -> list[NDArray[Any]]:
    """Columns of numbers, or of lists of numbers of one length."""
    import pyarrow as pa

    found = []
    for name in names:
        column = table[name].combine_chunks()
        if pa.types.is_list(column.type):
            found.append(_matrix(column.flatten().to_numpy(zero_copy_only=False), len(column)))
        else:
            found.append(column.to_numpy(zero_copy_only=False))
    return found


def partitioned(table: "pa.Table", partition: NDArray[np.integer]) -> "Iterator[pa.Table]":
    """The rows of every partition that has any, in their order, with a column `partition`."""
    import pyarrow as pa

    numbers = pa.array(partition.astype(np.int32))
    order = np.argsort(partition, kind="stable")
    sorted_table = table.append_column("partition", numbers).take(pa.array(order))
    yield from _runs(sorted_table, partition[order])


def _runs(table: "pa.Table", partition: NDArray[np.integer]) -> "Iterator[pa.Table]":
    begins = np.flatnonzero(np.diff(partition, prepend=-1))
    for begin, end in zip(begins, [*begins[1:], len(partition)], strict=False):
        yield table.slice(int(begin), int(end - begin))


def spread(numbers: Indices, count: int) -> Indices:
    """The partition of every number, so that neighbours are apart (the finalizer of SplitMix64)."""
    mixed = numbers.astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(count)).astype(np.int64)


def batches(shards: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Neighbouring shards, so many at a time."""
    return [tuple(shards[begin : begin + size]) for begin in range(0, len(shards), size)]


def best_of_either(pairs: Pairs, costs: NDArray[Any], count: int) -> Pairs:
    """The pairs that are among the best of one of their ends, so many each or more if equal."""
    if not len(pairs):
        return pairs
    kept = np.zeros(len(pairs), bool)
    for end in (pairs.left, pairs.right):
        order = np.lexsort((costs, end))
        ends = end[order]
        rank = np.arange(len(order)) - np.searchsorted(ends, ends)
        last = np.searchsorted(ends, ends) + np.minimum(rank, count - 1)
        kept[order] |= costs[order] <= costs[order][last]
    return Pairs(pairs.left[kept], pairs.right[kept], pairs.score[kept])


def _matrix(numbers: NDArray[Any], rows: int) -> NDArray[Any]:
    if rows and len(numbers) % rows:
        raise ModelError("the model must return descriptors of one length, got several")
    return numbers.reshape(rows, len(numbers) // rows if rows else 0)


def _column(array: NDArray[Any]) -> "pa.Array":
    import pyarrow as pa

    if array.ndim == 1:
        return pa.array(array)
    offsets = np.arange(len(array) + 1, dtype=np.int32) * array.shape[1]
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(np.ascontiguousarray(array).ravel())
    )
