"""Renaming that never overwrites, at once, on every kind of file system."""

import ctypes
import errno
import os
from pathlib import Path

__all__ = ["rename_without_overwriting"]

_CURRENT_FOLDER = -100
_NO_REPLACE = 1
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


def rename_without_overwriting(source: Path, target: Path) -> None:
    """Rename a file within a file system.

    Linux and Windows do it in one step. Elsewhere a hard link does; where the file system has none,
    the name is reserved by an empty file first.

    Raises:
        FileExistsError: Something is there.
        OSError: It cannot be renamed; EXDEV if the target is on another file system.
    """
    if os.name == "nt":
        source.rename(target)
    elif not _renamed_by_system(source, target) and not _renamed_by_link(source, target):
        _rename_to_reserved(source, target)


def _renamed_by_system(source: Path, target: Path) -> bool:
    """Whether Linux has done it; False if it or the file system does not know how."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    paths = _CURRENT_FOLDER, os.fsencode(source), _CURRENT_FOLDER, os.fsencode(target)
    if rename(*paths, _NO_REPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED:
        return False
    raise OSError(number, os.strerror(number))


def _renamed_by_link(source: Path, target: Path) -> bool:
    """Whether hard links have done it; False where there are none."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOENT, errno.EXDEV):
            raise
        return False
    try:
        source.unlink()
    except FileNotFoundError:  # taken away in the meantime: the target may be all there is
        pass
    except OSError:
        target.unlink()
        raise
    return True


def _rename_to_reserved(source: Path, target: Path) -> None:
    target.open("xb").close()
    try:
        source.replace(target)
    except BaseException:
        target.unlink()
        raise
