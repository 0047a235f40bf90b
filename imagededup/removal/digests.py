"""Digests of files, which say later whether bytes still are the same."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from imagededup.errors import FileOperationError
from imagededup.sources.file_states import FileState

__all__ = ["digest_of", "digest_of_state"]

_BYTES = 32
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)


def digest_of(path: Path) -> str:
    """BLAKE2b-256 of the bytes of a file, of which a symbolic link is followed, as hex digits.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    return _digest(path)[0]


def digest_of_state(path: Path, state: FileState) -> str:
    """The same of a file that is known.

    Raises:
        FileOperationError: It is not the one that is known, changes while it is read, or cannot be.
    """
    try:
        digest, *states = _digest(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileOperationError(f"cannot read {str(path)!r}: {reason}") from error
    if states != [state, state]:
        raise FileOperationError(f"{str(path)!r} was changed after the scan")
    return digest


def _digest(path: Path) -> tuple[str, FileState, FileState]:
    """A digest, and what the file was like before and afterwards."""
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=_BYTES))
        return digest.hexdigest(), FileState.of(status), FileState.of(os.fstat(file.fileno()))


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the writer of a pipe."""
    return os.open(path, flags | _AT_ONCE)
