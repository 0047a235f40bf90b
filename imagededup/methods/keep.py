"""Which image of several duplicates is the one to keep."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imagededup.errors import InvalidTypeError, InvalidValueError, UnreadableImageError
from imagededup.images.decode import image_size
from imagededup.utils.keep import Keep
from imagededup.utils.options import check_option

__all__ = ["Keep", "KeepRule", "KeepType", "check_keep", "preference"]


KeepRule = Keep | Callable[[Any], Any]
KeepType = str | Callable[[Any], Any]


def check_keep(keep: object) -> KeepRule:
    """Check a rule by name or as a function.

    Raises:
        InvalidTypeError: Neither a string nor callable.
        InvalidValueError: Not the name of a rule.
    """
    if callable(keep):
        return keep
    if not isinstance(keep, str):
        raise InvalidTypeError(f"keep must be a str or a function, got {type(keep).__name__}")
    return check_option("keep", keep, Keep)


def preference(keep: KeepRule, names: Sequence[str], root: Path | None) -> list[int]:
    """Positions of `names` in the order in which they are preferred.

    Symbolic links come after all files, lest a file be removed and a link to it kept.

    Args:
        keep: The rule. A function gets the path of an image (its name where there is no folder);
            the image with the largest value is preferred.
        names: Names, sorted.
        root: The folder of the images; None where only their codes are known.

    Raises:
        InvalidValueError: A rule that reads the files, and there is no folder.
    """
    places = range(len(names))
    if callable(keep):
        values = [keep(name if root is None else root / name) for name in names]
        places_by_value = sorted(places, key=lambda place: values[place], reverse=True)
    elif keep is Keep.FIRST:
        places_by_value = list(places)
    elif root is None:
        raise InvalidValueError(f"keep={str(keep)!r} reads the image files: it needs image_dir")
    else:
        sizes = [_MEASURES[keep](root / name) for name in names]
        places_by_value = sorted(places, key=lambda place: sizes[place], reverse=True)
    if root is None:
        return places_by_value
    return sorted(places_by_value, key=lambda place: (root / names[place]).is_symlink())


def _pixel_count(path: Path) -> float:
    try:
        width, height = image_size(path)
    except UnreadableImageError:
        return 0
    return width * height


def _file_size(path: Path) -> float:
    status = _regular_file(path)
    return status.st_size if status else 0


def _age(path: Path) -> float:
    status = _regular_file(path)
    return -status.st_mtime_ns if status else -float("inf")


def _regular_file(path: Path) -> os.stat_result | None:
    """What the system says of a file, without opening it; None for a folder, pipe or nothing."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


_MEASURES: dict[Keep, Callable[[Path], float]] = {
    Keep.LARGEST_RESOLUTION: _pixel_count,
    Keep.LARGEST_FILE: _file_size,
    Keep.OLDEST: _age,
}
