"""What every kind of remote store can say and do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from imagededup.sources.limits import over_limit
from imagededup.sources.retries import RemoteError

__all__ = [
    "CHANGED",
    "Call",
    "RemoteFile",
    "RemoteStore",
    "Span",
    "TooLongError",
    "collected",
    "is_listed",
    "nanoseconds",
]

Call = Callable[..., Any]
"""Runs a coroutine function with arguments, with tries and within the time limit."""


Span = tuple[int, int]
"""The first byte, and the first behind the last."""

CHANGED = "the file has changed since it was opened"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A remote file.

    Attributes:
        name: Relative to the place that was listed, with forward slashes.
        size: Bytes; 0 where the server does not say.
        modified: Nanoseconds since 1970; 0 where the server does not say.
        etag: What the server calls this version of the file; empty where it does not say.
        is_place: Whether it is not in the place that was listed, but is the place.
        has_parts: Whether the server sends parts of it.
    """

    name: str
    size: int = 0
    modified: int = 0
    etag: str = ""
    is_place: bool = False
    has_parts: bool = True


class RemoteStore(Protocol):
    """A service that files are read from; paths are addresses without what names the service."""

    def connect(self) -> Awaitable[None]:
        """Find credentials and make a session."""

    def close(self) -> Awaitable[None]:
        """Close the session."""

    def read(self, path: str, most: int) -> Awaitable[bytes]:
        """All bytes of a file, if they are not more than `most`."""

    def read_part(self, path: str, span: Span, file: RemoteFile) -> Awaitable[bytes]:
        """All bytes from a place up to another of a file that is still what it was."""

    def look(self, path: str) -> Awaitable[RemoteFile]:
        """The state of a file."""

    def files(self, path: str, recursive: bool, call: Call) -> Iterator[RemoteFile]:
        """The files below a path, page by page, or the one file that it names."""


async def collected(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """The bytes of an answer, and not more than was agreed, whatever the server sends."""
    parts, size = [], 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise TooLongError(size)
        parts.append(chunk)
    return b"".join(parts)


class TooLongError(RemoteError):
    """A file of so many bytes, which are more than were asked for.

    Attributes:
        size: How many there are at least.
    """

    def __init__(self, size: int) -> None:
        super().__init__(over_limit("file_size", size) or "the server sends more than it was asked")
        self.size = size


def is_listed(name: str) -> bool:
    """Whether a name counts as an image: no part of it begins with a dot, and it is no folder."""
    return bool(name) and not name.endswith("/") and not name.startswith(".") and "/." not in name


def nanoseconds(moment: object) -> int:
    """A time of a server, which is exact to the second, since 1970."""
    return int(moment.timestamp()) * 10**9 if isinstance(moment, datetime) else 0
