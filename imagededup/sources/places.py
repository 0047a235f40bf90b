"""What users name where images are to be read; importing it is fast."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from os import PathLike

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.sources.addresses import is_remote

__all__ = ["ImageDir", "Sources", "is_somewhere", "shards"]

Place = str | PathLike[str]

_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST_SHARDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Sources:
    """Where images are, and which of them are taken.

    Args:
        places: Folders, archives (tar, tar.gz, tgz, zip), videos, text files with a path or URL in
            each row, and URLs (`s3`, `gs`, `az`, `http`, `https`, `minio`); one or several.
            `{000..127}` in a name stands for the numbers of shards.
        include: Patterns of the names that are taken; all if there are none.
        exclude: Patterns of the names that are left out.
        frames_per_second: How many frames of a video are taken.
        look_inside: Whether archives and videos are looked into; they are files like others
            otherwise.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no place, or the rate is not a positive number.
    """

    places: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    frames_per_second: float = 1.0
    look_inside: bool = True

    def __init__(
        self,
        places: Place | Iterable[Place],
        include: str | Iterable[str] = (),
        exclude: str | Iterable[str] = (),
        frames_per_second: float = 1.0,
        look_inside: bool = True,
        *,
        name: str = "places",
    ) -> None:
        set_field = partial(object.__setattr__, self)
        set_field("places", _checked_places(places, name))
        set_field("include", _checked_patterns("include", include))
        set_field("exclude", _checked_patterns("exclude", exclude))
        rate = frames_per_second
        if isinstance(rate, bool) or not isinstance(rate, int | float):
            kind = type(rate).__name__
            raise InvalidTypeError(f"frames_per_second must be a number, got {kind}")
        if not 0 < rate <= 1000:
            raise InvalidValueError(
                f"frames_per_second must be above 0 and at most 1000, got {rate}"
            )
        set_field("frames_per_second", float(rate))
        set_field("look_inside", bool(look_inside))


ImageDir = Place | Sequence[Place] | Sources
"""What users give where images are read: a place, several, or `Sources`."""


def is_somewhere(place: str) -> bool:
    """Whether a place exists, or is remote, or the first of a range of shards."""
    return any(is_remote(one) or os.path.exists(one) for one in islice(shards(place, "place"), 1))  # noqa: PTH110


def shards(place: str, name: str) -> Iterator[str]:
    """The names that `{000..127}` stands for; the name itself where there is no such range."""
    found = _RANGE.search(place)
    if found is None or os.path.lexists(place):
        yield place
        return
    first, last = int(found[1]), int(found[2])
    if last - first >= _MOST_SHARDS:
        raise InvalidValueError(f"{name} must stand for at most a million shards, got {place!r}")
    for number in range(first, last + 1):
        shard = f"{place[: found.start()]}{number:0{len(found[1])}}{place[found.end() :]}"
        yield from shards(shard, name)


def _checked_places(places: object, name: str) -> tuple[str, ...]:
    if isinstance(places, str | PathLike):
        return (_text(places, name),)
    if isinstance(places, bytes) or not isinstance(places, Iterable):
        kind = type(places).__name__
        raise InvalidTypeError(f"{name} must be a path or several, got {kind}")
    try:
        several = tuple(_text(place, name) for place in places)
    except TypeError as error:  # an array without a dimension says that it can be iterated over
        if isinstance(error, InvalidTypeError):
            raise
        raise InvalidTypeError(f"{name} must be a path or several, got {places!r:.60}") from error
    if not several:
        raise InvalidValueError(f"{name} must name at least one place, got none")
    return several


def _text(place: object, name: str) -> str:
    if not isinstance(place, str | PathLike):
        raise InvalidTypeError(f"{name} must be a path, got {type(place).__name__}")
    return os.fsdecode(place)


def _checked_patterns(name: str, patterns: object) -> tuple[str, ...]:
    if isinstance(patterns, str):
        return (patterns,)
    if not isinstance(patterns, Iterable):
        raise InvalidTypeError(
            f"{name} must be a pattern or several, got {type(patterns).__name__}"
        )
    several = tuple(patterns)
    for pattern in several:
        if not isinstance(pattern, str):
            raise InvalidTypeError(f"{name} must hold str, got {type(pattern).__name__}")
    return several
