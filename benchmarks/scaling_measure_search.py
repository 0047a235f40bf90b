"""Rates of joins, components and the tasks of a job, for `scaling_measure.py`."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from cosine_search import PeakMemory
from hashing import planted_codes
from measured import Found, TimedTasks, cpu_seconds, encoded_job, quietly, stored_bytes, stored_rows
from numpy.typing import NDArray

from imagededup import fastdup
from imagededup.distributed.join_descriptors import _CellJoin
from imagededup.distributed.run import work
from imagededup.search.hamming.choose import search_hamming
from imagededup.search.matches import connected_components

__all__ = ["searching"]

_HASHES = (100_000, 1_000_000)
_FEATURES = (25_000, 100_000)
_JOB_HASHES, _JOB_DESCRIPTORS = 300_000, 20_000
_ONE_CELL = 4096
_RUNNER_DIMENSIONS = 576
_PROBED, _TRAINING_PER_CELL = 8, 39

Descriptors = Callable[[int], NDArray[np.float32]]


def searching(folder: Path, descriptors: Descriptors) -> Found:
    """The rates.

    Args:
        folder: To write in.
        descriptors: Gives so many, of 1024 numbers.
    """
    yield from _hash_join()
    yield from _components()
    yield from _neighbours(folder, descriptors)
    yield from _job_of_hashes(folder)
    yield from _job_of_descriptors(folder, descriptors)


def _hash_join() -> Found:
    for threshold in (10, 4):
        for count in _HASHES:
            codes = planted_codes(count)
            search_hamming(codes[:20_000], threshold, workers=2)  # compiles
            search = partial(search_hamming, codes, threshold, workers=2)
            with PeakMemory() as memory:
                everything, alone = cpu_seconds(search, 2)
            what = f"s for all pairs of {count:,} hashes within {threshold} bits"
            yield f"hash join {threshold} {count}", everything, what
    yield f"hash join alone {count}", alone, f"{what}: by one core only"
    yield "hash join memory", memory.peak / count, "bytes of memory a hash"


def _components() -> Found:
    count = 10**6
    ends = np.random.default_rng(0).integers(0, count, (2, count))
    seconds, _ = cpu_seconds(partial(connected_components, *ends, count), 2)
    yield "components", seconds / count, "s an edge, on one machine"


def _neighbours(folder: Path, descriptors: Descriptors) -> Found:
    for count in _FEATURES:
        work_dir = folder / f"neighbours {count}"
        names = [f"/photographs/{number // 1000:06}/{number:09}.jpg" for number in range(count)]
        features = np.ascontiguousarray(descriptors(count)[:, :_RUNNER_DIMENSIONS])
        fastdup.save_binary_feature(work_dir, names, features)
        del features
        run = partial(fastdup.run, input_dir=".", work_dir=str(work_dir), run_mode=2, threshold=0.9)
        repeat = 2 if count == min(_FEATURES) else 1  # the first one compiles
        with PeakMemory() as memory:
            everything, alone = cpu_seconds(partial(quietly, run), repeat)
        what = f"s for run_mode=2 of {count:,} features, k=2"
        yield f"neighbours {count}", everything - alone, f"{what}: by all cores"
        yield f"neighbours alone {count}", alone, f"{what}: by one core only"
        yield f"neighbours memory {count}", memory.peak / count, "bytes of memory, a feature"
    for file in ("features.dat", "faiss.index", "features.dat.csv", "connected_components.csv"):
        yield f"{file} row", (work_dir / file).stat().st_size / count, "bytes of a row"
    pairs = work_dir / "similarity.csv"
    with pairs.open("rb") as lines:
        rows = max(sum(1 for _ in lines) - 1, 1)
    yield "similarity.csv row", pairs.stat().st_size / rows, "bytes of a row"


def _job_of_hashes(folder: Path) -> Found:
    count, timed, place = _JOB_HASHES, TimedTasks(), folder / "phash"
    job = encoded_job(folder, "phash", planted_codes(count))
    work(job, timed)
    yield "hash encoded row", stored_bytes(place, "encoded") / count, "bytes of a row"
    grouping = _core_seconds(timed, "scatter_codes", "group_codes") / count
    yield "hash group", grouping, "s a row: equal codes"
    scattered = stored_rows(job.store, "codes-by-chunk")
    scatter = _core_seconds(timed, "scatter_hashes") / scattered
    yield "hash scatter", scatter, "s a row and chunk"
    yield "hash scattered row", stored_bytes(place, "codes-by-chunk") / scattered, "bytes of a row"
    pairs = stored_rows(job.store, "pairs")
    yield "hash pair row", stored_bytes(place, "pairs") / pairs, "bytes of a row"
    rounds = [stage.name for stage in place.glob("round-*")]
    edges = pairs + stored_rows(job.store, "groups")
    contracted = _core_seconds(timed, "scatter_edges", "contract")
    yield "component edge", contracted / len(rounds) / edges, "s an edge and round"
    labelled = sum(stored_rows(job.store, stage) for stage in rounds)
    kept = sum(stored_bytes(place, stage) for stage in rounds)
    yield "component row", kept / labelled, "bytes of a row of a round"
    members = stored_rows(job.store, "components")
    yield "component member", stored_bytes(place, "components") / members, "bytes of a row"
    shard = job.store.complete("codes-by-chunk")[0]
    seconds, _ = cpu_seconds(
        lambda: [job.store.read("codes-by-chunk", shard, [0]) for _ in range(100)], 3
    )
    yield "shard read", seconds / 100, "s to open a shard and read a partition of it"


def _job_of_descriptors(folder: Path, descriptors: Descriptors) -> Found:
    count, timed, place = _JOB_DESCRIPTORS, TimedTasks(), folder / "cnn"
    codes = descriptors(count)
    left, right = codes[:2048], np.ascontiguousarray(codes[2048:4096].T)
    seconds, _ = cpu_seconds(lambda: left @ right, 5)
    products = 2 * len(left) * codes.size / count * len(left) / seconds
    yield "products", products, "float32 operations a second in a product"
    one = _ONE_CELL
    join = _CellJoin(np.arange(one), np.zeros((one, 1), np.int64), codes[:one], 0.9, None)
    seconds, _ = cpu_seconds(partial(join.pairs, 0), 3)
    pair = seconds / one**2
    yield "descriptor pair", pair, "s a pair that is compared"
    job = encoded_job(folder, "cnn", codes)
    work(job, timed)
    yield "descriptor encoded row", stored_bytes(place, "encoded") / count, "bytes of a row"
    grouping = _core_seconds(timed, "scatter_codes", "group_codes") / count
    yield "descriptor group", grouping, "s a row: equal codes"
    cells = min(int(count**0.5), count // _TRAINING_PER_CELL)
    assigned = _core_seconds(timed, "assign") / count
    yield "descriptor scatter", assigned, f"s a row, with {cells} cells"
    copies = stored_rows(job.store, "descriptors-by-cell") / count
    yield "descriptor copies", copies, "partitions that a row goes to"
    compared = count * _PROBED / cells * pair
    joined = _core_seconds(timed, "join_partition") / count - compared
    yield "descriptor row", max(joined, 0.0), "s a row that is joined, beside what is compared"
    nearest = stored_rows(job.store, "nearest")
    yield "nearest row", stored_bytes(place, "nearest") / nearest, "bytes of a row"
    shutil.rmtree(place)


def _core_seconds(timed: TimedTasks, *tasks: str) -> float:
    return sum(timed.core_seconds[task] for task in tasks)
