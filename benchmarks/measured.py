"""What measurements of rates share: processor time, jobs whose tasks run in this process."""

import contextlib
import io
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.job import Job
from imagededup.distributed.run import prepare
from imagededup.distributed.store import Store, shard_name
from imagededup.distributed.tables import codes_table
from imagededup.distributed.workers import ONE_CORE, Share

__all__ = [
    "Found",
    "TimedTasks",
    "cpu_seconds",
    "encoded_job",
    "job_of",
    "quietly",
    "stored_bytes",
    "stored_rows",
]

Found = Iterator[tuple[str, float, str]]
"""Name, value, and its unit with what it is."""

_SHARD = 1000


def cpu_seconds(function: Callable[[], object], repeat: int = 1) -> tuple[float, float]:
    """Processor seconds of all threads, and of this one alone: the least of some calls.

    What this thread does, the other cores wait for, as long as others do the rest.
    """
    found = []
    for _ in range(repeat):
        everything, own = time.process_time(), time.thread_time()
        function()
        found.append((time.process_time() - everything, time.thread_time() - own))
    return min(found)


def quietly(function: Callable[[], int]) -> None:
    """Call the runner without what it prints."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        failed = function()
    if failed:
        raise SystemExit("the runner failed")


class TimedTasks:
    """Runs tasks in this process, one after the other.

    Attributes:
        core_seconds: Processor time of each kind of task, by its name.
    """

    def __init__(self) -> None:
        self.core_seconds: Counter[str] = Counter()

    def run(self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> None:
        """Run a task with each of some arguments."""
        for _ in self.attempts(task, arguments):
            pass

    def attempts(
        self,
        task: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        share: Share = ONE_CORE,  # noqa: ARG002
    ) -> Iterator[tuple[tuple[Any, ...], bool]]:
        """The same, one after the other."""
        for one in arguments:
            begin = time.process_time()
            task(*one)
            self.core_seconds[task.__name__] += time.process_time() - begin
            yield one, True

    def gpu_share(self) -> None:
        """There is none."""

    def answer(self, question: Callable[..., Any], arguments: tuple[Any, ...], share: Share) -> Any:  # noqa: ANN401, ARG002
        """What a function returns."""
        return question(*arguments)


def job_of(work_dir: Path, method: str, source: Path) -> Job:
    """A job of smaller tasks than usual, so that there are many."""
    return prepare(
        str(source),
        str(work_dir),
        method=method,
        threshold=None,
        recursive=True,
        shard_size=_SHARD,
        task_size="64M",
        cells_probed=8,
    )


def encoded_job(folder: Path, method: str, codes: NDArray[Any]) -> Job:
    """A job whose images are encoded."""
    source = folder / "nothing"
    source.mkdir(exist_ok=True)
    job = job_of(folder / method, method, source)
    job.check()
    job.store.write_json("listing.json", {"images": len(codes), "root": "/", "places": []})
    facts = {"dimensions": codes.shape[1] if codes.ndim == 2 else 1}
    for number, begin in enumerate(range(0, len(codes), _SHARD)):
        some = codes[begin : begin + _SHARD]
        table = codes_table(np.arange(begin, begin + len(some)), some, {})
        job.store.write("encoded", shard_name(number), [table], table.schema, facts)
    return job


def stored_bytes(folder: Path, stage: str) -> int:
    """Of the shards of a stage."""
    return sum(file.stat().st_size for file in (folder / stage).glob("*.parquet"))


def stored_rows(store: Store, stage: str) -> int:
    """In all shards of a stage."""
    return sum(store.facts(stage, shard)["rows"] for shard in store.complete(stage))
