"""From an address to a file that can be read: what the operating system opens, and all else."""

import io
import os
import stat
from os import PathLike
from pathlib import Path

from imagededup.errors import UnreadableImageError
from imagededup.sources.addresses import is_remote, parts_of

__all__ = ["open_source"]


def open_source(path: str | PathLike[str]) -> io.RawIOBase:
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


def _open_regular(path: str | PathLike[str]) -> io.RawIOBase:
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


def _open_elsewhere(path: str | PathLike[str]) -> io.RawIOBase | None:
    """What is no file of its own; None for a path that leads nowhere."""
    text = os.fspath(path)
    if is_remote(text) or parts_of(text):
        raise UnreadableImageError("remote and archived images are not read yet")
    return None


def _nothing_there(path: str | PathLike[str]) -> str:
    return "broken symbolic link" if Path(path).is_symlink() else "no such file"
