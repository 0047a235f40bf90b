"""From an address to a file that can be read: what the operating system opens, and all else."""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from io import RawIOBase
from os import PathLike
from pathlib import Path

from imagededup.errors import UnreadableImageError
from imagededup.sources.addresses import is_remote, parts_of, remote_address
from imagededup.sources.blobs import BlobFile
from imagededup.sources.containers import close_containers, contents_of
from imagededup.sources.scarcity import is_scarce

__all__ = ["open_source", "reading_ahead", "reading_workers"]

_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""What the system says of names of members and URLs; these may be longer than those of files."""

_REMOTE_READS = 16


def open_source(path: str | PathLike[str]) -> RawIOBase:
    """Open what an address leads to; `addresses` says what there is.

    Args:
        path: A regular file (pipes, sockets and devices are never opened), or what lies in a
            container or elsewhere.

    Raises:
        UnreadableImageError: There is nothing, or it cannot be opened; the message says why.
        OSError: The system cannot open it.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - once an image
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        found = _open_elsewhere(path)
        if found is None:
            if error.errno == errno.ENAMETOOLONG:
                raise
            raise UnreadableImageError(_nothing_there(path)) from error
        return found
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError("not a regular file")
    if status.st_size == 0:
        raise UnreadableImageError("empty file")
    return _open_with_room(path)


def reading_ahead(paths: Sequence[str | PathLike[str]]) -> AbstractContextManager[None]:
    """In the block, remote images among these are read before they are opened; see `read_ahead`."""
    if not any(map(is_remote, paths)):
        return nullcontext()
    from imagededup.sources.read_ahead import reading_ahead  # imports asyncio

    return reading_ahead(paths)


def reading_workers(path: str | PathLike[str], workers: int) -> int:
    """Threads for work that begins with opening images such as this one.

    Reads of remote images are mostly waiting, hence there are more of them than cores.

    Args:
        path: One of the images.
        workers: Threads for images on this machine.
    """
    return max(workers, _REMOTE_READS) if is_remote(path) else workers


def _open_with_room(path: str | PathLike[str]) -> RawIOBase:
    """Open a file; archives that are kept open go where there is no room for another."""
    try:
        return _open_regular(path)
    except OSError as error:
        if not is_scarce(error):
            raise
    close_containers()
    return _open_regular(path)


def _open_regular(path: str | PathLike[str]) -> RawIOBase:
    """Open a file, which may have become something else since it was looked at.

    A pipe that has taken its place would be waited for, for ever.
    """
    file = open(path, "rb", buffering=0, opener=_without_waiting)  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise UnreadableImageError("not a regular file")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _open_elsewhere(path: str | PathLike[str]) -> RawIOBase | None:
    """What is no file of its own; None for a path that leads nowhere."""
    address = remote_address(path) if is_remote(path) else os.fspath(path)
    for container, name in parts_of(address):
        if is_remote(container) or Path(container).is_file():
            contents = contents_of(container)
            return None if contents is None else contents.open(name)
    return _open_remote(address) if is_remote(address) else None


def _open_remote(address: str) -> RawIOBase:
    from imagededup.sources.remote import open_remote  # imports asyncio

    blob = open_remote(address)
    if not blob.size:
        raise UnreadableImageError("empty file")
    return BlobFile(blob)


def _nothing_there(path: str | PathLike[str]) -> str:
    return "broken symbolic link" if Path(path).is_symlink() else "no such file"
