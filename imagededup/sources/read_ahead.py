"""Reads of remote images that are under way while the images before them are decoded.

A read over the network is mostly waiting. A thread that knows what it will read next has up to 16
reads wait at once, which takes no further thread.
"""

import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from os import PathLike

from imagededup.errors import MissingPackageError
from imagededup.sources.addresses import is_remote, parts_of, remote_address
from imagededup.sources.remote_files import TooLongError
from imagededup.sources.retries import RemoteError, TimeUpError
from imagededup.sources.stores import start, store_of

__all__ = ["IN_FLIGHT", "read_before", "reading_ahead"]

IN_FLIGHT = 16
"""Reads that a thread has under way."""

_IN_PROCESS = 32
_MOST_BYTES = 2**24
"""Larger files are read when they are wanted, so that a process keeps 512 MiB at most."""

_of_thread = threading.local()
_free = threading.Semaphore(_IN_PROCESS)


@contextmanager
def reading_ahead(addresses: Iterable[str | PathLike[str]]) -> Iterator[None]:
    """In the block, `read_whole` finds remote files read that are among these addresses.

    It changes nothing but the time that it takes, in whatever order they are asked for.

    Args:
        addresses: What will be read, in this order; those that are not remote files are passed
            over.
    """
    wanted = [remote_address(one) for one in addresses if is_remote(one)]
    window = _Window([address for address in wanted if not parts_of(address)])
    before = getattr(_of_thread, "window", None)
    _of_thread.window = window
    try:
        yield
    finally:
        _of_thread.window = before
        window.close()


def read_before(address: str) -> bytes | None:
    """The bytes of a file that this thread has begun to read before; None if it has not.

    Raises:
        RemoteError: It cannot be read.
    """
    window = getattr(_of_thread, "window", None)
    return None if window is None else window.take(address)


class _Window:
    def __init__(self, addresses: list[str]) -> None:
        self._waiting = dict.fromkeys(addresses)
        self._started: dict[str, Future[bytes]] = {}
        self._last: tuple[str, bytes] | None = None
        self._fill()

    def take(self, address: str) -> bytes | None:
        """The bytes of a file; those of the last one are kept, as images are opened repeatedly."""
        if self._last and self._last[0] == address:
            return self._last[1]
        self._last = None
        self._waiting.pop(address, None)
        future = self._started.pop(address, None)
        if future is None:
            return None
        try:
            self._last = (address, future.result())
        except (TooLongError, TimeUpError):  # on a slow line, reads delay one another
            return None
        finally:
            future.cancel()
            _free.release()
            self._fill()
        return self._last[1]

    def close(self) -> None:
        """Give up what nobody asked for."""
        self._waiting.clear()
        while self._started:
            self._started.popitem()[1].cancel()
            _free.release()

    def _fill(self) -> None:
        while self._waiting and len(self._started) < IN_FLIGHT and _free.acquire(blocking=False):
            address = next(iter(self._waiting))
            del self._waiting[address]
            try:
                store, path = store_of(address)
            except (RemoteError, MissingPackageError):  # it is said when the file is wanted
                _free.release()
                continue
            self._started[address] = start(store.read, path, _MOST_BYTES)


def _begin_after_fork() -> None:
    """Reads of other threads are not under way in a forked process."""
    global _free
    _free = threading.Semaphore(_IN_PROCESS)
    _of_thread.__dict__.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_after_fork)
