"""Images with equal codes, and plain images with equal pixels: one of them stands for all.

Codes meet by the remainder of a checksum. What stands for a group is its first image.
"""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from imagededup.distributed.encode import ENCODED
from imagededup.distributed.job import Job
from imagededup.distributed.tables import (
    Indices,
    batches,
    code_array,
    columns,
    partitioned,
    table_of,
)
from imagededup.distributed.workers import Workers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GROUPS", "UNIQUE", "find_groups"]

GROUPS, UNIQUE = "groups", "unique"
_SCATTERED = "codes-by-key"


def find_groups(job: Job, workers: Workers, images: int, dimensions: int) -> None:
    """Write `groups`, an image and its first, and `unique`, the codes that are searched.

    Args:
        job: What to do.
        workers: Where tasks run.
        images: How many there are.
        dimensions: Numbers of a code.
    """
    per_task = job.rows_per_task(dimensions)
    count = max(-(-images // per_task), 1)
    size = max(per_task // job.settings.shard_size, 1)
    several = batches(job.store.complete(ENCODED), size)
    parts = [(one, count) for one in several]
    maps = tuple(job.write_missing(workers, scatter_codes, _SCATTERED, parts))
    tasks = [(maps, partition) for partition in range(count)]
    job.write_missing(workers, group_codes, UNIQUE, tasks)


def scatter_codes(job: Job, name: str, shards: Sequence[str], count: int) -> None:
    """Write the codes of some shards by partition of their keys."""
    import pyarrow as pa

    tables = [table for table in (job.store.read(ENCODED, one) for one in shards) if len(table)]
    if not tables:
        job.store.write(_SCATTERED, name, [], pa.schema({"partition": pa.int32()}))
        return
    table = pa.concat_tables(tables)
    keys = _keys(table)
    table = table.append_column("key", pa.array(keys, pa.binary()))
    partition = np.fromiter(map(crc32, keys), np.int64, len(keys)) % count
    schema = table.schema.append(pa.field("partition", pa.int32()))
    job.store.write(_SCATTERED, name, partitioned(table, partition), schema)


def group_codes(job: Job, name: str, maps: Sequence[str], partition: int) -> None:
    """Write the groups and the different codes of a partition."""
    import pyarrow as pa

    tables = [job.store.read(_SCATTERED, one, [partition]) for one in maps]
    tables = [table for table in tables if len(table)]
    empty = np.empty(0, np.int64)
    nothing = table_of(id=empty, group=empty, plain=np.empty(0, bool))
    if not tables:
        job.store.write(GROUPS, name, [], nothing.schema)
        job.store.write(UNIQUE, name, [], pa.schema({"id": pa.int64()}))
        return
    table = pa.concat_tables(tables).sort_by("id")
    (ids,) = columns(table, "id")
    first = ids[_first_alike(table)]
    structured = np.array(table["plain"].is_null().to_pylist(), bool)
    others = np.flatnonzero(first != ids)
    groups = table_of(id=ids[others], group=first[others], plain=~structured[others])
    job.store.write(GROUPS, name, [groups], nothing.schema)
    rows = pa.array(np.flatnonzero((first == ids) & structured))
    chosen = table.select(["id", "code"]).take(rows)
    job.store.write(UNIQUE, name, [chosen], chosen.schema)


def _keys(table: "pa.Table") -> list[bytes]:
    """What equal images have in common: digests of descriptors, hashes, or digests of pixels."""
    codes = code_array(table)
    if codes.ndim == 2:
        keys = [hashlib.blake2b(row, digest_size=16).digest() for row in codes]
    else:
        keys = [code.tobytes() for code in codes]
    both = zip(keys, table["plain"].to_pylist(), strict=True)
    return [key if digest is None else b"p" + digest for key, digest in both]


def _first_alike(table: "pa.Table") -> Indices:
    """The first row with the key of each row."""
    numbers = table["key"].combine_chunks().dictionary_encode().indices.to_numpy()
    first = np.full(int(numbers.max()) + 1, len(numbers), np.int64)
    np.minimum.at(first, numbers, np.arange(len(numbers)))
    rows: Indices = first[numbers]
    return rows
