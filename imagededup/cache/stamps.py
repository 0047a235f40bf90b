"""What an image's file is like, to tell later whether its code is still that of the file."""

import os
import stat
import time
from typing import NamedTuple

__all__ = ["Stamp", "is_settled", "stamp_of"]

_FINE_TICK = 100_000_000
_COARSE_TICK = 2_500_000_000
_FINEST_OF_COARSE = 10_000_000
_BITS = 2**64 - 1


class Stamp(NamedTuple):
    """A name and the state of its file.

    Attributes:
        folder: The path of what holds the image.
        name: The rest of the address.
        state: Device, inode, size, and times of the last change of the content and of the file.
        settled: Whether every later change of the file will give it another state.
    """

    folder: bytes
    name: bytes
    state: bytes
    settled: bool


def stamp_of(address: str) -> Stamp | None:
    """Look at the file of an image; what lies in an archive or a video changes when that does.

    Args:
        address: Absolute, with forward slashes before the name.

    Returns:
        None where there is no regular file.
    """
    try:
        status = _status(address)
        path = os.fsencode(address)
    except (OSError, ValueError):  # ValueError: a null character, or no such text in file names
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    folder, _, name = path.rpartition(b"/")
    numbers = (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
    state = b"".join((number & _BITS).to_bytes(8, "little") for number in numbers)
    return Stamp(folder, name, state, is_settled(status, time.time_ns()))


def is_settled(status: os.stat_result, now: int) -> bool:
    """Whether the clock of the file system has moved on since a file was last changed.

    A file that is changed twice within one tick of that clock has one state for two contents. The
    time of change cannot be set by programs, unlike that of modification; Windows has none.

    Args:
        status: What the system says of the file.
        now: Nanoseconds since 1970.
    """
    changed = status.st_ctime_ns if os.name == "posix" else status.st_mtime_ns
    tick = _FINE_TICK if changed % _FINEST_OF_COARSE else _COARSE_TICK
    return now - changed > tick


def _status(address: str) -> os.stat_result:
    """Of the file itself, or of that in whose inside the address leads."""
    while True:
        try:
            return os.stat(address)  # noqa: PTH116 - a tenth of the time that Path takes
        except NotADirectoryError:
            address = address.rpartition("/")[0]
