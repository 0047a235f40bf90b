"""Duplicates to look at: those of one image, and the largest clusters."""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from imagededup.errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_clusters", "plot_duplicates"]

_MOST_DUPLICATES = 20
_MOST_CLUSTERS, _MOST_MEMBERS = 100, 30


def plot_duplicates(
    image_dir: str | PathLike[str],
    duplicate_map: Mapping[str, Sequence[Any]],
    filename: str,
    outfile: str | PathLike[str] | None = None,
    *,
    against: str | PathLike[str] | None = None,
) -> "Figure":
    """Draw an image and, below it, its duplicates in the order of the map.

    At most 20 duplicates are drawn; the figure says how many are left out. Images that cannot be
    read are empty boxes with the reason. Without `outfile` the figure is shown in a notebook, and
    in an interactive session in which pyplot opens windows; elsewhere it is only returned.

    Args:
        image_dir: The folder that was searched.
        duplicate_map: Names with their duplicates, as `find_duplicates` returns them: a list of
            names, or of tuples of name and score. Whole numbers are labelled as distances, other
            numbers as similarities.
        filename: The name of the image, a key of the map.
        outfile: Where to save the figure; the ending decides the format (.png, .jpg, .pdf, .svg).
        against: The folder of the duplicates, if it was another that was searched.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type, or the map's entry another form.
        InvalidValueError: A folder does not exist, the map lacks the file or has no duplicates for
            it, or `outfile` cannot be written.
        FileOperationError: Writing `outfile` failed.

    Examples:
        >>> figure = plot_duplicates(
        ...     "examples/photos", {"temple.jpg": [("temple_copy.jpg", 0)]}, "temple.jpg"
        ... )
        >>> [axes.get_title() for axes in figure.axes]
        ['temple.jpg\\n1 duplicate', 'temple_copy.jpg\\ndistance 0']
    """
    from imagededup.plots.figure import check_image_output, finished
    from imagededup.plots.pictures import pictures
    from imagededup.plots.sheets import duplicates_figure

    root = _check_folder("image_dir", image_dir)
    other_root = root if against is None else _check_folder("against", against)
    entries = _entries(duplicate_map, filename)
    path = check_image_output(outfile)
    shown = entries[:_MOST_DUPLICATES]
    original, *duplicates = pictures(
        [(filename, root / filename), *((name, other_root / name) for name, _ in shown)]
    )
    scores = [score for _, score in shown]
    return finished(duplicates_figure(original, duplicates, scores, len(entries)), path)


def plot_clusters(
    image_dir: str | PathLike[str],
    clusters: Sequence[Any],
    outfile: str | PathLike[str] | None = None,
    max_clusters: int = 10,
    max_members: int = 6,
) -> "Figure":
    """Draw the largest clusters, one a row, the representative first and with a blue border.

    Args:
        image_dir: The folder that was searched.
        clusters: `Cluster` objects, or lists of names with the representative first.
        outfile: Where to save the figure; without it the figure is shown as `plot_duplicates` does.
        max_clusters: How many clusters to draw, 1 to 100. The figure says how many are left out.
        max_members: How many images of a cluster to draw, 1 to 30. '+n more' stands for the rest.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The folder does not exist, there is no cluster, a cluster is empty, a
            number is out of range, or `outfile` cannot be written.
        FileOperationError: Writing `outfile` failed.

    Examples:
        >>> figure = plot_clusters("examples/photos", [["temple.jpg", "temple_copy.jpg"]])
        >>> [axes.get_title() for axes in figure.axes]
        ['temple.jpg', 'temple_copy.jpg']
    """
    from imagededup.plots.figure import check_image_output, finished
    from imagededup.plots.pictures import pictures
    from imagededup.plots.sheets import clusters_figure

    root = _check_folder("image_dir", image_dir)
    _check_count("max_clusters", max_clusters, _MOST_CLUSTERS)
    _check_count("max_members", max_members, _MOST_MEMBERS)
    checked = _check_clusters(clusters, max_members)
    path = check_image_output(outfile)
    rows = sorted(checked, key=lambda row: -row[1])[:max_clusters]
    images = iter(pictures((name, root / name) for names, _ in rows for name in names))
    members = [[next(images) for _ in names] for names, _ in rows]
    sizes = [size for _, size in rows]
    return finished(clusters_figure(members, sizes, len(checked) - len(rows)), path)


def _entries(duplicate_map: object, filename: object) -> list[tuple[str, Any]]:
    """The names of a file's duplicates with their scores, or None where the map has none."""
    if not isinstance(duplicate_map, Mapping):
        raise InvalidTypeError(f"duplicate_map must be a dict, got {type(duplicate_map).__name__}")
    if not isinstance(filename, str):
        raise InvalidTypeError(f"filename must be a str, got {type(filename).__name__}")
    if filename not in duplicate_map:
        some = ", ".join(repr(key) for key in list(islice(duplicate_map, 3))) or "none"
        raise InvalidValueError(
            f"filename must be a key of duplicate_map, got {filename!r}; the keys begin with {some}"
        )
    entries = duplicate_map[filename]
    if not _is_list(entries):
        raise InvalidTypeError(
            f"duplicate_map must hold lists, got {type(entries).__name__} for {filename!r}"
        )
    if len(entries) == 0:
        raise InvalidValueError(
            f"filename must have duplicates to plot, duplicate_map has none for {filename!r}"
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
        f"duplicate_map must hold lists of names or of tuples of name and score, got {entry!r}"
    )


def _check_clusters(clusters: object, max_members: int) -> list[tuple[tuple[str, ...], int]]:
    """For each cluster the names to show, the representative first, and its size."""
    if not _is_list(clusters):
        raise InvalidTypeError(f"clusters must be a list, got {type(clusters).__name__}")
    if not clusters:
        raise InvalidValueError("clusters must hold at least one cluster, got none")
    return [_check_cluster(cluster, max_members) for cluster in clusters]


def _check_cluster(cluster: object, max_members: int) -> tuple[tuple[str, ...], int]:
    names: Any = getattr(cluster, "members", cluster)
    if not _is_list(names) or not all(isinstance(name, str) for name in names):
        raise InvalidTypeError(
            f"clusters must hold Clusters or lists of names, got {cluster!r:.80}"
        )
    if len(names) == 0:
        raise InvalidValueError(
            "clusters must hold clusters of at least one name, got an empty one"
        )
    first = getattr(cluster, "representative", names[0])
    others = (name for name in names if name != first)
    return (first, *islice(others, max_members - 1)), len(names)


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _check_count(name: str, value: object, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be an int, got {type(value).__name__}")
    if not 1 <= value <= most:
        raise InvalidValueError(f"{name} must be an int from 1 to {most}, got {value}")


def _check_folder(name: str, folder: object) -> Path:
    if not isinstance(folder, str | PathLike):
        raise InvalidTypeError(f"{name} must be a path, got {type(folder).__name__}")
    path = Path(folder)
    if not os.path.isdir(path):  # noqa: PTH112 - False, not an error, for every impossible path
        raise InvalidValueError(f"{name} must be a folder that exists, got {str(path)!r}")
    return path
