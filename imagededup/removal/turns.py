"""Turns of several processes that remove files from the same folders at the same time."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["turn"]


@contextmanager
def turn(*folders: Path) -> Iterator[None]:
    """Wait until no other process checks or removes files of these folders.

    Otherwise two that keep different images of a pair could each remove what the other keeps. A
    folder that cannot be locked (Windows, some network file systems) keeps nobody out.
    """
    with ExitStack() as stack:
        for folder in _distinct(folders):
            stack.enter_context(_lock(folder))
        yield


def _distinct(folders: tuple[Path, ...]) -> list[Path]:
    """Each folder once, in an order that all processes share."""
    by_identity: dict[tuple[int, int], Path] = {}
    for folder in folders:
        with suppress(OSError):
            status = folder.stat()
            by_identity[status.st_dev, status.st_ino] = folder
    return [folder for _, folder in sorted(by_identity.items())]


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":
        yield
        return
    import fcntl

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
