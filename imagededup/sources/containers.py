"""Archives and videos, and what lies within them.

The last few stay open for the next of their images; a file that has changed is opened anew.
"""

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from io import RawIOBase
from typing import Protocol

from imagededup.sources.addresses import SEQUENCE_ENDINGS, is_archive, is_remote
from imagededup.sources.blobs import Blob, LocalBlob
from imagededup.sources.scarcity import is_scarce, most_kept_open

__all__ = ["Contents", "close_containers", "contents_of"]


class Contents(Protocol):
    """What lies within a file.

    Attributes:
        damage: Why not all of it is known; None if it is.
    """

    damage: str | None

    def names(self, frames_per_second: float) -> list[str]:
        """The images; of a video the frames at a rate."""

    def open(self, name: str) -> RawIOBase:
        """An image; UnreadableImageError where there is none."""


def contents_of(address: str, anew: bool = False) -> Contents | None:
    """What lies within an archive or a video; None if the file is something else.

    Args:
        address: A file with the ending of a container, or a URL of one.
        anew: Whether to look again at what is remote, for which nobody says that it has changed.

    Raises:
        UnreadableImageError: It cannot be opened; the message says why.
        OSError: The system cannot open it.
    """
    if anew:
        _open.forget_one(address)
    return _open.contents(address)


def close_containers() -> None:
    """Close what is kept open for later."""
    _open.close_all_but(None)


@dataclass(slots=True)
class _Opened:
    identity: tuple[int, ...]
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_known: bool = False
    contents: Contents | None = None


class _OpenContainers:
    """The containers that were asked for last, by address."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Close all; in a forked process other threads may have held the locks."""
        self._lock = threading.Lock()
        self._opened: OrderedDict[str, _Opened] = OrderedDict()

    def forget_one(self, address: str) -> None:
        """Close one."""
        with self._lock:
            self._opened.pop(address, None)

    def contents(self, address: str) -> Contents | None:
        """As `contents_of`; several threads wait for the one that opens it."""
        opened = self._entry(address, _identity(address))
        with opened.lock:
            if not opened.is_known:
                opened.contents = self._open(address)
                opened.is_known = True
        return opened.contents

    def close_all_but(self, address: str | None) -> None:
        """Close what is kept open; who reads it at present has it open until the end."""
        with self._lock:
            for other in [one for one in self._opened if one != address]:
                del self._opened[other]

    def _open(self, address: str) -> Contents | None:
        try:
            return _contents(address)
        except OSError as error:
            if not is_scarce(error):
                raise
        self.close_all_but(address)
        return _contents(address)

    def _entry(self, address: str, identity: tuple[int, ...]) -> _Opened:
        with self._lock:
            opened = self._opened.get(address)
            if opened is None or opened.identity != identity:
                opened = self._opened[address] = _Opened(identity)
            self._opened.move_to_end(address)
            while len(self._opened) > most_kept_open():
                self._opened.popitem(last=False)
            return opened


def _identity(address: str) -> tuple[int, ...]:
    """What changes when a local file is written to or replaced."""
    if is_remote(address):
        return ()
    status = os.stat(address)  # noqa: PTH116 - once an image
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _contents(address: str) -> Contents | None:
    if is_archive(address):
        from imagededup.sources.archives import open_archive

        return open_archive(_blob(address), address)
    if address.lower().endswith(SEQUENCE_ENDINGS):
        from imagededup.sources.sequences import ImageSequence

        return ImageSequence(_blob(address))
    from imagededup.sources.videos import Video

    return Video(_blob(address))


def _blob(address: str) -> Blob:
    if is_remote(address):
        from imagededup.sources.remote_blob import RemoteBlob  # imports asyncio

        return RemoteBlob.open(address)
    return LocalBlob(address)


_open = _OpenContainers()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.forget)
