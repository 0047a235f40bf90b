"""How much of a file is read, and how much memory decoding takes at once.

A file may be sparse, or may claim anything in its header: what is read of it is bounded by the
number of its pixels, and the pixels by what all threads of the process share.
"""

import io
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from imagededup.errors import UnreadableImageError
from imagededup.sources.limits import limits, over_limit

__all__ = ["LimitedFile", "MemoryBudget", "budget", "check_limit"]

_METADATA_BYTES = 2**28
_BYTES_PER_PIXEL = 16  # the longest form: 16-bit colours written as text
_BLOCK_BYTES = 2**16  # smaller reads are Pillow's blocks and need no look at the file's size
_SMALL_BYTES = 64  # a read of one byte costs time as well
_SMALL_READS = 2**22
_LITTLE_MEMORY = 2**22  # such images are decoded without asking another process
_TOO_LARGE = "the file is much larger than its pixels"

_read = io.BufferedReader.read


def check_limit(name: str, amount: int) -> None:
    """Refuse an image that takes more than `Limits` allow.

    Raises:
        UnreadableImageError: It says what the limit is, and how to raise it.
    """
    reason = over_limit(name, amount)
    if reason is not None:
        raise UnreadableImageError(reason)


class LimitedFile(io.BufferedReader):
    """A file of which no more than 256 MiB, and 16 bytes for each of its pixels, is read.

    No more than four million reads are of fewer than 64 bytes: decoders that are written in Python
    make one a pixel, and then a header can claim hours.

    Args:
        raw: What is read; it needs no descriptor, but can seek.

    Raises:
        UnreadableImageError: It is longer than `Limits` allow.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._left = _METADATA_BYTES
        self._small_reads = _SMALL_READS
        self._size = raw.seek(0, os.SEEK_END)
        raw.seek(0)
        check_limit("file_size", self._size)

    def allow_pixels(self, pixels: int) -> None:
        """Begin to count again, for the pixels of an image whose header has been read."""
        self._left = _METADATA_BYTES + _BYTES_PER_PIXEL * pixels

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and raise UnreadableImageError where it would be too much."""
        if size is not None and 0 <= size <= _BLOCK_BYTES:  # dozens an image, hence in one piece
            self._left -= size
            self._small_reads -= size < _SMALL_BYTES
            if self._left < 0 or self._small_reads < 0:
                raise UnreadableImageError(_TOO_LARGE)
            return _read(self, size)
        rest = max(0, self._size - self.tell())
        wanted = rest if size is None or size < 0 else min(size, rest)
        self._count(wanted)
        return _read(self, wanted)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line, and raise UnreadableImageError where it would be too much."""
        whole = size is None or size < 0
        data = super().readline(self._left + 1 if whole else min(size or 0, self._left + 1))
        self._count(len(data))
        return data

    def _count(self, length: int) -> None:
        self._left -= length
        self._small_reads -= length < _SMALL_BYTES
        if self._left < 0 or self._small_reads < 0:
            raise UnreadableImageError(_TOO_LARGE)


class MemoryBudget:
    """Bytes that decoding may take at the same time in all threads together.

    An image that takes more than what is left waits. Results do not depend on it.

    Args:
        total: The number of bytes; by default what `Limits` say at the time.
    """

    def __init__(self, total: int | None = None) -> None:
        self._fixed = total
        self._lender: Callable[[_Context], AbstractContextManager[None]] | None = None
        self._begin()

    def _begin(self) -> None:
        self._held = 0
        self._freed = threading.Condition()
        self._turn = threading.Lock()

    def hold(self, wanted: int | None) -> AbstractContextManager[None]:
        """Wait for these bytes, or for all, and hold them in a block. It must not be nested.

        Raises:
            UnreadableImageError: They are more than `Limits` allow.
        """
        if self._lender is not None and (wanted is None or wanted > _LITTLE_MEMORY):
            return self._lender(partial(_hold, wanted))
        return _Hold(self, wanted)

    def borrow(self, lender: "Callable[[_Context], AbstractContextManager[None]]") -> None:
        """Hold what another process has, from now on.

        Args:
            lender: Enters a context there, and gives one that leaves it.
        """
        self._lender = lender

    def take(self, wanted: int | None) -> int:
        """Begin to hold bytes; as many are to be given back as it returns."""
        if self._fixed is None and wanted is not None:
            check_limit("memory", wanted)
        total = limits().memory_of_all if self._fixed is None else self._fixed
        share = total if wanted is None else min(wanted, total)
        with self._turn, self._freed:  # who came later waits, or large images would for ever
            while not (self._held == 0 or self._held + share <= total):
                self._freed.wait()
            self._held += share
        return share

    def give_back(self, share: int) -> None:
        """End it."""
        with self._freed:
            self._held = max(self._held - share, 0)  # within a forked process
            self._freed.notify()

    def reset_after_fork(self) -> None:
        """Forget what was held by threads that a forked process does not have."""
        self._begin()


class _Hold:
    """A block that holds bytes; a generator would take four times as long, once an image."""

    __slots__ = ("_budget", "_share", "_wanted")

    def __init__(self, of: MemoryBudget, wanted: int | None) -> None:
        self._budget = of
        self._wanted = wanted

    def __enter__(self) -> None:
        self._share = self._budget.take(self._wanted)

    def __exit__(self, *error: object) -> None:
        self._budget.give_back(self._share)


budget = MemoryBudget()
"""What all decoding of the process shares."""

_Context = Callable[[], AbstractContextManager[None]]


def _hold(wanted: int | None) -> AbstractContextManager[None]:
    """As `budget.hold`, in whatever process it is called."""
    return budget.hold(wanted)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=budget.reset_after_fork)
