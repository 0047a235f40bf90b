"""Reading ground truths from files and folders."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation.entries import list_first
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.maps import is_of_two_collections, read_ground_truth, truth_entries
from imagededup.evaluation.relations import DuplicateRelation
from imagededup.sources.listing import list_images

__all__ = ["load_ground_truth", "load_retrieved_map"]

NamePair = tuple[str, str | None]
"""Two duplicates, or an image that stands alone."""

_HEADER_WORDS = frozenset(
    {"image", "duplicate", "name", "file", "filename", "image1", "image2", "image_1", "image_2"}
    | {"left", "right", "query", "reference", "query_id", "reference_id"}
)


def load_ground_truth(
    path: str | PathLike[str],
    header: bool | None = None,
    transitive: bool = False,
    two_collections: bool = False,
) -> dict[str, list[str]]:
    r"""Read which images are duplicates from a JSON file, a CSV file or a folder.

    - A `.json` file holds the map itself, as `evaluate` takes it: symmetric, and with all images
      as keys, or with names of another collection as values. Scores are left out.
    - A `.csv` file (UTF-8, commas) holds a pair of duplicates in the first two columns of every
      row, in one direction or both; further columns are not read. An image without duplicates
      stands in a row of its own, with an empty second column or none. Spaces after a comma and
      empty rows are passed over.
    - In a folder, the files of the same subfolder, at any depth, are duplicates of each other;
      files in the folder itself have none. Every file counts that does not begin with a dot.

    Args:
        path: The file or folder.
        header: Whether the first row of a CSV file is a header. By default it is if its first two
            cells are, in any case, among image, duplicate, name, file, filename, image1, image2,
            image_1, image_2, left, right, query, reference, query_id and reference_id.
        transitive: Whether duplicates of duplicates are duplicates too. By default they are not:
            only the pairs that are there count, each in both directions.
        two_collections: Whether the duplicates are images of another collection: those in the
            second column of a CSV file. For a JSON file of which no value is a key they are without
            being said to be.

    Returns:
        All images with the names of their duplicates, both sorted; with two collections the images
        of the first. Names are as they stand in the file; those of a folder are relative to it,
        with forward slashes.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no such file, or it cannot be read as what its name says, or
            `two_collections` is given with a folder or with `transitive`.
        InvalidMapError: An image is given as a duplicate of itself, or a map in a JSON file is not
            complete.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "pairs.csv"
        ...     _ = file.write_text("image,duplicate\na.jpg,b.jpg\nc.jpg,\n")
        ...     load_ground_truth(file)
        ...     load_ground_truth(file, two_collections=True)
        {'a.jpg': ['b.jpg'], 'b.jpg': ['a.jpg'], 'c.jpg': []}
        {'a.jpg': ['b.jpg'], 'c.jpg': []}
    """
    source = _check_path(path)
    _check_bool("transitive", transitive)
    _check_bool("two_collections", two_collections)
    if two_collections and (transitive or source.is_dir()):
        other = "transitive" if transitive else "a folder"
        raise InvalidValueError(f"two_collections must be False with {other}")
    if source.is_dir():
        return _to_map(_folder_pairs(source))
    match source.suffix.lower():
        case ".json":
            found = _read_json(source)
        case ".csv":
            found = _to_map(_csv_pairs(source, header, two_collections), two_collections)
        case _:
            raise InvalidValueError(
                f"path must be a .json file, a .csv file or a folder, got {str(source)!r}"
            )
    return _to_dict(_relation(found, str(source), transitive, two_collections))


def load_retrieved_map(path: str | PathLike[str]) -> dict[str, list[Any]]:
    """Read the JSON file that `find_duplicates` writes to `outfile`, or the command `find`.

    Returns:
        The map as `find_duplicates` returned it, with tuples of name and score if it has scores.
        Relations, which `find --verify --scores` writes behind them, are left out.

    Raises:
        InvalidTypeError: `path` is not a path.
        InvalidValueError: There is no such file, or it does not hold a JSON object of lists.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder) / "duplicates.json"
        ...     _ = file.write_text('{"a.jpg": [["b.jpg", 3]], "b.jpg": [["a.jpg", 3]]}')
        ...     load_retrieved_map(file)
        {'a.jpg': [('b.jpg', 3)], 'b.jpg': [('a.jpg', 3)]}
    """
    source = _check_path(path)
    found = _read_json(source)
    for name, entries in found.items():
        if not isinstance(entries, list):
            raise InvalidValueError(
                f"{str(source)!r} must hold lists, got {type(entries).__name__} for {name!r}"
            )
    return {
        name: [_without_relation(entry) if isinstance(entry, list) else entry for entry in entries]
        for name, entries in found.items()
    }


def _without_relation(entry: list[Any]) -> tuple[Any, ...]:
    is_verified = len(entry) == 3 and isinstance(entry[2], str)
    return tuple(entry[:2] if is_verified else entry)


def _check_path(path: object) -> Path:
    if not isinstance(path, str | PathLike):
        raise InvalidTypeError(f"path must be a path, got {type(path).__name__}")
    source = Path(path)
    if not os.path.exists(source):  # noqa: PTH110 - False, not an error, for impossible paths
        raise InvalidValueError(f"path must exist, got {str(source)!r}")
    return source


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be a bool, got {type(value).__name__}")


def _relation(
    mapping: dict[str, Any], name: str, transitive: bool, two_collections: bool
) -> DuplicateRelation:
    entries = truth_entries(mapping, name)
    if two_collections or (not transitive and is_of_two_collections(entries)):
        return read_ground_truth(mapping, name, sorted(set(entries.found)))
    relation = read_ground_truth(mapping, name)
    return _close(relation) if transitive else relation


def _read_text(path: Path) -> str:
    """The text of a file; bytes that are not UTF-8 as `open_atomically` writes them."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _read_json(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    try:
        found = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{str(path)!r} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise InvalidValueError(f"{str(path)!r} must hold a JSON object, got {kind}")
    return found


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError where a key comes twice."""
    result = dict(members)
    if len(result) < len(members):
        counts = Counter(key for key, _ in members)
        repeated = sorted(key for key, count in counts.items() if count > 1)
        raise ValueError(f"keys that come twice: {list_first(map(repr, repeated))}")
    return result


def _csv_pairs(path: Path, header: bool | None, two_collections: bool) -> Iterator[NamePair]:
    if header is not None and not isinstance(header, bool):
        raise InvalidTypeError(f"header must be a bool or None, got {type(header).__name__}")
    reader = csv.reader(StringIO(_read_text(path), newline=""), skipinitialspace=True)
    try:
        first = True
        for row in reader:
            if not any(row):
                continue
            if not (first and (_is_header(row) if header is None else header)):
                yield _pair(row, f"{str(path)!r}, line {reader.line_num}", two_collections)
            first = False
    except csv.Error as error:
        raise InvalidValueError(f"{str(path)!r}, line {reader.line_num}: {error}") from error


def _is_header(row: list[str]) -> bool:
    return len(row) > 1 and _HEADER_WORDS.issuperset(cell.strip().lower() for cell in row[:2])


def _pair(row: list[str], place: str, two_collections: bool) -> NamePair:
    name, other = row[0], row[1] if len(row) > 1 else ""
    if not name:
        raise InvalidValueError(f"{place}: the first column must hold a name, got an empty one")
    if name == other and not two_collections:
        raise InvalidMapError(f"{place}: {name!r} must not be a duplicate of itself")
    return name, other or None


def _folder_pairs(root: Path) -> Iterator[NamePair]:
    folder = list_images(root, recursive=True, name="path")
    if folder.failures:
        listed = list_first(repr(failure.name) for failure in folder.failures)
        raise InvalidValueError(f"folders that cannot be read: {listed}")
    groups: dict[str, list[str]] = {}
    for name in folder.names:
        groups.setdefault(name.rpartition("/")[0], []).append(name)
    yield from ((name, None) for name in folder.names)
    groups.pop("", None)
    for members in groups.values():
        yield from ((one, other) for one in members for other in members if one < other)


def _to_map(pairs: Iterable[NamePair], two_collections: bool = False) -> dict[str, list[str]]:
    """The map of pairs, symmetric within one collection."""
    found: dict[str, set[str]] = {}
    for name, other in pairs:
        found.setdefault(name, set())
        if other is not None:
            found[name].add(other)
        if other is not None and not two_collections:
            found.setdefault(other, set()).add(name)
    return {name: sorted(found[name]) for name in sorted(found)}


def _close(relation: DuplicateRelation) -> DuplicateRelation:
    """Every image related to all others of its connected component."""
    component = relation.components()
    order = np.argsort(component, kind="stable")
    sizes = np.bincount(component)
    begin = np.cumsum(sizes) - sizes
    count = sizes[component]
    query = np.repeat(np.arange(len(component)), count)
    place = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
    item = order[begin[component[query]] + place]
    others = query != item
    return DuplicateRelation(relation.names, query[others], item[others])


def _to_dict(relation: DuplicateRelation) -> dict[str, list[str]]:
    items = [relation.items[item] for item in relation.item.tolist()]
    bounds = np.searchsorted(relation.query, np.arange(len(relation.names) + 1)).tolist()
    return {
        name: items[begin:end]
        for name, begin, end in zip(relation.names, bounds[:-1], bounds[1:], strict=True)
    }
