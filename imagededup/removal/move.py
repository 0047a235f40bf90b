"""Moving files without overwriting any and without losing one, and deleting them."""

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO

from imagededup.errors import FileOperationError
from imagededup.removal.rename import rename_without_overwriting
from imagededup.sources.file_states import FileState
from imagededup.utils.files import partial_path, sync_folder

__all__ = [
    "copy_to",
    "delete_file",
    "make_folders",
    "move_to",
    "numbered",
]

_CHUNK = 2**20
_AT_ONCE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def numbered(target: Path) -> Iterator[Path]:
    """The target, and then the same with numbers behind the name."""
    yield target
    for number in count(1):
        yield target.with_name(f"{target.stem}_{number}{target.suffix}")


def move_to(source: Path, place: Path) -> bool:
    """Move a file to exactly this place.

    Missing folders are made. A relative symbolic link keeps pointing to the same file. To another
    file system the file is copied under a temporary name and on the disk before it takes its name,
    and only then the source goes: whatever happens in between, the source is still there.

    Returns:
        False if something is there already; then nothing is done.

    Raises:
        FileOperationError: It cannot be moved; the source is untouched.
    """
    try:
        make_folders(place.parent)
        return not os.path.lexists(place) and _moved(source, place)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileOperationError(f"cannot move {str(source)!r}: {reason}") from error


def copy_to(source: Path, place: Path, finish: Callable[[Path], None]) -> bool:
    """Copy a regular file to exactly this place, where it appears only when it is on the disk.

    Args:
        source: What is copied.
        place: Where the copy will be; missing folders are made.
        finish: What is done to the copy, given its temporary name, before it takes its name.

    Returns:
        False if something is there already.

    Raises:
        OSError: It cannot be copied, or `finish` says so; nothing is left of the copy.
    """
    make_folders(place.parent)
    copy = partial_path(place)
    try:
        _copy(source, copy)
        finish(copy)
        rename_without_overwriting(copy, place)
    except FileExistsError:
        copy.unlink()
        return False
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)
    return True


def delete_file(path: Path) -> None:
    """Delete a file.

    Raises:
        FileOperationError: It cannot be deleted.
    """
    try:
        path.unlink()
    except OSError as error:
        raise FileOperationError(f"cannot delete {str(path)!r}: {error.strerror}") from error


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, and wait until they are on the disk."""
    missing = []
    for above in (folder, *folder.parents):
        if above.exists():
            break
        missing.append(above)
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        sync_folder(made.parent)


def _moved(source: Path, place: Path) -> bool:
    """Whether the file has taken the place; False if something else was quicker."""
    if source.is_symlink():
        return _move_link(source, place)
    try:
        rename_without_overwriting(source, place)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _move_to_another_file_system(source, place)
    return True


def _move_link(source: Path, place: Path) -> bool:
    before = FileState.of(source.lstat())
    try:
        place.symlink_to(source.parent.resolve() / source.readlink())
    except FileExistsError:
        return False
    _take_away(source, before, place)
    return True


def _move_to_another_file_system(source: Path, place: Path) -> bool:
    before = FileState.of(source.lstat())
    if not copy_to(source, place, lambda _: None):
        return False
    _take_away(source, before, place)
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a regular file with its times and permissions, and wait until it is on the disk."""
    with (
        open(source, "rb", opener=_open_at_once) as original,
        open(target, "xb", opener=partial(os.open, mode=0o600)) as copy,
    ):
        _check_regular(original)
        shutil.copyfileobj(original, copy, _CHUNK)
        copy.flush()
        with suppress(OSError):  # not every file system keeps times and permissions
            shutil.copystat(source, target, follow_symlinks=False)
        os.fsync(copy.fileno())


def _open_at_once(path: str, flags: int) -> int:
    """Open without following a link and without waiting for the writer of a pipe."""
    return os.open(path, flags | _AT_ONCE)


def _check_regular(file: BinaryIO) -> None:
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise OSError(errno.EINVAL, "it is no longer a file")


def _take_away(source: Path, before: FileState, place: Path) -> None:
    """Unlink the source of a copy; what is not what was copied stays, and the copy goes."""
    try:
        if FileState.of(source.lstat()) != before:
            raise OSError(errno.EBUSY, "it was changed in the meantime")
        source.unlink()
    except FileNotFoundError:  # taken away in the meantime: the copy may be all there is
        return
    except OSError:
        place.unlink()
        raise
