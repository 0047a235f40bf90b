"""Pages of images: where everything goes, in inches from the top left corner.

Importing this module imports matplotlib.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from imagededup.plots.figure import PlotFigure
from imagededup.plots.labels import text_style
from imagededup.plots.pictures import LINE, Frame, Picture, draw_picture, frame_height
from imagededup.utils.text import counted

__all__ = ["clusters_figure", "duplicates_figure"]

_MARGIN = 0.3
_GAP = 0.18
_PAD = 0.1
_ORIGINAL_WIDTH = 3.0
_MEMBER_WIDTH = 1.7
_MORE_WIDTH = 0.8
_SIZE = 9.5


def duplicates_figure(
    original: Picture, duplicates: Sequence[Picture], scores: Sequence[Any], total: int
) -> PlotFigure:
    """The original above a grid of its duplicates.

    Args:
        original: The image on top.
        duplicates: What to draw of its duplicates, at least one.
        scores: For each of them its score, or None.
        total: How many duplicates there are.
    """
    columns, width = _grid(len(duplicates))
    rows = -(-len(duplicates) // columns)
    height = frame_height(duplicates, width)
    original_height = frame_height([original], _ORIGINAL_WIDTH)
    caption = _PAD + LINE * (1 if all(score is None for score in scores) else 2)
    pitch = caption + height + _GAP
    breadth = columns * (width + _GAP) - _GAP
    first = _MARGIN + 2 * LINE
    grid = first + original_height + _GAP
    left_out = total - len(duplicates)
    bottom = grid + rows * pitch - _GAP + _MARGIN + (2 * LINE if left_out else 0)
    figure = PlotFigure(breadth + 2 * _MARGIN, bottom)
    left = _MARGIN + (breadth - _ORIGINAL_WIDTH) / 2
    frame = Frame(left, first, _ORIGINAL_WIDTH, original_height, breadth)
    draw_picture(figure, frame, original, counted(total, "duplicate"), marked=True)
    for number, (duplicate, score) in enumerate(zip(duplicates, scores, strict=True)):
        row, column = divmod(number, columns)
        top = grid + row * pitch + caption
        frame = Frame(_MARGIN + column * (width + _GAP), top, width, height)
        draw_picture(figure, frame, duplicate, _score_text(score))
    if left_out:
        _write_note(figure, f"{counted(left_out, 'more duplicate')} not shown")
    return figure


def clusters_figure(
    rows: Sequence[Sequence[Picture]], sizes: Sequence[int], left_out: int
) -> PlotFigure:
    """A row of images for each cluster, the first image of each marked.

    Args:
        rows: What to draw of each cluster.
        sizes: How many images each cluster has.
        left_out: How many clusters are not drawn.
    """
    more = any(size > len(row) for row, size in zip(rows, sizes, strict=True))
    columns = max(len(row) for row in rows)
    breadth = columns * (_MEMBER_WIDTH + _GAP) - _GAP + (_GAP + _MORE_WIDTH if more else 0)
    heights = [frame_height(row, _MEMBER_WIDTH) for row in rows]
    above = 2.2 * LINE + _PAD
    bottom = sum(heights) + len(rows) * (above + _MARGIN) + _MARGIN + 2 * LINE
    figure = PlotFigure(breadth + 2 * _MARGIN, bottom)
    top = _MARGIN
    for row, size, height in zip(rows, sizes, heights, strict=True):
        _write(figure, _MARGIN, top, counted(size, "image"), fontweight="bold", va="top")
        _draw_row(figure, row, top + above, height, size - len(row))
        top += above + height + _MARGIN
    note = f"; {counted(left_out, 'more cluster')} not shown" if left_out else ""
    _write_note(figure, f"thick border: the representative{note}")
    return figure


def _draw_row(
    figure: PlotFigure, row: Sequence[Picture], top: float, height: float, more: int
) -> None:
    left = _MARGIN
    for column, picture in enumerate(row):
        frame = Frame(left, top, _MEMBER_WIDTH, height)
        draw_picture(figure, frame, picture, marked=column == 0)
        left += _MEMBER_WIDTH + _GAP
    if more:
        _write(figure, left, top + height / 2, f"+{more:,} more", va="center")


def _grid(count: int) -> tuple[int, float]:
    """The number of columns and their width."""
    if count <= 2:
        return count, 3.0 if count == 1 else 2.6
    if count <= 4:
        return count, 2.1
    return (3 if count <= 6 else 4 if count <= 12 else 5), 2.1


def _score_text(score: Any) -> str:  # noqa: ANN401
    if score is None:
        return ""
    return f"distance {score}" if isinstance(score, Integral) else f"similarity {score:.3f}"


def _write_note(figure: PlotFigure, text: str) -> None:
    """Write a text at the foot of the figure."""
    _write(figure, _MARGIN, figure.get_size_inches()[1] - _MARGIN, text)


def _write(figure: PlotFigure, left: float, top: float, text: str, **more: object) -> None:
    """Write a text at a place in inches."""
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - top / height, text, **text_style(_SIZE, **more))
