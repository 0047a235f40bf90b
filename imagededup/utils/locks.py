"""Locks on results, which the operating system releases when a process ends, however it does.

Windows has no locks that are shared; there a shared lock keeps nobody out.
"""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagededup.errors import FileOperationError
from imagededup.utils.files import remove_partial_files

__all__ = ["locked", "locked_while_written"]

_PLACE = 1 << 30
"""The byte that is locked on Windows: locked bytes cannot be read, and the owner's name can."""


@contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Hold the lock file of a work folder; the file stays where it is afterwards.

    Args:
        path: The lock file.
        shared: Whether others may hold it as well, if they share it too.

    Raises:
        FileOperationError: Another run holds it, or the file cannot be made.
    """
    if shared and sys.platform == "win32":
        yield
        return
    in_use = f"{str(path.parent)!r} is in use by another run", "take another work_dir"
    descriptor = _opened(path)
    try:
        _acquire(descriptor, path, shared, in_use)
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_while_written(target: Path) -> Iterator[None]:
    """Keep others from writing a file, and remove what killed processes have left of it.

    The hidden lock file beside it is removed afterwards.

    Raises:
        FileOperationError: Another process writes it, or the lock file cannot be made.
    """
    target = Path(os.path.realpath(target))
    path = target.with_name(f".{target.name[:100]}.lock")
    in_use = f"{str(target)!r} is being written by another process", "write to another file"
    while True:
        descriptor = _opened(path)
        try:
            _acquire(descriptor, path, False, in_use)
            if not _is_at(descriptor, path):  # removed by the one that held it before
                continue
            _sign(descriptor)
            try:
                remove_partial_files(target)
                yield
            finally:
                with suppress(OSError):  # Windows keeps a file that is open
                    path.unlink()
            return
        finally:
            os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise FileOperationError(f"cannot lock {str(path)!r}: {error.strerror}") from error


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _sign(descriptor: int) -> None:
    with suppress(OSError):  # it only tells others who is at work
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _acquire(descriptor: int, path: Path, shared: bool, in_use: tuple[str, str]) -> None:
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
        what, advice = in_use
        raise FileOperationError(
            f"{what} ({_owner(descriptor)}); wait until it has ended, or {advice}"
        ) from error
    except OSError as error:
        raise FileOperationError(f"cannot lock {str(path)!r}: {error.strerror}") from error


def _owner(descriptor: int) -> str:
    with suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        return os.read(descriptor, 300).decode(errors="replace") or "unknown"
    return "unknown"
