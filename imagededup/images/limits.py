"""How much of a file is read, and how many pixels are decoded at once.

A file may be sparse, or may claim anything in its header: what is read of it is bounded by the
number of its pixels, and the pixels by what all threads of the process share.
"""

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imagededup.errors import UnreadableImageError

__all__ = ["LimitedFile", "PixelBudget", "budget"]

_METADATA_BYTES = 2**28
_BYTES_PER_PIXEL = 16  # the longest form: 16-bit colours written as text
_BLOCK_BYTES = 2**16  # smaller reads are Pillow's blocks and need no look at the file's size
_LEAST_BYTES = 64  # a read of one byte costs time as well
_LARGEST_IMAGE = 178_956_970  # pixels; Pillow's own limit
_PIXELS_PER_CORE = 16_000_000
_TOO_LARGE = "the file is much larger than its pixels"

_read = io.BufferedReader.read


class LimitedFile(io.BufferedReader):
    """A file of which no more than 256 MiB, and 16 bytes for each of its pixels, is read.

    A read of fewer than 64 bytes counts as 64.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._left = _METADATA_BYTES

    def allow_pixels(self, pixels: int) -> None:
        """Begin to count again, for the pixels of an image whose header has been read."""
        self._left = _METADATA_BYTES + _BYTES_PER_PIXEL * pixels

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and raise UnreadableImageError where it would be too much."""
        if size is not None and 0 <= size <= _BLOCK_BYTES:  # dozens an image, hence in one piece
            self._left -= size if size > _LEAST_BYTES else _LEAST_BYTES
            if self._left < 0:
                raise UnreadableImageError(_TOO_LARGE)
            return _read(self, size)
        rest = max(0, _length(self.raw) - self.tell())
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
        self._left -= max(length, _LEAST_BYTES)
        if self._left < 0:
            raise UnreadableImageError(_TOO_LARGE)


def _length(raw: Any) -> int:  # noqa: ANN401 - any raw file
    """How many bytes a file has now; a file may grow."""
    length: int | None = getattr(raw, "length", None)
    return os.fstat(raw.fileno()).st_size if length is None else length


class PixelBudget:
    """Pixels that may be decoded at the same time by all threads together.

    An image larger than what is left waits; one that is larger than the whole waits until it is
    alone. Results do not depend on it.

    Args:
        total: The number of pixels.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._begin()

    def _begin(self) -> None:
        self._left = self._total
        self._freed = threading.Condition()
        self._turn = threading.Lock()

    @contextmanager
    def hold(self, pixels: int) -> Iterator[None]:
        """Wait for these pixels and hold them. It must not be nested."""
        share = min(pixels, self._total)
        with self._turn, self._freed:  # who came later waits, or large images would for ever
            self._freed.wait_for(lambda: self._left >= share)
            self._left -= share
        try:
            yield
        finally:
            with self._freed:
                self._left = min(self._left + share, self._total)  # within a forked process
                self._freed.notify()

    def reset_after_fork(self) -> None:
        """Forget what was held by threads that a forked process does not have."""
        self._begin()


budget = PixelBudget(max(_LARGEST_IMAGE, _PIXELS_PER_CORE * (os.cpu_count() or 1)))
"""What all decoding shares: one image of the largest size, or 16 million pixels a core."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=budget.reset_after_fork)
