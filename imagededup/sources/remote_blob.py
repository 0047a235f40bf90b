"""A remote file of which parts are read, as an archive is."""

import os
import threading
from collections import OrderedDict
from concurrent.futures import Future
from os import PathLike
from typing import Self

from imagededup.errors import MissingPackageError, UnreadableImageError
from imagededup.sources.addresses import NOT_FETCHED, remote_address
from imagededup.sources.remote_files import RemoteFile, TooLongError
from imagededup.sources.retries import RemoteError
from imagededup.sources.stores import call, start, store_of

__all__ = ["RemoteBlob"]

_BLOCK = 2**20
_KEPT = 8
_AHEAD = 4
_MOST_WHOLE = 2**28


class RemoteBlob:
    """A remote file of which parts are read, by several threads.

    It is fetched in blocks of 1 MiB, of which the last 8 are kept, as most reads are small and
    follow one another. Where they do, the next blocks are fetched before they are wanted. A server
    that sends no parts has to send the whole file, of 256 MiB at most, which is kept.

    Args:
        address: Its address, with two slashes.
        file: Its state.

    Attributes:
        size: Bytes.
        modified: Nanoseconds since 1970; 0 where the server does not say.
        etag: What the server calls this version of the file; empty where it does not say.
    """

    def __init__(self, address: str, file: RemoteFile) -> None:
        self._address = address
        self._file = file
        self.size = file.size
        self.modified = file.modified
        self.etag = file.etag
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._data: bytes | None = None

    @classmethod
    def open(cls, address: str | PathLike[str]) -> Self:
        """Ask the server for the state of a file.

        Raises:
            UnreadableImageError: It cannot be read; the message says why.
        """
        whole = remote_address(address)
        try:
            store, path = store_of(whole)
            return cls(whole, call(store.look, path))
        except (RemoteError, MissingPackageError) as error:
            raise UnreadableImageError(f"{NOT_FETCHED}{error}") from error

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another, or up to the end of the file.

        Raises:
            UnreadableImageError: They cannot be read, or the file is not the same any more.
        """
        end = min(end, self.size)
        if begin >= end:
            return b""
        if os.getpid() != self._process:  # what the parent waits for does not come here
            self._begin()
        if not self._file.has_parts:
            return self._whole()[begin:end]
        numbers = range(begin // _BLOCK, (end - 1) // _BLOCK + 1)
        data = b"".join([self._block(number) for number in numbers])
        return data[begin - numbers[0] * _BLOCK : end - numbers[0] * _BLOCK]

    def _whole(self) -> bytes:
        with self._lock:
            if self._data is None:
                try:
                    store, path = store_of(self._address)
                    self._data = call(store.read, path, _MOST_WHOLE)
                except TooLongError as error:
                    reason = "too long for a server that sends no parts of files"
                    raise UnreadableImageError(reason) from error
                except (RemoteError, MissingPackageError) as error:
                    raise UnreadableImageError(f"{NOT_FETCHED}{error}") from error
            return self._data

    def _block(self, number: int) -> bytes:
        try:
            return self._fetched(number).result()
        except (RemoteError, MissingPackageError) as error:
            with self._lock:  # another read tries again
                self._blocks.pop(number, None)
            raise UnreadableImageError(f"{NOT_FETCHED}{error}") from error

    def _fetched(self, number: int) -> "Future[bytes]":
        """A block that is there or on its way; the next ones follow it where reads do."""
        with self._lock:
            follows = number - 1 in self._blocks
            last = -(-self.size // _BLOCK)
            ahead = range(number, min(number + 1 + _AHEAD * follows, last))
            for one in reversed(ahead):
                if one not in self._blocks:
                    self._blocks[one] = self._start(one)
                self._blocks.move_to_end(one)
            while len(self._blocks) > _KEPT:
                self._blocks.popitem(last=False)
            return self._blocks[number]

    def _start(self, number: int) -> "Future[bytes]":
        store, path = store_of(self._address)
        span = (number * _BLOCK, min((number + 1) * _BLOCK, self.size))
        return start(store.read_part, path, span, self._file)
