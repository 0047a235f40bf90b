"""All pairs of hashes within a distance: the multi-index join of one machine, cut into tasks.

Two hashes within the distance agree nearly in a chunk of their bits, so also in its highest bits:
these say in which partition a hash is. A task joins a partition with all that differ from it in no
more bits than the chunk may. A pair that an earlier chunk gives is dropped, so each comes once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.groups import UNIQUE
from imagededup.distributed.job import Job
from imagededup.distributed.tables import best_of_either, columns, partitioned, table_of
from imagededup.distributed.workers import Workers
from imagededup.search.hamming.choose import CODE_BITS, HammingMethod, choose_method
from imagededup.search.hamming.chunks import Chunk, plan_chunks
from imagededup.search.matches import Pairs, each_once

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PAIRS", "HashJoin", "join_hashes", "plan_join"]

PAIRS = "pairs"
_SCATTERED = "codes-by-chunk"
_BITS_MOST = 14
_MOST_JOINED = 12
"""Up to which distance all pairs are made where only the best are wanted: one in four millions of
pairs of random hashes is so near; within 20 bits, it is one in 540."""
_COMPARED_AT_ONCE = 1 << 17
"""Rows of a task where everything is compared: so that there are several for a few minutes each."""


@dataclass(frozen=True, slots=True)
class HashJoin:
    """How hashes are joined.

    Attributes:
        chunks: Neighbouring bits, searched within a radius.
        partition_bits: How many of the highest bits of a chunk say the partition.
        compares_all: Whether everything is compared with everything, as for wide thresholds: there
            is one chunk then, of all bits.
    """

    chunks: tuple[Chunk, ...]
    partition_bits: int
    compares_all: bool

    def partition(self, codes: NDArray[np.uint64], chunk: int) -> NDArray[np.int64]:
        """The partition of every code, by a chunk."""
        one = self.chunks[chunk]
        highest = np.uint64(one.shift + one.bits - self.partition_bits)
        mask = np.uint64((1 << self.partition_bits) - 1)
        return ((codes >> highest) & mask).astype(np.int64)

    def neighbours(self, partition: int, chunk: int) -> list[int]:
        """The partitions from this one on that may hold a match."""
        later = range(partition, 1 << self.partition_bits)
        radius = self.chunks[chunk].radius
        return [one for one in later if (one ^ partition).bit_count() <= radius]

    def pairs(
        self,
        queries: NDArray[np.uint64],
        targets: NDArray[np.uint64] | None,
        threshold: int,
        chunk: int,
        most: int | None,
    ) -> Pairs:
        """The pairs of places that a chunk gives; of each code the best, `most` or more, or all."""
        if self.compares_all and most is not None:
            return _nearest(queries, targets, threshold, most)
        if self.compares_all:
            from imagededup.search.hamming.flat import hamming_pairs

            return hamming_pairs(queries, targets, threshold, 1, lambda _: None)
        from imagededup.search.hamming.multi_index import pairs_of_chunk  # loads numba

        found = pairs_of_chunk(queries, targets, threshold, (self.chunks, chunk))
        return found if most is None else best_of_either(found, found.score, most)


def _nearest(
    queries: NDArray[np.uint64], targets: NDArray[np.uint64] | None, threshold: int, most: int
) -> Pairs:
    """The nearest of the other side for the codes of each side."""
    from imagededup.search.hamming.nearest import nearest_codes  # loads numba

    found = nearest_codes(queries, targets, most, threshold)
    several = [found]
    if targets is not None:
        back = nearest_codes(targets, queries, most, threshold)
        several.append(Pairs(back.right, back.left, back.score))
    size = len(queries if targets is None else targets)
    once = each_once(several, size, targets is None)
    return Pairs(once.left, once.right, once.score.astype(np.int64))


def plan_join(count: int, threshold: int, rows_per_task: int, verify: bool = False) -> HashJoin:
    """How to join so many different hashes, with so many in a partition.

    Args:
        count: Of hashes.
        threshold: Largest distance.
        rows_per_task: How many hashes a task may hold.
        verify: Whether only the best pairs of each hash are wanted.
    """
    compares_all = choose_method(count, count, threshold) is HammingMethod.FAISS
    compares_all |= verify and threshold > _MOST_JOINED
    rows = min(rows_per_task, _COMPARED_AT_ONCE) if compares_all else rows_per_task
    bits = min(max(-(-count // rows) - 1, 0).bit_length(), _BITS_MOST)
    if compares_all:
        return HashJoin((Chunk(0, CODE_BITS, CODE_BITS),), bits, True)
    chunks = plan_chunks(count, count, threshold).chunks
    return HashJoin(chunks, min(bits, *(chunk.bits for chunk in chunks)), False)


def join_hashes(job: Job, workers: Workers) -> None:
    """Write `pairs`: the numbers of two images, the lower first, and their distance."""
    threshold = int(job.settings.threshold)
    shards = job.store.complete(UNIQUE)
    count = sum(job.store.facts(UNIQUE, shard)["rows"] for shard in shards)
    plan = plan_join(count, threshold, job.rows_per_task(1), job.settings.verify)
    searched = [place for place, chunk in enumerate(plan.chunks) if chunk.radius >= 0]
    chunks = [] if threshold == 0 or count < 2 else searched
    scattered = [(shard, plan, chunk) for chunk in chunks for shard in shards]
    names = job.write_missing(workers, scatter_hashes, _SCATTERED, scattered)
    tasks = []
    for place, chunk in enumerate(chunks):
        maps = tuple(names[place * len(shards) : (place + 1) * len(shards)])
        tasks += [(maps, plan, chunk, one) for one in range(1 << plan.partition_bits)]
    job.write_missing(workers, join_partition, PAIRS, tasks)


def scatter_hashes(job: Job, name: str, shard: str, plan: HashJoin, chunk: int) -> None:
    """Write the hashes of a shard by partition."""
    import pyarrow as pa

    schema = pa.schema({"id": pa.int64(), "code": pa.uint64(), "partition": pa.int32()})
    table = job.store.read(UNIQUE, shard)
    if not len(table):
        job.store.write(_SCATTERED, name, [], schema)
        return
    (codes,) = columns(table, "code")
    job.store.write(_SCATTERED, name, partitioned(table, plan.partition(codes, chunk)), schema)


def join_partition(
    job: Job, name: str, maps: Sequence[str], plan: HashJoin, chunk: int, partition: int
) -> None:
    """Write the pairs of a partition with itself and those after it, one after the other."""
    empty = np.empty(0, np.int64)
    schema = table_of(left=empty, right=empty, score=empty).schema
    tables = _joined(job, maps, plan, chunk, partition)
    job.store.write(PAIRS, name, tables, schema)


def _joined(
    job: Job, maps: Sequence[str], plan: HashJoin, chunk: int, partition: int
) -> "Iterator[pa.Table]":
    own_ids, own = _hashes(job, maps, partition)
    most = job.settings.candidates if job.settings.verify else None
    for other in plan.neighbours(partition, chunk) if len(own) else ():
        ids, codes = (own_ids, None) if other == partition else _hashes(job, maps, other)
        if codes is not None and not len(codes):
            continue
        found = plan.pairs(own, codes, int(job.settings.threshold), chunk, most)
        one, another = own_ids[found.left], ids[found.right]
        left, right = np.minimum(one, another), np.maximum(one, another)
        order = np.lexsort((right, left))
        yield table_of(left=left[order], right=right[order], score=found.score[order])


def _hashes(
    job: Job, maps: Sequence[str], partition: int
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The numbers of the images of a partition, ascending, with their hashes."""
    parts = [columns(job.store.read(_SCATTERED, one, [partition]), "id", "code") for one in maps]
    ids, codes = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(ids)
    return ids[order], codes[order]
