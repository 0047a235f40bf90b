"""Running many tasks: by Ray, which schedules them and runs those of a lost node again."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from imagededup.errors import FileOperationError, ImageDedupError, MissingPackageError

__all__ = ["RayTasks", "Workers", "connect"]

logger = logging.getLogger("imagededup")

_WAITING_PER_SLOT = 4
_RETRIES = 20


class Workers(Protocol):
    """Where tasks run."""

    def run(self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> None:
        """Call a function with each of some arguments, in any order; a lost call is made again."""

    def attempts(
        self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[tuple[tuple[Any, ...], bool]]:
        """Call a function once with each of some arguments, as they are asked for.

        Yields:
            Arguments, and whether the call ended; it did not where its process died.
        """


class RayTasks:
    """Runs tasks on a Ray cluster, one a core; only a few wait at a time."""

    def __init__(self) -> None:
        import ray

        self._ray: Any = ray

    def run(self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]) -> None:
        """As `Workers.run`.

        Raises:
            FileOperationError: A task was lost more often than it is run again.
        """
        for one, ended in self._results(task, arguments, _RETRIES):
            if not ended:
                raise FileOperationError(f"a task was lost {_RETRIES} times: {task.__name__}{one}")

    def attempts(
        self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]]
    ) -> Iterator[tuple[tuple[Any, ...], bool]]:
        """As `Workers.attempts`."""
        return self._results(task, arguments, 0)

    def _results(
        self, task: Callable[..., Any], arguments: Iterable[tuple[Any, ...]], retries: int
    ) -> Iterator[tuple[tuple[Any, ...], bool]]:
        remote = self._ray.remote(task).options(num_cpus=1, max_retries=retries)
        left = iter(arguments)
        waiting: dict[Any, tuple[Any, ...]] = {}
        while True:
            room = self._room() - len(waiting)
            for one in islice(left, max(room, 0)):
                waiting[remote.remote(*one)] = one
            if not waiting:
                return
            for done in self._ray.wait(list(waiting), num_returns=1)[0]:
                yield waiting.pop(done), self._ended(done)

    def _room(self) -> int:
        """How many tasks may be in the queue, by the size that the cluster has now."""
        return _WAITING_PER_SLOT * max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def _ended(self, done: Any) -> bool:  # noqa: ANN401
        """Whether a task ended; raise what it raised."""
        try:
            self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, ImageDedupError):
                raise error.cause from error
            raise
        except (
            self._ray.exceptions.WorkerCrashedError,
            self._ray.exceptions.NodeDiedError,
            self._ray.exceptions.OutOfMemoryError,
        ) as error:
            logger.info("a worker was lost: %s", type(error).__name__)
            return False
        return True


def connect(address: str | None) -> bool:
    """Join a Ray cluster, or start one on this machine.

    Args:
        address: Of the cluster; 'auto' for the one that this machine belongs to; None starts one.

    Returns:
        Whether Ray was connected here: it is left as it is where the caller has done so before.

    Raises:
        MissingPackageError: Ray or pyarrow is not installed.
        FileOperationError: There is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
        import ray
    except ImportError as error:
        raise MissingPackageError(
            "a cluster needs Ray and pyarrow: pip install 'imagededup[ray]'"
        ) from error
    if ray.is_initialized():
        return False
    settings: dict[str, Any] = {}
    if address is None:  # reached by nobody else
        settings = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address or "local", log_to_driver=False, logging_level=logging.WARNING, **settings)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise FileOperationError(f"there is no Ray cluster at {address!r}: {error}") from error
    return True
