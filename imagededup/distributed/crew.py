"""Actors, each with its share of a machine, that come and go as the cluster does."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["Crew"]

_SECONDS = 2.0
"""After which time a cluster that has grown is noticed, where nothing else happens."""


class Crew:
    """One actor for each share of the cluster, which makes one call at a time.

    An actor that dies takes one call with it, and none that waits; another one takes its place
    where there is room. Only actors that have started get calls, so that none waits for a node
    that is lost.

    Args:
        ray: The module.
        size: The cores and the GPUs of each actor.
    """

    def __init__(self, ray: Any, size: tuple[int, int]) -> None:  # noqa: ANN401
        self._ray, self.size = ray, size
        self._make = ray.remote(_Actor).options(
            num_cpus=size[0], num_gpus=size[1], max_restarts=0, max_task_retries=0
        )
        self._starting: dict[Any, Any] = {}
        self._busy: dict[Any, Any] = {}
        self._idle: list[Any] = []

    def dismiss(self) -> None:
        """End all actors."""
        for actor in [*self._starting.values(), *self._busy.values(), *self._idle]:
            self._ray.kill(actor)

    def calls(
        self,
        function: Callable[..., Any],
        task: Callable[..., Any],
        threads: int,
        arguments: Iterable[tuple[Any, ...]],
    ) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Call `function(task, threads, ...)` for each of some arguments.

        Yields:
            Arguments and the reference of what is returned; the caller has to `settle` it.
        """
        left = deque(arguments)
        called: dict[Any, tuple[Any, ...]] = {}
        while left or called:
            self._fill(len(left) + len(called))
            while left and self._idle:
                actor, one = self._idle.pop(), left.popleft()
                done = actor.call.remote(function, task, threads, *one)
                self._busy[done], called[done] = actor, one
            waiting = [*called, *self._starting]
            for done in self._ray.wait(waiting, num_returns=1, timeout=_SECONDS)[0]:
                if done in called:
                    yield called.pop(done), done
                else:
                    self._started(done)

    def settle(self, done: Any, ended: bool) -> None:  # noqa: ANN401
        """Give the actor of a call, if it lives, to the next one."""
        actor = self._busy.pop(done)
        if ended:
            self._idle.append(actor)
        else:
            self._ray.kill(actor)

    def _fill(self, calls: int) -> None:
        """Start actors where there is room for more."""
        there = len(self._starting) + len(self._busy) + len(self._idle)
        for _ in range(there, min(self._room(), calls)):
            actor = self._make.remote()
            self._starting[actor.is_there.remote()] = actor

    def _room(self) -> int:
        found = self._ray.cluster_resources()
        wanted = zip(("CPU", "GPU"), self.size, strict=True)
        return max(min(int(found.get(kind, 0) // each) for kind, each in wanted if each), 1)

    def _started(self, done: Any) -> None:  # noqa: ANN401
        actor = self._starting.pop(done)
        try:
            self._ray.get(done)
        except self._ray.exceptions.RayActorError:
            return
        self._idle.append(actor)


class _Actor:
    """A process that stays, with what was made in it."""

    def is_there(self) -> None:
        """Return when it has started."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
        """Call a function."""
        return function(*arguments)
