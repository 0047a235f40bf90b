"""Duplicates to look at: those of one image, and the largest clusters."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.plots.inputs import check_folders, duplicates_in, largest_rows
from imagededup.utils.options import whole_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from imagededup.methods.results import Duplicates

__all__ = ["plot_clusters", "plot_duplicates"]

_MOST_DUPLICATES = 20
_MOST_CLUSTERS, _MOST_MEMBERS = 100, 30


def plot_duplicates(
    image_dir: str | PathLike[str] | None = None,
    duplicate_map: "Mapping[str, Sequence[Any]] | Duplicates | None" = None,
    filename: str = "",
    outfile: str | PathLike[str] | None = None,
    *,
    against: str | PathLike[str] | None = None,
) -> "Figure":
    """Draw an image and, below it, its duplicates in the order of the map.

    At most 20 duplicates are drawn; the figure says how many are left out. Images that cannot be
    read are empty boxes with the reason. Without `outfile` the figure is shown in a notebook, and
    in an interactive session in which pyplot opens windows; elsewhere it is only returned.

    Args:
        image_dir: The folder that was searched. A result of `search` knows its own.
        duplicate_map: Names with their duplicates, as `find_duplicates` returns them: a list of
            names, or of tuples of name and score. Whole numbers are labelled as distances, other
            numbers as similarities. Or the result of `search`.
        filename: The name of the image, a key of the map.
        outfile: Where to save the figure, as .png, .jpg, .pdf or .svg by its extension.
        against: The folder of the duplicates, if it was another that was searched. A result of
            `search` knows its own.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type, or the map's entry another form.
        InvalidValueError: A folder does not exist or is not known, the map lacks the file or has no
            duplicates for it, or `outfile` cannot be written.
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

    folders = check_folders(duplicate_map, image_dir, against)
    entries = duplicates_in(duplicate_map, filename)
    path = check_image_output(outfile)
    shown = entries[:_MOST_DUPLICATES]
    original, *duplicates = pictures(
        [
            (filename, folders.images / filename),
            *((name, folders.duplicates / name) for name, _ in shown),
        ]
    )
    scores = [score for _, score in shown]
    return finished(duplicates_figure(original, duplicates, scores, len(entries)), path)


def plot_clusters(
    image_dir: str | PathLike[str] | None = None,
    clusters: "Sequence[Any] | Mapping[str, Sequence[Any]] | Duplicates | None" = None,
    outfile: str | PathLike[str] | None = None,
    max_clusters: int = 10,
    max_members: int = 6,
    *,
    against: str | PathLike[str] | None = None,
) -> "Figure":
    """Draw the largest clusters, one a row, the representative first and with a blue border.

    Where the duplicates are images of a reference collection, a row is an image, which counts as
    the representative, and its duplicates there.

    Args:
        image_dir: The folder that was searched. A result of `search` knows its own.
        clusters: The dictionary that `find_duplicates` returns, with or without scores; the result
            of `search`; or `Cluster` objects, or lists of names with the representative first.
        outfile: Where to save the figure; without it the figure is shown as `plot_duplicates` does.
        max_clusters: How many clusters to draw, 1 to 100. The figure says how many are left out.
        max_members: How many images of a cluster to draw, 1 to 30. '+n more' stands for the rest.
        against: The folder of the duplicates, if it was another that was searched: that of all
            images but the representatives. A result of `search` knows its own.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: A folder does not exist or is not known, there is no cluster, a cluster
            is empty, a number is out of range, or `outfile` cannot be written.
        FileOperationError: Writing `outfile` failed.

    Examples:
        >>> figure = plot_clusters("examples/photos", [["temple.jpg", "temple_copy.jpg"]])
        >>> [axes.get_title() for axes in figure.axes]
        ['temple.jpg', 'temple_copy.jpg']
    """
    from imagededup.plots.figure import check_image_output, finished
    from imagededup.plots.pictures import pictures
    from imagededup.plots.sheets import clusters_figure

    folders = check_folders(clusters, image_dir, against)
    most = _check_count("max_clusters", max_clusters, _MOST_CLUSTERS)
    most_members = _check_count("max_members", max_members, _MOST_MEMBERS)
    rows, total = largest_rows(clusters, against is not None, most, most_members)
    path = check_image_output(outfile)
    images = iter(
        pictures(
            (name, (folders.duplicates if place else folders.images) / name)
            for row in rows
            for place, name in enumerate(row.names)
        )
    )
    members = [[next(images) for _ in row.names] for row in rows]
    sizes = [row.size for row in rows]
    return finished(clusters_figure(members, sizes, total - len(rows)), path)


def _check_count(name: str, value: object, most: int) -> int:
    number = whole_number(value)
    if number is None:
        raise InvalidTypeError(f"{name} must be an int, got {type(value).__name__}")
    if not 1 <= number <= most:
        raise InvalidValueError(f"{name} must be an int from 1 to {most}, got {value}")
    return number
