"""What the plot functions take: dictionaries of duplicates, results of `search`, and clusters."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation.entries import read_entries
from imagededup.evaluation.errors import InvalidMapError
from imagededup.methods.results import Duplicates, clusters_of
from imagededup.plots.found import duplicate_counts, duplicates_of

__all__ = ["Folders", "Row", "check_folders", "duplicates_in", "largest_rows"]


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the images lie, and where their duplicates lie."""

    images: Path
    duplicates: Path


@dataclass(frozen=True, slots=True)
class Row:
    """A cluster: the names to show, the representative first, and how many there are."""

    names: tuple[str, ...]
    size: int


def check_folders(found: object, image_dir: object, against: object) -> Folders:
    """The folders that are given, or those that a result knows.

    Raises:
        InvalidTypeError: A folder is not a path.
        InvalidValueError: A folder does not exist, or is neither given nor known.
    """
    if isinstance(found, Duplicates):
        if found.reference_names is None and against is not None:
            raise InvalidValueError("against must be None: the result is of one collection")
        if image_dir is None:
            image_dir = _known("image_dir", found.root)
        if found.reference_names is not None and against is None:
            against = _known("against", found.reference_root)
    root = _check_folder("image_dir", image_dir)
    return Folders(root, root if against is None else _check_folder("against", against))


def duplicates_in(found: object, filename: object) -> list[tuple[str, Any]]:
    """The names of a file's duplicates with their scores, or None where there are none.

    Raises:
        InvalidTypeError: Not a dictionary of duplicates or a result, or not a name.
        InvalidValueError: There is no such file, or it has no duplicates.
    """
    if not isinstance(found, Duplicates | Mapping):
        raise InvalidTypeError(
            f"duplicate_map must be a dict or a result of search, got {type(found).__name__}"
        )
    if not isinstance(filename, str):
        raise InvalidTypeError(f"filename must be a str, got {type(filename).__name__}")
    keys = found.names if isinstance(found, Duplicates) else found
    if filename not in keys:
        some = ", ".join(repr(key) for key in islice(keys, 3)) or "none"
        raise InvalidValueError(
            f"filename must be a key of duplicate_map, got {filename!r}; the keys begin with {some}"
        )
    if isinstance(found, Duplicates):
        entries: list[tuple[str, Any]] = list(duplicates_of(found, found.names.index(filename)))
    else:
        entries = _entries(found, filename)
    if not entries:
        raise InvalidValueError(
            f"filename must have duplicates to plot, duplicate_map has none for {filename!r}"
        )
    return entries


def largest_rows(
    clusters: object, across: bool, max_clusters: int, max_members: int
) -> tuple[list[Row], int]:
    """The largest clusters, the first of equals, and how many there are in all.

    Args:
        clusters: A dictionary of duplicates, a result, or clusters.
        across: Whether the duplicates are images of another collection; a result knows it.
        max_clusters: How many clusters are wanted.
        max_members: How many of their images.

    Raises:
        InvalidTypeError: None of these.
        InvalidValueError: There is no cluster, or one is empty.
    """
    if isinstance(clusters, Duplicates) and clusters.reference_names is not None:
        counts = duplicate_counts(clusters)
        largest = np.argsort(-counts, kind="stable")[: min(max_clusters, int((counts > 0).sum()))]
        rows = [_reference_row(clusters, image, max_members) for image in largest.tolist()]
        total = int((counts > 0).sum())
    else:
        listed = _clusters(clusters, across)
        every = [_check_cluster(cluster, across, max_members) for cluster in listed]
        rows, total = sorted(every, key=lambda row: -row.size)[:max_clusters], len(every)
    if not rows:
        raise InvalidValueError("clusters must hold at least one cluster, got none")
    return rows, total


def _reference_row(found: Duplicates, image: int, max_members: int) -> Row:
    """An image, and its duplicates in the reference collection."""
    duplicates = duplicates_of(found, image)
    names = (name for name, _ in duplicates[: max_members - 1])
    return Row((found.names[image], *names), 1 + len(duplicates))


def _clusters(clusters: object, across: bool) -> Sequence[Any]:
    if isinstance(clusters, Duplicates):
        return clusters.clusters()
    if isinstance(clusters, Mapping):
        return _clusters_of_map(clusters, across)
    if not _is_list(clusters):
        raise InvalidTypeError(
            "clusters must be a list, a dict of duplicates or a result of search, "
            f"got {type(clusters).__name__}"
        )
    return clusters


def _clusters_of_map(mapping: Mapping[Any, Any], across: bool) -> Sequence[Any]:
    try:
        entries = read_entries("clusters", mapping, (list, tuple))
    except InvalidMapError:  # an empty one
        return []
    found: dict[str, list[str]] = {name: [] for name in entries.names}
    for image, name in zip(entries.query.tolist(), entries.found, strict=True):
        found[entries.names[image]].append(name)
    if across:
        return [[name, *others] for name, others in found.items() if others]
    return clusters_of(found)


def _check_cluster(cluster: object, across: bool, max_members: int) -> Row:
    """The row of a `Cluster` or a list; the representative of a `Cluster` is a member or not."""
    names: Any = getattr(cluster, "members", cluster)
    first: Any = getattr(cluster, "representative", None)
    words = names if first is None or not _is_list(names) else [first, *names]
    if not _is_list(words) or not all(isinstance(name, str) for name in words):
        raise InvalidTypeError(
            f"clusters must hold Clusters or lists of names, got {cluster!r:.80}"
        )
    if len(names) == 0:
        raise InvalidValueError(
            "clusters must hold clusters of at least one name, got an empty one"
        )
    if first is None:
        first, others = names[0], names[1:]
    elif across or first not in names:
        others = names
    else:
        place = names.index(first)
        others = [*names[:place], *names[place + 1 :]]
    return Row((first, *others[: max_members - 1]), 1 + len(others))


def _entries(duplicate_map: Mapping[Any, Any], filename: str) -> list[tuple[str, Any]]:
    entries = duplicate_map[filename]
    if not _is_list(entries):
        raise InvalidTypeError(
            f"duplicate_map must hold lists, got {type(entries).__name__} for {filename!r}"
        )
    return [_entry(entry) for entry in entries]


def _entry(entry: object) -> tuple[str, Any]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, tuple | list) and len(entry) == 2:
        name, score = entry
        if isinstance(name, str) and isinstance(score, Real) and not isinstance(score, bool):
            return name, score
    raise InvalidTypeError(
        f"duplicate_map must hold lists of names or of tuples of name and score, got {entry!r:.80}"
    )


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _known(name: str, folder: Path | None) -> Path:
    if folder is None:
        raise InvalidValueError(
            f"{name} must be given: the result is of codes, and does not know their folder"
        )
    return folder


def _check_folder(name: str, folder: object) -> Path:
    if not isinstance(folder, str | PathLike):
        raise InvalidTypeError(f"{name} must be a path, got {type(folder).__name__}")
    path = Path(folder)
    if not os.path.isdir(path):  # noqa: PTH112 - False, not an error, for every impossible path
        raise InvalidValueError(f"{name} must be a folder that exists, got {str(path)!r}")
    return path
