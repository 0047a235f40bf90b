"""Whether a file may go: nothing has changed since the scan, and other bytes stay."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagededup.sources.file_states import FileState

__all__ = ["SeenFile", "links_on_the_way", "names_on_the_way", "real_entry", "reason_to_keep"]

_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as it was when it was listed.

    Attributes:
        path: Where it lies.
        own: The state of the name itself, be it a symbolic link.
        file: The state of the file that the name led to.
    """

    path: Path
    own: FileState
    file: FileState


def reason_to_keep(victim: SeenFile, kept: SeenFile) -> str | None:
    """Why a duplicate must not go, if there is a reason.

    Args:
        victim: The duplicate.
        kept: The image that stays in its place.
    """
    for seen, subject in ((kept, f"its duplicate {str(kept.path)!r}"), (victim, "it")):
        change = _change(seen)
        if change is not None:
            return f"{subject} {change}"
    if _would_take_both(victim.path, kept.path):
        return f"it is the same file as its duplicate {str(kept.path)!r}"
    return None


def _change(seen: SeenFile) -> str | None:
    """What happened to a file since it was listed."""
    try:
        own, file = seen.path.lstat(), seen.path.stat()
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if not stat.S_ISREG(file.st_mode):
        return "is no longer a file"
    before, now = (seen.own, seen.file), (FileState.of(own), FileState.of(file))
    if before == now:
        return None
    replaced = not all(then.same_file(today) for then, today in zip(before, now, strict=True))
    return f"was {'replaced' if replaced else 'changed'} after the scan"


def _would_take_both(victim: Path, kept: Path) -> bool:
    """Whether without the one name the other leads nowhere, or its bytes are gone."""
    goes, stays = victim.lstat(), kept.stat()
    if _one_file(goes, stays) and goes.st_nlink < 2:
        return True
    return any(
        _one_file(goes, name.lstat()) and _one_name(victim, name) for name in names_on_the_way(kept)
    )


def _one_file(left: os.stat_result, right: os.stat_result) -> bool:
    """Whether both are one file; the last condition sees through layers with devices of their own.

    A copy may have the inode number, the size and the time of modification of its original, but the
    time of the last change of its entry in the file system cannot be set.
    """
    if left.st_ino != right.st_ino:
        return False
    return left.st_dev == right.st_dev or (
        (left.st_size, left.st_mtime_ns, left.st_ctime_ns)
        == (right.st_size, right.st_mtime_ns, right.st_ctime_ns)
    )


def links_on_the_way(seen: SeenFile) -> int:
    """How many names there are on the way from a symbolic link to its file; 0 for a file."""
    return 0 if seen.own == seen.file else len(list(names_on_the_way(seen.path)))


def names_on_the_way(path: Path) -> Iterator[Path]:
    """The path, and what it leads to from one symbolic link to the next."""
    for _ in range(_MOST_LINKS):
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def real_entry(path: Path) -> Path:
    """The entry of a folder that a path names, absolute, by whatever link the folder is reached."""
    return Path(os.path.realpath(path.parent)) / path.name


def _one_name(left: Path, right: Path) -> bool:
    """Whether two paths are one entry of one folder; capitals may not make a difference there."""
    return _folded(left.name) == _folded(right.name) and _one_file(
        left.parent.stat(), right.parent.stat()
    )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
