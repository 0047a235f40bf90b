"""Running many tasks: by Ray, which schedules them and runs those of a lost node again."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from imagededup.distributed.crew import Crew
from imagededup.errors import FileOperationError, ImageDedupError

__all__ = ["ONE_CORE", "RayTasks", "Share", "Workers"]

logger = logging.getLogger("imagededup")

_WAITING_PER_SLOT = 4
_RETRIES = 20


@dataclass(frozen=True, slots=True)
class Share:
    """What of a machine a call takes.

    Attributes:
        cores: As many threads it may keep busy.
        gpus: How many of them it has for itself.
    """

    cores: int
    gpus: int = 0


ONE_CORE = Share(1)


class Workers(Protocol):
    """Where tasks run.

    Attributes:
        core_seconds: What tasks took of a core so far, by their name.
    """

    core_seconds: Counter[str]

    def run(self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> None:
        """Call a function with each of some arguments, in any order; a lost call is made again."""

    def attempts(
        self,
        task: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        share: Share = ONE_CORE,
    ) -> Iterator[tuple[tuple[Any, ...], bool]]:
        """Call a function once with each of some arguments, in processes that stay.

        Yields:
            Arguments, and whether the call ended; it did not where its process died.
        """

    def gpu_share(self) -> Share | None:
        """A GPU with the cores that belong to it; None where there is no GPU."""

    def answer(self, question: Callable[..., Any], arguments: tuple[Any, ...], share: Share) -> Any:  # noqa: ANN401
        """What a function returns."""


class RayTasks:
    """Runs tasks on a Ray cluster, one a core; only a few wait at a time."""

    def __init__(self) -> None:
        import ray

        self._ray: Any = ray
        self._crew: Crew | None = None
        self.core_seconds: Counter[str] = Counter()

    def dismiss(self) -> None:
        """Let the processes go that stay between calls; they hold cores that tasks need."""
        if self._crew is not None:
            self._crew.dismiss()
            self._crew = None

    def run(self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> None:
        """As `Workers.run`.

        Raises:
            FileOperationError: A task was lost more often than it is run again.
        """
        self.dismiss()
        remote = self._ray.remote(measured).options(num_cpus=1, max_retries=_RETRIES)
        left = iter(arguments)
        waiting: dict[Any, tuple[Any, ...]] = {}
        while True:
            room = self._room() - len(waiting)
            for one in islice(left, max(room, 0)):
                waiting[remote.remote(task, 1, *one)] = one
            if not waiting:
                return
            for done in self._ray.wait(list(waiting), num_returns=1)[0]:
                one = waiting.pop(done)
                if not self._ended(done, task):
                    shown = f"{task.__name__}{one}"
                    raise FileOperationError(f"a task was lost {_RETRIES} times: {shown}")

    def attempts(
        self,
        task: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        share: Share = ONE_CORE,
    ) -> Iterator[tuple[tuple[Any, ...], bool]]:
        """As `Workers.attempts`: one actor for each share that the cluster has."""
        size = share.cores, share.gpus
        if self._crew is None or self._crew.size != size:
            self.dismiss()
            self._crew = Crew(self._ray, size)
        crew = self._crew
        for one, done in crew.calls(measured, task, share.cores, arguments):
            ended = self._ended(done, task)
            crew.settle(done, ended)
            yield one, ended

    def gpu_share(self) -> Share | None:
        """As `Workers.gpu_share`: of the machine that has the fewest cores a GPU."""
        alive = (node["Resources"] for node in self._ray.nodes() if node["Alive"])
        cores = [
            int(found.get("CPU", 0) // found["GPU"]) for found in alive if found.get("GPU", 0) >= 1
        ]
        return Share(max(min(cores), 1), 1) if cores else None

    def answer(self, question: Callable[..., Any], arguments: tuple[Any, ...], share: Share) -> Any:  # noqa: ANN401
        """As `Workers.answer`."""
        self.dismiss()
        remote = self._ray.remote(question).options(
            num_cpus=share.cores, num_gpus=share.gpus, max_retries=_RETRIES
        )
        return self._ray.get(remote.remote(*arguments))

    def _room(self) -> int:
        """How many tasks may be in the queue, by the size that the cluster has now."""
        return _WAITING_PER_SLOT * max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def _ended(self, done: Any, task: Callable[..., Any]) -> bool:  # noqa: ANN401
        """Whether a task ended; raise what it raised."""
        errors = self._ray.exceptions
        try:
            self.core_seconds[task.__name__] += self._ray.get(done)
        except errors.RayTaskError as error:
            if isinstance(error.cause, ImageDedupError):
                raise error.cause from error
            if isinstance(error.cause, OSError):
                raise FileOperationError(str(error.cause)) from error
            raise
        except (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.RayActorError,
        ) as error:
            logger.info("a worker was lost: %s", type(error).__name__)
            return False
        return True


def measured(task: Callable[..., Any], threads: int, *arguments: Any) -> float:  # noqa: ANN401
    """Call a task with so many threads of the linear algebra library; return what cores it took."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    begin = time.process_time()
    with threadpool_limits(threads):
        task(*arguments)
    return time.process_time() - begin
