import os
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from imagededup.distributed.job import Job
from imagededup.distributed.run import prepare
from imagededup.distributed.store import shard_name
from imagededup.distributed.tables import codes_table

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_REPORT_URL"] = "http://127.0.0.1:9"

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


class HereAndNow:
    """Runs every task at once, in this process."""

    def __init__(self):
        self.core_seconds = Counter()

    def run(self, task, arguments):
        for one in arguments:
            task(*one)

    def attempts(self, task, arguments, share=None):
        for one in arguments:
            task(*one)
            yield one, True

    def gpu_share(self):
        return None


ask = partial(
    prepare,
    method="phash",
    threshold=None,
    recursive=True,
    shard_size=7,
    task_size=64 * 16,
    cells_probed=8,
)
"""A job that is small enough to be cut into many tasks."""


def near_hashes(count: int, seed: int = 0) -> np.ndarray:
    """Hashes of which many are few bits apart, and some equal."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 2**64, count, np.uint64)
    some = generator.integers(0, count, count // 4)
    flips = np.zeros(len(some), np.uint64)
    for _ in range(8):
        flips ^= np.uint64(1) << generator.integers(0, 64, len(some)).astype(np.uint64)
    flips[: len(some) // 8] = 0
    codes[generator.integers(0, count, len(some))] = codes[some] ^ flips
    return codes


def near_descriptors(count: int, dimensions: int, seed: int = 0) -> np.ndarray:
    """Descriptors around as many centres as a collection has scenes, a third with near copies."""
    generator = np.random.default_rng(seed)
    scenes = generator.standard_normal((max(count // 50, 1), dimensions), np.float32)
    codes = scenes[generator.integers(0, len(scenes), count)]
    codes += generator.standard_normal(codes.shape, np.float32)
    some = generator.integers(0, count, count // 3)
    noise = generator.standard_normal((len(some), dimensions), np.float32)
    copies = codes[some] + 0.6 * noise * generator.random((len(some), 1), np.float32)
    codes[generator.integers(0, count, len(some))] = copies
    return codes


def store_codes(job: Job, codes: np.ndarray) -> None:
    """Make a work folder as it is after encoding."""
    job.check()
    job.store.write_json("listing.json", {"images": len(codes), "root": "/nowhere", "places": []})
    size = job.settings.shard_size
    for number, begin in enumerate(range(0, len(codes), size)):
        some = codes[begin : begin + size]
        table = codes_table(np.arange(begin, begin + len(some)), some, {})
        facts = {"dimensions": some.shape[1] if some.ndim == 2 else 1}
        job.store.write("encoded", shard_name(number), [table], table.schema, facts)


def found_pairs(job: Job) -> np.ndarray:
    """The stored pairs as rows of left, right and score, sorted."""
    tables = [job.store.read("pairs", shard) for shard in job.store.complete("pairs")]
    columns = [
        np.concatenate([np.empty(0), *(table[name].to_numpy() for table in tables)])
        for name in ("left", "right", "score")
    ]
    rows = np.stack(columns, axis=1)
    return rows[np.lexsort(rows.T[1::-1])]


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    return tmp_path / "work"
