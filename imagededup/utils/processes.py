"""Ordered work by several processes of a few threads each, where one would hold its threads up.

Python runs in one thread of a process at a time, so that of many threads more and more wait. Here
each of them hands its items to a thread of a child, and waits without holding the others up.
Children are started as programs of their own: nothing is forked, and a script needs no `if __name__
== "__main__"`. They end when this process does, however it ends.
"""

import os
import sys
from collections.abc import Generator, Iterable
from math import ceil
from pathlib import Path
from typing import Protocol, TypeVar

from imagededup.utils.available import granted_cores, granted_memory
from imagededup.utils.parallel import ordered_map

__all__ = ["Work", "shared_map"]

Item = TypeVar("Item")
Result = TypeVar("Result")
ItemOfWork = TypeVar("ItemOfWork", contravariant=True)
ResultOfWork = TypeVar("ResultOfWork", covariant=True)

_LEAST_WORKERS = 12
_MOST_THREADS = 6
"""Of a child, where memory suffices for as many children."""

_CHILD_BYTES = 256 << 20
_SHARE_OF_MEMORY = 4


class Work(Protocol[ItemOfWork, ResultOfWork]):
    """What is done with each item; it is pickled for children, as are items and results."""

    def __call__(self, item: ItemOfWork, /) -> ResultOfWork:
        """Do it."""

    def amount(self, item: ItemOfWork, /) -> int:
        """How much that is: 0 where it takes no time worth mentioning."""

    def obstacle(self) -> str | None:
        """Why no other process can do it, if so."""

    def get_ready(self) -> None:
        """Called once in a child, before its first item; if it raises, threads do the work."""


def shared_map(
    work: Work[Item, Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """As `ordered_map`, by threads of several processes where that is faster.

    Raises:
        ImageDedupError: A child has died, as it does where memory is short.
    """
    threads = _threads_of_each(workers)
    if not threads:
        yield from ordered_map(work, items, workers)
        return
    from imagededup.utils.children import Children  # loads subprocess and sockets

    children = Children(work, threads)
    try:
        yield from ordered_map(children, children.joining_in(items), workers)
        children.end()
    finally:
        children.kill()


def _threads_of_each(workers: int) -> list[int]:
    """How many threads each child is to have; none where threads of this process do as well."""
    cores = min(workers, int(granted_cores()))
    if cores < _LEAST_WORKERS or not _can_start():
        return []
    most = granted_memory() // _SHARE_OF_MEMORY // _CHILD_BYTES
    if most < 2:
        return []
    count = min(ceil(cores / _MOST_THREADS), most)
    return [workers // count + (place < workers % count) for place in range(count)]


def _can_start() -> bool:
    """Whether the interpreter is a program of its own, and this process none of a pool."""
    multiprocessing = sys.modules.get("multiprocessing")
    return (
        os.name == "posix"
        and "python" in Path(sys.executable or "").name.lower()
        and not getattr(sys, "frozen", False)
        and (multiprocessing is None or multiprocessing.parent_process() is None)
    )
