"""Which images with equal codes have equal pixels; those that have not are candidates apart."""

from collections.abc import Sequence

import numpy as np

from imagededup.distributed.groups import GROUPS
from imagededup.distributed.job import Job
from imagededup.distributed.looks import Batch, look_at_batches, write_batches
from imagededup.distributed.tables import Indices, columns, table_of
from imagededup.distributed.workers import Workers
from imagededup.verification.identical import identical_groups

__all__ = ["IDENTICAL", "find_identical", "representatives"]

IDENTICAL = "identical"
_MEMBERS, _REPRESENTATIVES = "members", "representatives"
_IMAGES_AT_ONCE = 500


def find_identical(job: Job, workers: Workers) -> None:
    """Write `identical`: an image of a group of equal codes, and the first with equal pixels."""
    shards = [(shard,) for shard in job.store.complete(GROUPS)]
    job.write_missing(workers, plan_members, _MEMBERS, shards)
    look_at_batches(job, workers, _MEMBERS, IDENTICAL, compare_members)
    several = tuple(job.store.complete(IDENTICAL))
    job.write_missing(workers, write_representatives, _REPRESENTATIVES, [(several,)])


def plan_members(job: Job, name: str, shard: str) -> None:
    """Write the members of groups of equal codes, in batches of whole groups."""
    ids, first, plain = columns(job.store.read(GROUPS, shard), "id", "group", "plain")
    ids, first = ids[~plain], first[~plain]
    groups = np.unique(first)
    ids, first = np.concatenate([groups, ids]), np.concatenate([groups, first])
    order = np.lexsort((ids, first))
    begins = np.searchsorted(first[order], groups)
    cuts = np.arange(0, len(ids), _IMAGES_AT_ONCE)
    edges = np.unique(begins[np.searchsorted(begins, cuts, "right") - 1]) if len(ids) else cuts
    parts = np.split(order, edges[1:]) if len(ids) else []
    tables = [table_of(id=ids[part], group=first[part]) for part in parts]
    write_batches(job, _MEMBERS, name, tables)


def compare_members(job: Job, name: str, left_out: tuple[int, ...], threads: int) -> None:
    """Write for the members of a batch the first with the same code and equal pixels."""
    batch = Batch(job, _MEMBERS, name, left_out)
    ids, first = columns(batch.rows, "id", "group")
    order = np.argsort(ids)
    ids, first = ids[order], first[order]
    number = np.unique(first, return_inverse=True)[1]
    dead = batch.left_out
    number[dead] = len(ids) + np.flatnonzero(dead)  # alone
    same = identical_groups(number.astype(np.int64), batch.path, threads)
    alike = ids[np.unique(same, return_index=True)[1]][same]
    table = table_of(id=ids, group=first, first=alike)
    job.store.write(IDENTICAL, name, [table], table.schema)
    batch.write_failures(name, {})


def write_representatives(job: Job, name: str, shards: Sequence[str]) -> None:
    """Write the images that have the code of another one and not its pixels."""
    nothing: Indices = np.empty(0, np.int64)
    groups, items = [nothing], [nothing]
    for shard in shards:
        ids, group, first = columns(job.store.read(IDENTICAL, shard), "id", "group", "first")
        apart = (ids == first) & (ids != group)
        groups.append(group[apart])
        items.append(ids[apart])
    group, ids = np.concatenate(groups), np.concatenate(items)
    order = np.lexsort((ids, group))
    table = table_of(group=group[order], id=ids[order])
    job.store.write(_REPRESENTATIVES, name, [table], table.schema)


def representatives(job: Job) -> tuple[Indices, Indices]:
    """Such images, ascending within groups; 16 bytes each, for they have to fit a task.

    Returns:
        Their groups, sorted, and the images.
    """
    (shard,) = job.store.complete(_REPRESENTATIVES)
    group, ids = columns(job.store.read(_REPRESENTATIVES, shard), "group", "id")
    return group, ids
