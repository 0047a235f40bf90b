"""A journal of a removal: a line before each act, on the disk, and a line about what came of it.

JSON Lines. The first line says what the file is; `imagededup.removal.records` has the others.
"""

import errno
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Self

from imagededup import __version__
from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.removal.actions import ActionKind
from imagededup.removal.duties import Outcome
from imagededup.removal.move import make_folders
from imagededup.removal.records import Intent, journal_line, row_of
from imagededup.removal.rename import rename_without_overwriting
from imagededup.utils.files import partial_path, sync_folder

__all__ = ["FORMAT", "VERSION", "RemovalJournal", "check_journal"]

FORMAT = "imagededup removal"
VERSION = 1

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)


def check_journal(path: str | PathLike[str]) -> Path:
    """Check before the work begins that a journal can begin there.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: Something is there already.
    """
    if not isinstance(path, str | PathLike):
        raise InvalidTypeError(f"journal must be a path, got {type(path).__name__}")
    if os.path.lexists(path):
        raise InvalidValueError(f"journal must be a new file, {str(path)!r} is there already")
    return Path(path)


class RemovalJournal:
    """A journal that is open for writing; a context manager.

    The file appears with its first intents, so that there is none where nothing was to be done.

    Args:
        path: Where it will be; missing folders are made.
        action: What is done to the files.
    """

    def __init__(self, path: Path, action: ActionKind) -> None:
        self._path = path
        self._action = action
        self._descriptor: int | None = None

    def intend(self, intents: Sequence[Intent]) -> None:
        """Say what is to be done, and wait until that is on the disk.

        Raises:
            FileOperationError: It cannot be written; nothing of it may be done then.
        """
        try:
            if self._descriptor is None:
                self._descriptor = self._begin()
            self._write([row_of(intent) for intent in intents])
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._cannot_write(error) from error

    def settle(self, entry: int, outcome: Outcome) -> None:
        """Say what became of an intent.

        Raises:
            FileOperationError: It cannot be written.
        """
        said = "done" if outcome.reason is None else "kept"
        try:
            self._write([{"entry": entry, "outcome": said, "reason": outcome.reason}])
        except OSError as error:
            raise self._cannot_write(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            try:
                os.fsync(self._descriptor)
            finally:
                os.close(self._descriptor)

    def _begin(self) -> int:
        """Make the file appear with its first line complete."""
        try:
            make_folders(self._path.parent)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
        partial = partial_path(self._path)
        descriptor = os.open(partial, _FLAGS, 0o600)
        try:
            _write_all(descriptor, journal_line(self._head()))
            os.fsync(descriptor)
            rename_without_overwriting(partial, self._path)
        except BaseException:
            os.close(descriptor)
            partial.unlink()
            raise
        sync_folder(self._path.parent)
        return descriptor

    def _head(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "action": self._action.value,
            "begun": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": f"imagededup {__version__}",
        }

    def _write(self, rows: list[dict[str, Any]]) -> None:
        if self._descriptor is not None:
            _write_all(self._descriptor, b"".join(map(journal_line, rows)))

    def _cannot_write(self, error: OSError) -> FileOperationError:
        reason = error.strerror or str(error)
        return FileOperationError(
            f"cannot write the journal {str(self._path)!r}: {reason}; nothing goes without it, "
            "choose another place"
        )


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
