"""The system's trash, from which a file manager can put files back as well.

On macOS and Windows send2trash moves files there. Elsewhere this module does it, after the
specification of freedesktop.org (https://specifications.freedesktop.org/trash-spec/1.0), because
send2trash looks for a free name and takes it in two steps, between which another program's file may
have come to lie there, and does not tell the name.
"""

import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from imagededup.errors import FileOperationError, MissingPackageError
from imagededup.removal.actions import ActionKind, PlannedAction
from imagededup.removal.check import real_entry
from imagededup.removal.move import move_to, numbered
from imagededup.removal.rename import rename_without_overwriting

__all__ = ["forget", "trash"]

_LONGEST_NAME = 200
_CHARACTERS = 50
_NUMBERS = 10
_PRIVATE = 0o700


class _TrashFolder(NamedTuple):
    """A folder `Trash`, and the top of its file system; None for that of the home folder."""

    path: Path
    top: Path | None


class _Trash(PlannedAction):
    """Files keep their names there, where these are free."""

    kind = ActionKind.TRASH

    def places(self, path: Path, name: str) -> Iterator[Path]:  # noqa: ARG002
        files = _trash_of(real_entry(path)).path / "files"
        return (place for place in _names(files / path.name) if _is_free(place))

    def act(self, path: Path, place: Path | None) -> bool:
        if place is None:
            return False
        real = real_entry(path)
        folder = _trash_of(real)
        try:
            _make(folder.path)
            if not _claimed(place, _where_from(real, folder)):
                return False
        except OSError as error:
            raise _cannot(path, error) from error
        try:
            moved = _moved(path, place)
        except BaseException:
            forget(place)
            raise
        if not moved:
            _note_of(place).unlink(missing_ok=True)
        return moved


class _SystemTrash(PlannedAction):
    """The trash of macOS and Windows, which keep where a file lies to themselves."""

    kind = ActionKind.TRASH

    def places(self, path: Path, name: str) -> Iterator[None]:  # noqa: ARG002
        yield None

    def act(self, path: Path, place: Path | None) -> bool:  # noqa: ARG002
        try:
            from send2trash import send2trash
        except ImportError as error:
            raise MissingPackageError("trash needs Send2Trash: pip install Send2Trash") from error
        try:
            send2trash(real_entry(path))
        except OSError as error:
            raise _cannot(path, error) from error
        return True


trash: PlannedAction = _SystemTrash() if sys.platform in ("darwin", "win32") else _Trash()
"""Moves a file to the system's trash."""


def forget(place: Path) -> None:
    """Take away the note of the trash about a file, if that is not there any more."""
    if not os.path.lexists(place):
        with suppress(OSError):
            _note_of(place).unlink()


def _trash_of(path: Path) -> _TrashFolder:
    """The trash of the file system on which a file lies."""
    device = path.lstat().st_dev
    home = _home_trash()
    if _existing(home).stat().st_dev == device:
        return _TrashFolder(home, None)
    top = next(above for above in path.parents if above.parent == above or above.is_mount())
    user = os.getuid()
    if _is_shared(top / ".Trash"):
        return _TrashFolder(top / ".Trash" / str(user), top)
    return _TrashFolder(top / f".Trash-{user}", top)


def _home_trash() -> Path:
    data = os.environ.get("XDG_DATA_HOME", "")
    base = Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share"
    return Path(os.path.realpath(base)) / "Trash"


def _existing(path: Path) -> Path:
    """The path, or what exists of those above it."""
    return next(above for above in (path, *path.parents) if above.exists())


def _is_shared(folder: Path) -> bool:
    """Whether a trash of all users may be used: a folder, no link, with the sticky bit."""
    try:
        mode = folder.lstat().st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)


def _make(folder: Path) -> None:
    """Make a trash that is there for this user only."""
    folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise FileOperationError(f"{str(folder)!r} is not a folder of this user")
    for part in ("files", "info"):
        (folder / part).mkdir(_PRIVATE, exist_ok=True)


def _names(place: Path) -> Iterator[Path]:
    """Names for a file, to which `.trashinfo` can be added; after some numbers they are random."""
    if len(os.fsencode(place.name)) > _LONGEST_NAME:
        place = place.with_name(place.stem[:_CHARACTERS] + place.suffix[:_CHARACTERS])
    others = iter(lambda: f"{place.stem}_{secrets.token_hex(4)}{place.suffix}", None)
    return chain(islice(numbered(place), _NUMBERS), map(place.with_name, others))


def _is_free(place: Path) -> bool:
    return not os.path.lexists(place) and not os.path.lexists(_note_of(place))


def _note_of(place: Path) -> Path:
    """The file that says where a file of the trash comes from."""
    return place.parent.parent / "info" / f"{place.name}.trashinfo"


def _where_from(path: Path, folder: _TrashFolder) -> str:
    origin = path if folder.top is None else path.relative_to(folder.top)
    day = datetime.now().strftime("%Y-%m-%dT%H:%M:%S")  # local time, as specified
    return f"[Trash Info]\nPath={quote(os.fsencode(origin))}\nDeletionDate={day}\n"


def _claimed(place: Path, note: str) -> bool:
    """Whether a name of the trash is ours now; it belongs to whoever makes the note."""
    try:
        with open(_note_of(place), "xb", opener=partial(os.open, mode=0o600)) as file:
            file.write(note.encode())
    except FileExistsError:
        return False
    return True


def _moved(path: Path, place: Path) -> bool:
    if not path.is_symlink():
        return move_to(path, place)
    try:
        rename_without_overwriting(path, place)  # with its text, which is right where it goes back
    except FileExistsError:
        return False
    except OSError as error:
        raise _cannot(path, error) from error
    return True


def _cannot(path: Path, error: OSError) -> FileOperationError:
    reason = error.strerror or str(error)
    return FileOperationError(f"cannot move {str(path)!r} to the trash: {reason}")
