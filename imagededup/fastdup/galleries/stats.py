"""The gallery of the darkest, brightest, blurriest, smallest, largest and most stretched images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.fastdup.checks import check_integer
from imagededup.fastdup.galleries.page import (
    gallery_path,
    page_pictures,
    table_path,
    write_gallery,
)
from imagededup.fastdup.store.statistics import STATS_HEADER
from imagededup.fastdup.store.tables import read_columns
from imagededup.images.quality import Columns, area, sharpness, stretch
from imagededup.pages import NamedPicture, PictureSection, WrittenPage
from imagededup.utils.options import check_bool

__all__ = ["create_stats_gallery"]

_COLUMNS = STATS_HEADER[1:]
_ROWS_AT_ONCE = 65_536

_DERIVED: dict[str, Callable[[Columns], NDArray[np.float64]]] = {
    "size": area,
    "sharpness": sharpness,
    "stretch": stretch,
}
_METRICS = (*_COLUMNS, *_DERIVED)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """A section of the page: by which metric, from which end."""

    title: str
    metric: str
    descending: bool
    text: str = ""


_RANKINGS = (
    _Ranking("Darkest", "mean", False, "By the mean grey level, 0 to 255."),
    _Ranking("Brightest", "mean", True, "By the mean grey level, 0 to 255."),
    _Ranking(
        "Blurriest",
        "sharpness",
        False,
        "By the variance of the Laplacian over that of the grey levels, at 160 x 160 pixels.",
    ),
    _Ranking("Smallest", "size", False, "By the number of pixels."),
    _Ranking("Largest", "size", True, "By the number of pixels."),
    _Ranking("Most stretched", "stretch", True, "By the longer side over the shorter one."),
)


def create_stats_gallery(
    stats_file: str | PathLike[str],
    save_path: str | PathLike[str],
    num_images: int = 20,
    metric: str | None = None,
    descending: bool = False,
) -> WrittenPage:
    """Write a page with the images that stand out by their size, brightness or sharpness.

    Args:
        stats_file: stats.csv, or a work folder, for the one in it.
        save_path: The folder in which stats.html is written, or a path that ends in .html.
        num_images: How many images at most, in each part of the page.
        metric: A column of stats.csv, 'size' (width times height), 'stretch' (the longer side over
            the shorter one) or 'sharpness' (blur over the square of stdv); None shows the darkest,
            brightest, blurriest, smallest, largest and most stretched images.
        descending: Whether the largest values of `metric` come first.

    Returns:
        Where the page is; a notebook shows it.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no such table, it is another one, nothing was measured, there is
            no such metric, or `num_images` is below 1.
        FileOperationError: The page cannot be written.
    """
    table = table_path("stats_file", stats_file, "stats.csv")
    count = check_integer("num_images", num_images, 1)
    rankings = _rankings(metric, check_bool("descending", descending))
    best = _best(table, rankings, count)
    pictures = page_pictures(name for rows in best for name, _ in rows)
    sections = [
        PictureSection(
            ranking.title,
            [
                NamedPicture(pictures[name], _caption(ranking.metric, value), value)
                for name, value in rows
            ],
            ranking.text,
            ranking.metric,
        )
        for ranking, rows in zip(rankings, best, strict=True)
    ]
    return write_gallery(gallery_path(save_path, "stats"), table, "Statistics", [*sections])


def _rankings(metric: object, descending: bool) -> tuple[_Ranking, ...]:
    if metric is None:
        return _RANKINGS
    if not isinstance(metric, str):
        raise InvalidTypeError(f"metric must be a str or None, got {type(metric).__name__}")
    if metric not in _METRICS:
        raise InvalidValueError(f"metric must be one of {', '.join(_METRICS)}, got {metric!r}")
    end = "Largest" if descending else "Smallest"
    return (_Ranking(f"{end} {metric}", metric, descending),)


def _best(table: Path, rankings: tuple[_Ranking, ...], count: int) -> list[list[tuple[str, float]]]:
    """The first images of each ranking with their values, in one reading of the table.

    Equal ones stand in the order of the table.
    """
    best: list[list[tuple[str, float]]] = [[] for _ in rankings]
    for names, columns in _chunks(table):
        for number, ranking in enumerate(rankings):
            metric = ranking.metric
            values = columns[metric] if metric in columns else _DERIVED[metric](columns)
            order = np.argsort(-values if ranking.descending else values, kind="stable")
            order = order[np.isfinite(values[order])][:count]
            found = zip(order.tolist(), values[order].tolist(), strict=True)
            best[number] += [(names[row], value) for row, value in found]
            best[number].sort(key=itemgetter(1), reverse=ranking.descending)
            del best[number][count:]
    if not any(best):
        raise InvalidValueError(
            f"{str(table)!r} must have at least one measured image; run_mode=0 or 1 measures them"
        )
    return best


def _chunks(table: Path) -> Iterator[tuple[list[str], Columns]]:
    rows = read_columns(table, ("filename",), _COLUMNS)
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        values = np.array([numbers for _, numbers in chunk])
        yield (
            [words[0] for words, _ in chunk],
            dict(zip(_COLUMNS, values.T, strict=True)),
        )


def _caption(metric: str, value: float) -> str:
    if metric == "stretch":
        return f"{value:.1f} to 1"
    if metric == "size":
        return f"{value / 1e6:.3g} megapixels"
    return f"{value:,.0f} bytes" if metric == "file_size" else f"{metric} {value:.4g}"
