"""Which pairs of images are verified: for each image the best others, as on one machine."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.groups import UNIQUE
from imagededup.distributed.job import Job
from imagededup.distributed.join_hashes import PAIRS
from imagededup.distributed.looks import write_batches
from imagededup.distributed.same_pixels import representatives
from imagededup.distributed.tables import Indices, batches, columns, partitioned, spread, table_of
from imagededup.distributed.workers import Workers
from imagededup.verification.visits import visiting_order

__all__ = ["CANDIDATES", "propose_candidates"]

CANDIDATES = "candidates"
_SCATTERED, _PROPOSED = "pairs-by-code", "proposed"
_PAIRS_AT_ONCE = 2000
_NUMBERS_OF_PAIR = 32
"""About how many numbers a pair takes where pairs are put in order, names included."""

_Scores = NDArray[np.int64] | NDArray[np.float32]


def propose_candidates(job: Job, workers: Workers, images: int) -> None:
    """Write `candidates`: pairs of images in batches, in an order that decodes few images twice.

    Pairs whose first images stand close together in the listing are put in order together.
    """
    store = job.store
    shards = store.complete(PAIRS)
    rows = [store.facts(PAIRS, shard)["rows"] for shard in shards]
    per_task = job.rows_per_task(1)
    count = max(-(-2 * sum(rows) // per_task), 1)
    size = max(per_task * len(shards) // max(sum(rows), 1), 1)
    tasks = [(some, count) for some in batches(shards, size)]
    maps = tuple(job.write_missing(workers, scatter_pairs, _SCATTERED, tasks))
    different = sum(store.facts(UNIQUE, shard)["rows"] for shard in store.complete(UNIQUE))
    most = max(different * job.settings.candidates, 1)
    regions = max(-(-most // job.rows_per_task(_NUMBERS_OF_PAIR)), 1)
    proposals = [(maps, part, count, images, regions) for part in range(count)]
    proposed = tuple(job.write_missing(workers, propose, _PROPOSED, proposals))
    ordered = [(proposed, region) for region in range(regions)]
    job.write_missing(workers, put_in_order, CANDIDATES, ordered)


def scatter_pairs(job: Job, name: str, shards: Sequence[str], count: int) -> None:
    """Write some pairs of codes for both their ends, by the partition of the end."""
    import pyarrow as pa

    pairs = pa.concat_tables([job.store.read(PAIRS, one) for one in shards])
    left, right, score = columns(pairs, "left", "right", "score")
    both = table_of(
        code=np.concatenate([left, right]),
        other=np.concatenate([right, left]),
        score=np.concatenate([score, score]),
    )
    schema = both.schema.append(pa.field("partition", pa.int32()))
    home = spread(columns(both, "code")[0], count)
    job.store.write(_SCATTERED, name, partitioned(both, home), schema)


def propose(
    job: Job,
    name: str,
    maps: Sequence[str],
    partition: int,
    count: int,
    images: int,
    regions: int,
) -> None:
    """Write for the images with the codes of a partition the pairs with their best others."""
    import pyarrow as pa

    empty: Indices = np.empty(0, np.int64)
    parts = [job.store.read(_SCATTERED, one, [partition]) for one in maps]
    several = [columns(part, "code", "other", "score") for part in parts if len(part)]
    code, other, score = (
        (np.concatenate(one) for one in zip(*several, strict=True)) if several else [empty] * 3
    )
    group, ids = representatives(job)
    own = spread(group, count) == partition
    order = -score if not job.settings.by_distance else score
    item, best = best_others((code, other, order), (group, ids), own, job.settings.candidates)
    pairs = _once(np.minimum(item, best), np.maximum(item, best))
    table = table_of(left=pairs[0], right=pairs[1])
    region = pairs[0] * regions // max(images, 1)
    schema = table.schema.append(pa.field("partition", pa.int32()))
    job.store.write(_PROPOSED, name, partitioned(table, region), schema)


def best_others(
    pairs: tuple[Indices, Indices, _Scores],
    representing: tuple[Indices, Indices],
    own: NDArray[np.bool_],
    count: int,
) -> tuple[Indices, Indices]:
    """For each image the best others: those of its code, then those of like codes, by number.

    A code is named by its first image, that stands for it beside the others that represent it.

    Args:
        pairs: Codes, others, and a score that is lower the better, above the best there can be.
        representing: Codes, sorted, and their further images, ascending.
        own: Of which of these the best others are wanted, too.
        count: How many at most.

    Returns:
        Images, and one of the others each.
    """
    code, other, score = pairs
    row, target = _expanded(other, representing, count)
    row, target = _best(code[row], score[row], target, count, row)
    back, image = _expanded(code[row], representing, None)
    places, target = row[back], target[back]
    same, twin = _twins(representing, own, count)
    images = np.concatenate([same, image])
    others = np.concatenate([twin, target])
    scores = np.concatenate([np.full(len(same), -np.inf), score[places]])
    found, others = _best(images, scores, others, count, np.arange(len(images)))
    return images[found], others


def put_in_order(job: Job, name: str, maps: Sequence[str], region: int) -> None:
    """Write the pairs of a region in batches, each of images that are close together."""
    parts = [columns(job.store.read(_PROPOSED, one, [region]), "left", "right") for one in maps]
    left, right = _once(*(np.concatenate(one) for one in zip(*parts, strict=True)))
    order = visiting_order(left, right)
    left, right = left[order], right[order]
    size = min(_PAIRS_AT_ONCE, job.rows_per_task(_NUMBERS_OF_PAIR))
    edges = [slice(begin, begin + size) for begin in range(0, len(left), size)]
    tables = [table_of(left=left[some], right=right[some]) for some in edges]
    write_batches(job, CANDIDATES, name, tables)


def _expanded(
    codes: Indices, representing: tuple[Indices, Indices], count: int | None
) -> tuple[Indices, Indices]:
    """The place of every code for each of its images, or of so many at most, and the image."""
    group, ids = representing
    begin, end = np.searchsorted(group, codes), np.searchsorted(group, codes, "right")
    size = 1 + (end - begin)
    size = size if count is None else np.minimum(size, count)
    row = np.repeat(np.arange(len(codes)), size)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    images = codes[row].copy()
    further = rank > 0
    images[further] = ids[begin[row[further]] + rank[further] - 1]
    return row, images


def _twins(
    representing: tuple[Indices, Indices], own: NDArray[np.bool_], count: int
) -> tuple[Indices, Indices]:
    """For each image of codes that have several the first others of its code."""
    group, _ = representing
    codes = np.unique(group[own])
    row, images = _expanded(codes, representing, None)
    first_row, first = _expanded(codes, representing, count + 1)
    begin = np.searchsorted(first_row, row)
    size = np.searchsorted(first_row, row, "right") - begin
    back = np.repeat(np.arange(len(row)), size)
    rank = np.arange(len(back)) - np.repeat(np.cumsum(size) - size, size)
    others = first[begin[back] + rank]
    different = images[back] != others
    return images[back][different], others[different]


def _best(
    images: Indices, scores: NDArray[np.generic], others: Indices, count: int, rows: Indices
) -> tuple[Indices, Indices]:
    """The rows of the lowest scores of each image, equals by the other one; and the others."""
    order = np.lexsort((others, scores, images))
    sorted_images = images[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_images, sorted_images)
    order = order[rank < count]
    return rows[order], others[order]


def _once(left: Indices, right: Indices) -> tuple[Indices, Indices]:
    """Every pair once, sorted."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.ones(len(left), bool)
    new[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[new], right[new]
