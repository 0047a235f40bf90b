"""Whether files are the same: whatever they are called, and whether they have changed."""

import os
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from imagededup.sources.addresses import file_of

__all__ = ["is_among", "states_of"]


def is_among(paths: Sequence[str], others: Collection[str]) -> NDArray[np.bool_]:
    """Which of n paths lead to a file that one of the others leads to, by device and inode.

    Returns:
        bool of shape (n,); False for a path that leads nowhere.
    """
    if len(others) == 0:
        return np.zeros(len(paths), bool)
    identities = [_identity(path) for path in paths]
    same = set(identities).intersection(map(_identity, others)) - {None}
    return np.fromiter((identity in same for identity in identities), bool, len(paths))


def states_of(paths: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sizes and times of modification in nanoseconds, of shape (n,) each; -1 without a file.

    Those of an image in an archive or a video are the archive's or the video's.
    """
    size, modified = np.full((2, len(paths)), -1, np.int64)
    for place, path in enumerate(paths):
        try:
            status = _status(path)
        except (OSError, ValueError):
            continue
        if status is not None:
            size[place], modified[place] = status.st_size, status.st_mtime_ns
    return size, modified


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - a million of them, without a million objects
    except (FileNotFoundError, NotADirectoryError):
        file = file_of(path)
        return None if file is None or file == path else os.stat(file)  # noqa: PTH116


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a million of them, without a million objects
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
