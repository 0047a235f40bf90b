"""Putting back what a removal took, after its journal."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path

from imagededup.errors import FileOperationError
from imagededup.removal.actions import ActionKind
from imagededup.removal.digests import digest_of
from imagededup.removal.journal_reader import JournalReader
from imagededup.removal.move import copy_to, make_folders, move_to
from imagededup.removal.records import Intent
from imagededup.removal.trashing import forget
from imagededup.removal.turns import turn
from imagededup.sources.file_states import FileState

__all__ = ["Restoration", "RestoreResult", "restore"]


class RestoreResult(StrEnum):
    """What a restoration came to."""

    RESTORED = "restored"
    COPIED = "copied"
    THERE = "there"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Restoration:
    """What became of a file that had been removed.

    Attributes:
        path: Where it was, and is again; the journal itself, of a line that is not understood.
        result: Whether it was put back as it was (`restored`), or copied from the image that stayed
            for it, which has the same bytes (`copied`), or was there already (`there`); or none of
            these (`failed`).
        source: Where it came from.
        reason: Why it could not be put back.
    """

    path: Path
    result: RestoreResult
    source: Path | None = None
    reason: str | None = None


def restore(journal: str | PathLike[str], dry_run: bool = False) -> Iterator[Restoration]:
    """Put back what a removal took, as long as the outcomes are asked for.

    Nothing is overwritten. A file goes back only if its bytes are those that it had, and keeps its
    time and permissions. A deleted file can come back only where the image that stayed for it has
    the same bytes; a symbolic link always. A second call changes nothing.

    Args:
        journal: What `carry_out` or the command wrote, however that ended.
        dry_run: Whether only to say what would be done.

    Yields:
        What became of each file that was to go and may have gone, the last one first.

    Raises:
        InvalidTypeError: `journal` is not a path.
        InvalidValueError: It is no journal, or of a version that is not known here.
        FileOperationError: It cannot be read.
    """
    with JournalReader(journal) as reader:
        for number in reader.broken:
            reason = f"line {number} is not as it was written, what it says is not done"
            yield Restoration(Path(journal), RestoreResult.FAILED, reason=reason)
        for intent in reader.backwards():
            yield _Restorer(intent, dry_run).result()


class _CannotError(Exception):
    """Why a file cannot be put back."""


@dataclass(frozen=True, slots=True)
class _Restorer:
    """Puts one file back."""

    intent: Intent
    dry_run: bool

    def result(self) -> Restoration:
        path, place = self.intent.path, self.intent.place
        try:
            with turn(path.parent, *([] if place is None else [place.parent])):
                return self._put_back()
        except _CannotError as error:
            reason = str(error)
        except OSError as error:
            reason = error.strerror or str(error)
        return Restoration(path, RestoreResult.FAILED, reason=reason)

    def _put_back(self) -> Restoration:
        path = self.intent.path
        if os.path.realpath(path.parent) != str(path.parent):
            raise _CannotError("its folder is a symbolic link now, which leads elsewhere")
        if os.path.lexists(path):
            if _is_as_it_was(path, self.intent):
                return Restoration(path, RestoreResult.THERE)
            raise _CannotError(f"something else is there now{self._where_it_is()}")
        if self.intent.link is not None:
            return self._link_back(self.intent.link)
        place = self.intent.place
        if place is not None and self._is_unchanged(place):
            return self._move_back(place)
        return self._copy_back()

    def _move_back(self, place: Path) -> Restoration:
        if not self.dry_run:
            if not move_to(place, self.intent.path):
                raise _CannotError("something else has come to lie there")
            self._forget(place)
        return Restoration(self.intent.path, RestoreResult.RESTORED, place)

    def _link_back(self, text: str) -> Restoration:
        """Make a symbolic link again, with the text that it had, and take away the moved one."""
        path, place = self.intent.path, self.intent.place
        if not self.dry_run:
            make_folders(path.parent)
            path.symlink_to(text)
            with suppress(OSError, NotImplementedError):  # not every system can
                os.utime(path, ns=_times(self.intent.state), follow_symlinks=False)
            if place is not None and _text(place) in (text, str(path.parent / text)):
                place.unlink()
                self._forget(place)
        return Restoration(path, RestoreResult.RESTORED, place)

    def _copy_back(self) -> Restoration:
        """Copy the image that stayed, where it has the bytes of the one that went."""
        kept, path = self.intent.kept, self.intent.path
        if kept.digest != self.intent.digest:
            raise _CannotError(f"{self._why_gone()}, and what stayed for it has other bytes")
        if not _has_bytes(kept.path, self.intent):
            raise _CannotError(
                f"{self._why_gone()}, and {str(kept.path)!r}, which had the same bytes, "
                "is gone or was changed"
            )
        if not self.dry_run and not copy_to(kept.path.resolve(), path, self._finish):
            raise _CannotError("something else has come to lie there")
        return Restoration(path, RestoreResult.COPIED, kept.path)

    def _finish(self, copy: Path) -> None:
        """Give a copy the time and the permissions that the file had, and look at its bytes."""
        if not _has_bytes(copy, self.intent):
            raise FileOperationError(f"{str(self.intent.kept.path)!r} was changed in the meantime")
        with suppress(OSError):  # not every file system keeps them
            copy.chmod(stat.S_IMODE(self.intent.mode) & 0o777)
            os.utime(copy, ns=_times(self.intent.state))

    def _is_unchanged(self, place: Path) -> bool:
        return not place.is_symlink() and _has_bytes(place, self.intent)

    def _forget(self, place: Path) -> None:
        if self.intent.action is ActionKind.TRASH:
            forget(place)

    def _why_gone(self) -> str:
        place = self.intent.place
        if self.intent.action is ActionKind.DELETE:
            return "it was deleted"
        if place is None:
            return "it is in the trash of the system, from where it must be put back by hand"
        if os.path.lexists(place):
            return f"{str(place)!r} was changed since"
        return f"it is no longer at {str(place)!r}"

    def _where_it_is(self) -> str:
        place = self.intent.place
        if place is None or not os.path.lexists(place):
            return ""
        return f", and stays; what was removed is at {str(place)!r}"


def _is_as_it_was(path: Path, intent: Intent) -> bool:
    """Whether a name is, or leads to, what it did before the removal."""
    if intent.link is not None:
        return _text(path) == intent.link
    return not path.is_symlink() and _has_bytes(path, intent)


def _has_bytes(path: Path, intent: Intent) -> bool:
    """Whether there is a file with the bytes of the one that went."""
    try:
        return path.stat().st_size == intent.state.size and digest_of(path) == intent.digest
    except FileNotFoundError:
        return False


def _text(path: Path) -> str | None:
    """The text of a symbolic link; None if it is none."""
    try:
        return os.readlink(path)  # noqa: PTH115 - as it is, a Path would mend it
    except OSError:
        return None


def _times(state: FileState) -> tuple[int, int]:
    """The time of modification for both times that a file has; before 1970 it is negative."""
    modified = state.modified - (2**64 if state.modified >= 2**63 else 0)
    return modified, modified
