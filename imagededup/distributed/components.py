"""Connected components of edges that do not fit one machine, by contraction in rounds.

An edge goes to the partitions of both its ends. A partition replaces the edges that meet there by
stars: each image with the first that it is connected to (scipy). That repeats until no partition
changes anything; then every image has one edge, to the first image of its component. Distances
shrink by a factor in each round, so there are few (Kiveris et al.: Connected Components in
MapReduce and Beyond, 2014, has the like).
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagededup.distributed.groups import GROUPS
from imagededup.distributed.job import Job
from imagededup.distributed.join_hashes import PAIRS
from imagededup.distributed.same_pixels import IDENTICAL
from imagededup.distributed.tables import Indices, columns, partitioned, spread, table_of
from imagededup.distributed.verify import VERIFIED, verdicts_of
from imagededup.distributed.workers import Workers
from imagededup.search.matches import connected_components

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["COMPONENTS", "label_components", "stars"]

COMPONENTS = "components"
_CODES, _PIXELS = (PAIRS, GROUPS), (VERIFIED, IDENTICAL, GROUPS)
"""Where edges are: as codes decide, or pixels."""
logger = logging.getLogger("imagededup")


def label_components(job: Job, workers: Workers) -> None:
    """Write `components`: every image that has a duplicate, with the first image of its component.

    An image that is not there is alone.
    """
    stages = _PIXELS if job.settings.verify else _CODES
    shards = [(stage, shard) for stage in stages for shard in job.store.complete(stage)]
    edges = [job.store.facts(*shard)["rows"] for shard in shards]
    per_task = job.rows_per_task(1)
    count = max(-(-sum(edges) // per_task), 1)
    tasks = [(tuple(some), count) for some in _batches(shards, edges, per_task)]
    names = job.write_missing(workers, scatter_edges, _round(0), tasks)
    number = 0
    while True:
        number += 1
        rounds = [(number, tuple(names), partition, count) for partition in range(count)]
        names = job.write_missing(workers, contract, _round(number), rounds)
        facts = [job.store.facts(_round(number), name) for name in names]
        changed = sum(fact["changed"] for fact in facts)
        total = sum(fact["rows"] for fact in facts)
        logger.info(
            "components: round %d, %d edges, %d of %d parts changed", number, total, changed, count
        )
        if count == 1 or not changed:
            break
    final = [(number, tuple(names), partition, count) for partition in range(count)]
    job.write_missing(workers, write_components, COMPONENTS, final)


def scatter_edges(job: Job, name: str, shards: Sequence[tuple[str, str]], count: int) -> None:
    """Write the stars of some shards of pairs and groups by the partitions of their ends."""
    ends = [_ends(job, *shard) for shard in shards]
    left = np.concatenate([np.empty(0, np.int64), *(one for one, _ in ends)])
    right = np.concatenate([np.empty(0, np.int64), *(other for _, other in ends)])
    _write(job, _round(0), name, stars(left, right), count, True)


def _ends(job: Job, stage: str, shard: str) -> Sequence[Indices]:
    """The edges of a shard."""
    table = job.store.read(stage, shard)
    if stage == PAIRS:
        return columns(table, "left", "right")
    if stage == VERIFIED:
        left, right, verdicts = verdicts_of(table)
        kept = verdicts.among(job.settings.kept_relations())
        return left[kept], right[kept]
    if stage == IDENTICAL:
        first, item = columns(table, "first", "id")
        different = first != item
        return first[different], item[different]
    first, item, plain = columns(table, "group", "id", "plain")
    kept = plain | (not job.settings.verify)
    return first[kept], item[kept]


def contract(
    job: Job, name: str, number: int, maps: Sequence[str], partition: int, count: int
) -> None:
    """Write the stars of the edges that meet in a partition."""
    image, first = _edges(job, number - 1, maps, partition)
    found = stars(image, first)
    same = len(image) == len(found[0]) and all(map(np.array_equal, (image, first), found))
    _write(job, _round(number), name, found, count, not same)


def write_components(
    job: Job, name: str, number: int, maps: Sequence[str], partition: int, count: int
) -> None:
    """Write the labels of the images of a partition."""
    image, first = _edges(job, number, maps, partition)
    roots = np.unique(first)
    ids, labels = np.concatenate([image, roots]), np.concatenate([first, roots])
    own = spread(ids, count) == partition
    order = np.argsort(ids[own])
    table = table_of(id=ids[own][order], component=labels[own][order])
    groups = {"groups": int((ids[own] == labels[own]).sum())}
    job.store.write(COMPONENTS, name, [table], table.schema, groups)


def stars(left: Indices, right: Indices) -> tuple[Indices, Indices]:
    """Every item but the first of each component, ascending, with that first item.

    Examples:
        >>> [ends.tolist() for ends in stars(np.array([5, 9, 2]), np.array([7, 5, 3]))]
        [[3, 7, 9], [2, 5, 5]]
    """
    items, place = np.unique(np.concatenate([left, right]), return_inverse=True)
    component = connected_components(place[: len(left)], place[len(left) :], len(items))
    first = items[np.unique(component, return_index=True)[1]][component]
    others = first != items
    return items[others], first[others]


def _round(number: int) -> str:
    return f"round-{number:03d}"


def _batches(
    shards: Sequence[tuple[str, str]], rows: Sequence[int], size: int
) -> list[list[tuple[str, str]]]:
    """Shards together that have about so many rows."""
    found: list[list[tuple[str, str]]] = [[]]
    taken = 0
    for shard, count in zip(shards, rows, strict=True):
        if found[-1] and taken + count > size:
            found.append([])
            taken = 0
        found[-1].append(shard)
        taken += count
    return found


def _edges(job: Job, number: int, maps: Sequence[str], partition: int) -> tuple[Indices, Indices]:
    """The different edges that meet in a partition, sorted."""
    parts = [
        columns(job.store.read(_round(number), one, [partition]), "image", "first") for one in maps
    ]
    both = np.concatenate([np.stack(part, axis=1) for part in parts])
    different = both[np.lexsort(both.T[::-1])]
    kept = np.ones(len(different), bool)
    kept[1:] = (different[1:] != different[:-1]).any(axis=1)
    return different[kept, 0], different[kept, 1]


def _write(
    job: Job, stage: str, name: str, edges: tuple[Indices, Indices], count: int, changed: bool
) -> None:
    """Write edges for the partitions of both their ends; once where these are one."""
    image, first = edges
    homes = spread(image, count), spread(first, count)
    twice = np.flatnonzero(homes[0] != homes[1])
    rows = np.concatenate([np.arange(len(image)), twice])
    partition = np.concatenate([homes[0], homes[1][twice]])
    table = table_of(image=image[rows], first=first[rows])
    empty: Indices = np.empty(0, np.int64)
    schema = _with_partition(table_of(image=empty, first=empty))
    job.store.write(stage, name, partitioned(table, partition), schema, {"changed": int(changed)})


def _with_partition(table: "pa.Table") -> "pa.Schema":
    import pyarrow as pa

    return table.schema.append(pa.field("partition", pa.int32()))
