"""From an address to a file that can be read: what the operating system opens, and all else."""

import os
import stat
from io import RawIOBase
from os import PathLike
from pathlib import Path

from imagededup.errors import UnreadableImageError
from imagededup.sources.addresses import is_remote, parts_of, remote_address
from imagededup.sources.containers import contents_of

__all__ = ["open_source"]


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
    except (FileNotFoundError, NotADirectoryError) as error:
        found = _open_elsewhere(path)
        if found is None:
            raise UnreadableImageError(_nothing_there(path)) from error
        return found
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError("not a regular file")
    if status.st_size == 0:
        raise UnreadableImageError("empty file")
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
    if is_remote(address):
        raise UnreadableImageError("remote images are not read yet")
    return None


def _nothing_there(path: str | PathLike[str]) -> str:
    return "broken symbolic link" if Path(path).is_symlink() else "no such file"
