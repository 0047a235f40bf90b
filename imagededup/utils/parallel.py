"""Ordered work on several threads in bounded memory."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from mmap import mmap
from threading import Event, Thread, current_thread
from typing import TypeVar

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.utils.available import available_cores
from imagededup.utils.options import whole_number

__all__ = ["beside", "check_workers", "ordered_map", "task_size"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_WORKERS = 1024
_PATIENCE_SECONDS = 1.0
_BYTES_TO_START = 12 << 20  # a thread's stack, and what Python needs before its first line
_LARGEST_TASK = 4
_TASKS_PER_WORKER = 8


def check_workers(name: str, workers: object) -> int:
    """The number of threads to use; None means all cores that the process may use.

    More than 1,024 count as 1,024.

    Raises:
        InvalidTypeError: Not an int.
        InvalidValueError: Negative.
    """
    if workers is None:
        return available_cores()
    number = whole_number(workers)
    if number is None:
        raise InvalidTypeError(f"{name} must be an int or None, got {type(workers).__name__}")
    if number < 0:
        raise InvalidValueError(f"{name} must be 0 or more, got {number}")
    return min(max(number, 1), _MOST_WORKERS)


def task_size(count: int, least: int, workers: int) -> int:
    """How many items a task is to have: a multiple of `least`, of up to four times as many.

    A task costs time of its own, and at the end of the work threads wait for the last one.

    Examples:
        >>> task_size(100, least=4, workers=2), task_size(10_000, least=4, workers=2)
        (4, 16)
    """
    return least * min(_LARGEST_TASK, max(1, count // (least * workers * _TASKS_PER_WORKER)))


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int
) -> Generator[Result, None, None]:
    """Yield `function(item)` in the order of the items.

    At most two items per worker are in work or wait to be taken. An exception, an interrupt too,
    ends the work without waiting for what is under way. Where memory does not suffice for the
    threads, fewer do the work, or the caller's own.

    Raises:
        MemoryError: A thread has died on the way from one item to the next, as it does where
            memory is short; its item would be waited for, for ever.
    """
    remaining = iter(items)
    first = list(islice(remaining, 2 * workers if workers > 1 else 0))
    workers = _threads_that_fit(min(workers, len(first)))
    if workers == 1:
        yield from map(function, chain(first, remaining))
        return
    executor, threads = _executor(workers)
    try:
        pending: deque[Future[Result]] = deque(executor.submit(function, item) for item in first)
        while pending:
            result = _result(pending.popleft(), threads)
            pending.extend(executor.submit(function, item) for item in islice(remaining, 1))
            yield result
        executor.shutdown()  # no thread is left when the caller forks
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def beside(task: Callable[[Callable[[], None]], None], workers: int) -> Iterator[None]:
    """Do a task while the body runs; before it where there is one worker only, or no memory.

    What the task raises is raised at the end of the body. A body that fails waits until the task
    has stopped.

    Args:
        task: Given a function that it calls now and then, which ends it if the body has failed.
        workers: Number of threads.
    """
    if _threads_that_fit(workers) == 1:
        task(lambda: None)
        yield
        return
    failed = Event()

    def check() -> None:
        if failed.is_set():
            raise _StoppedError

    executor, threads = _executor(1)
    with executor:
        future = executor.submit(task, check)
        try:
            yield
        except BaseException:
            failed.set()
            raise
        _result(future, threads)


class _StoppedError(Exception):
    """What a task was done for has failed."""


def _threads_that_fit(workers: int) -> int:
    """How many of the workers memory suffices for; one is the caller's own thread.

    To start a thread that dies before its first line would wait for it for ever: Python does.
    """
    if workers <= 1:
        return 1
    with ExitStack() as room:
        for fit in range(workers):
            try:
                room.enter_context(mmap(-1, _BYTES_TO_START))  # asked for, and never touched
            except OSError:
                return max(1, fit)
    return workers


def _executor(workers: int) -> tuple[ThreadPoolExecutor, list[Thread]]:
    """An executor and its threads: all are started before one takes memory for its work."""
    threads: list[Thread] = []
    started = ThreadPoolExecutor(
        workers, "imagededup", initializer=lambda: threads.append(current_thread())
    )
    all_started = Event()
    try:
        for _ in range(workers):
            started.submit(all_started.wait)
    finally:
        all_started.set()
    return started, threads


def _result(future: Future[Result], threads: list[Thread]) -> Result:
    while not wait([future], _PATIENCE_SECONDS).done:
        if not all(thread.is_alive() for thread in threads):
            raise MemoryError("a thread has died")
    return future.result()
