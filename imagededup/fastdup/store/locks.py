"""Locks on a work folder, which the operating system releases when a process ends, however it does.

Windows has no locks that are shared; there a shared lock keeps nobody out.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagededup.errors import FileOperationError

__all__ = ["locked"]

_PLACE = 1 << 30
"""The byte that is locked on Windows: locked bytes cannot be read, and the owner's name can."""


@contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Hold a lock file; the file stays where it is afterwards.

    Args:
        path: The lock file.
        shared: Whether others may hold it as well, if they share it too.

    Raises:
        FileOperationError: Another run holds it, or the file cannot be made.
    """
    if shared and sys.platform == "win32":
        yield
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FileOperationError(f"cannot lock {str(path)!r}: {error.strerror}") from error
    try:
        _acquire(descriptor, path, shared)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, shared: bool) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _PLACE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        owner = _owner(descriptor)
        raise FileOperationError(
            f"{str(path.parent)!r} is in use by another run ({owner}); wait until it has ended, or "
            "take another work_dir"
        ) from error
    except OSError as error:
        raise FileOperationError(f"cannot lock {str(path)!r}: {error.strerror}") from error


def _owner(descriptor: int) -> str:
    with suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, 300).decode(errors="replace") or "unknown"
    return "unknown"
