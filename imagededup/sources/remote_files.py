"""What every kind of remote store can say and do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from imagededup.sources.limits import over_limit
from imagededup.sources.retries import RemoteError

__all__ = [
    "Call",
    "RemoteFile",
    "RemoteStore",
    "collected",
    "is_listed",
    "nanoseconds",
    "too_large",
]

Call = Callable[..., Any]
"""Runs a coroutine function with arguments, with tries and within the time limit."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A remote file.

    Attributes:
        name: Relative to the place that was listed, with forward slashes.
        size: Bytes; 0 where the server does not say.
        modified: Nanoseconds since 1970; 0 where the server does not say.
        etag: What the server calls this version of the file; empty where it does not say.
    """

    name: str
    size: int = 0
    modified: int = 0
    etag: str = ""


class RemoteStore(Protocol):
    """A service that files are read from; paths are addresses without what names the service."""

    def connect(self) -> Awaitable[None]:
        """Find credentials and make a session."""

    def close(self) -> Awaitable[None]:
        """Close the session."""

    def read(self, path: str, span: tuple[int, int] | None, most: int) -> Awaitable[bytes]:
        """Bytes of a file from `span[0]` up to `span[1]`, or the whole file of `most` bytes."""

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
            raise too_large(size)
        parts.append(chunk)
    return b"".join(parts)


def too_large(size: int) -> RemoteError:
    """What is said of a file of so many bytes, which are more than were asked for."""
    return RemoteError(over_limit("file_size", size) or "the server sends more than it was asked")


def is_listed(name: str) -> bool:
    """Whether a name counts as an image: no part of it begins with a dot, and it is no folder."""
    return bool(name) and not name.endswith("/") and not name.startswith(".") and "/." not in name


def nanoseconds(moment: object) -> int:
    """A time of a server, which is exact to the second, since 1970."""
    return int(moment.timestamp()) * 10**9 if isinstance(moment, datetime) else 0
