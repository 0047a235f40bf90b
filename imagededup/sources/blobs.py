"""Bytes that can be read in any order, wherever they lie, and a file made of them."""

import errno
import io
import os
from threading import Lock
from typing import Protocol
from weakref import finalize

__all__ = ["Blob", "BlobFile", "BytesBlob", "LocalBlob"]


class Blob(Protocol):
    """Bytes that several threads may read at once.

    Attributes:
        size: How many there are.
        modified: When they were written, in nanoseconds since 1970; 0 where that is not known.
    """

    size: int
    modified: int

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another; fewer where the blob ends before."""


class LocalBlob:
    """The bytes of a file, which stays open until the blob is forgotten.

    Args:
        path: A regular file.

    Raises:
        OSError: It cannot be opened.
    """

    def __init__(self, path: str) -> None:
        wait_not = getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # nor for a pipe
        self._descriptor = os.open(path, os.O_RDONLY | wait_not)
        finalize(self, os.close, self._descriptor)
        status = os.fstat(self._descriptor)
        self._lock = Lock()
        self.size = status.st_size
        self.modified = status.st_mtime_ns

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another."""
        wanted = max(0, min(end, self.size) - begin)
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, wanted, begin)
        with self._lock:  # Windows
            os.lseek(self._descriptor, begin, os.SEEK_SET)
            return os.read(self._descriptor, wanted)


class BlobFile(io.RawIOBase):
    """A file of the bytes of a blob, or of a part of it.

    Args:
        blob: The bytes.
        begin: Where the file begins.
        length: Its length; None takes all that follow.
    """

    def __init__(self, blob: Blob, begin: int = 0, length: int | None = None) -> None:
        super().__init__()
        self._blob = blob
        self._begin = begin
        self._place = 0
        self.length = blob.size - begin if length is None else length

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.length}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as much as there is room for."""
        wanted = max(0, min(len(buffer), self.length - self._place))
        begin = self._begin + self._place
        data = self._blob.read(begin, begin + wanted) if wanted else b""
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)


class BytesBlob:
    """Bytes in memory.

    Args:
        data: The bytes.
        modified: When they were written.
    """

    def __init__(self, data: bytes, modified: int = 0) -> None:
        self._data = data
        self.size = len(data)
        self.modified = modified

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another."""
        return self._data[begin:end]
