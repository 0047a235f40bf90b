"""The entries of the maps of duplicates that users give, checked and one after the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from imagededup.errors import InvalidTypeError
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.relations import Indices

__all__ = [
    "AnyMap",
    "Entries",
    "check_loops",
    "list_first",
    "number_names",
    "read_entries",
    "read_names",
]

AnyMap = Mapping[str, Any]
"""Names with the names of their duplicates, or with tuples of name and score."""

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Entries:
    """What a map holds, one row an entry.

    Attributes:
        names: The keys, sorted.
        query: For which of them an entry is given, int64 of shape (m,), ascending.
        found: The names of the entries.
        scores: Their scores, where the entries are tuples.
    """

    names: list[str]
    query: Indices
    found: list[str]
    scores: list[Any] | None


def read_entries(name: str, mapping: AnyMap, kinds: tuple[type, ...]) -> Entries:
    """Check the types of a map, and take it apart.

    Args:
        name: What the map is called in errors.
        mapping: Names with names, or with tuples of name and score.
        kinds: What the values may be, such as list.

    Raises:
        InvalidTypeError: Not a map of names to names, or to tuples of name and score.
        InvalidMapError: The map is empty.
    """
    names = _check_keys(name, mapping, kinds)
    values = [mapping[key] for key in names]
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    query = np.repeat(np.arange(len(values), dtype=np.int64), lengths)
    entries = list(chain.from_iterable(values))
    kinds_found = sorted(set(map(type, entries)), key=lambda kind: kind.__name__)
    if all(issubclass(kind, str) for kind in kinds_found):
        return Entries(names, query, entries, None)
    if not all(issubclass(kind, tuple | list) for kind in kinds_found):
        got = " and ".join(kind.__name__ for kind in kinds_found)
        raise InvalidTypeError(
            f"{name} must hold either names or tuples of name and score, got entries of type {got}"
        )
    return Entries(names, query, *_split(name, entries))


def read_names(name: str, names: Iterable[str]) -> list[str]:
    """Check names of images, and sort them.

    Raises:
        InvalidTypeError: Not a list of names.
        InvalidMapError: There is none, or one comes twice.
    """
    problem = f"{name} must be a list of names, got {type(names).__name__}"
    if isinstance(names, str | bytes):
        raise InvalidTypeError(problem)
    try:
        listed = list(names)
    except TypeError as error:
        raise InvalidTypeError(problem) from error
    for one in listed:
        if not isinstance(one, str):
            raise InvalidTypeError(f"{name} must hold names, got {one!r}")
    if not listed:
        raise InvalidMapError(f"{name} must hold at least one name, got none")
    if len(set(listed)) < len(listed):
        raise InvalidMapError(f"{name} must hold each name once")
    return sorted(listed)


def number_names(name: str, found: Sequence[str], names: list[str], whose: str) -> Indices:
    """The places of names in a sorted list.

    Args:
        name: What the map of the names is called in errors.
        found: The names.
        names: The list.
        whose: What the list holds, in errors.

    Raises:
        InvalidMapError: A name is not in the list.
    """
    numbers = dict(zip(names, range(len(names)), strict=True))
    item = np.fromiter((numbers.get(one, -1) for one in found), np.int64, len(found))
    unknown = np.flatnonzero(item < 0)
    if len(unknown):
        listed = list_first(map(repr, sorted({found[row] for row in unknown.tolist()})))
        if whose == "key":
            raise InvalidMapError(
                f"all values of {name} must be keys as well, or all be names of another "
                f"collection; values that are no key: {listed}"
            )
        raise InvalidMapError(
            f"all values of {name} must be among the {whose}; values that are not: {listed}"
        )
    return item


def check_loops(name: str, entries: Entries, item: Indices) -> None:
    """Raise InvalidMapError if an image of one collection is given as its own duplicate."""
    loops = np.unique(entries.query[entries.query == item]).tolist()
    if loops:
        listed = list_first(repr(entries.names[loop]) for loop in loops)
        raise InvalidMapError(
            f"{name} must not give an image as a duplicate of itself; images that are: {listed}"
        )


def list_first(offenders: Iterable[str]) -> str:
    """How many there are, and the first few.

    Examples:
        >>> list_first(["'a.jpg'", "'b.jpg'"])
        "2, first 'a.jpg', 'b.jpg'"
    """
    listed = list(offenders)
    more = ", ..." if len(listed) > _MOST_NAMED else ""
    return f"{len(listed)}, first {', '.join(listed[:_MOST_NAMED])}{more}"


def _check_keys(name: str, mapping: object, kinds: tuple[type, ...]) -> list[str]:
    """The keys, sorted, of a map whose values are of some kinds."""
    if not isinstance(mapping, Mapping):
        raise InvalidTypeError(f"{name} must be a dictionary, got {type(mapping).__name__}")
    if not mapping:
        raise InvalidMapError(f"{name} must hold at least one image, got an empty dictionary")
    for kind in set(map(type, mapping)):
        if not issubclass(kind, str):
            raise InvalidTypeError(f"the keys of {name} must be str, got {kind.__name__}")
    for kind in set(map(type, mapping.values())):
        if not issubclass(kind, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            key = next(key for key, value in mapping.items() if type(value) is kind)
            raise InvalidTypeError(
                f"the values of {name} must be of type {wanted}, got {kind.__name__} for {key!r}"
            )
    return sorted(mapping)


def _split(name: str, entries: Sequence[Sequence[Any]]) -> tuple[list[str], list[Any]]:
    """Names and scores of entries."""
    if set(map(len, entries)) != {2}:
        wrong = next(entry for entry in entries if len(entry) != 2)
        raise InvalidTypeError(f"{name} must hold tuples of name and score, got {wrong!r}")
    found = [entry[0] for entry in entries]
    if not all(issubclass(kind, str) for kind in set(map(type, found))):
        wrong = next(entry for entry in entries if not isinstance(entry[0], str))
        raise InvalidTypeError(f"{name} must hold tuples of name and score, got {wrong!r}")
    return found, [entry[1] for entry in entries]
