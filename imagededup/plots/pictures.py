"""Images in figures: small copies, in frames of one size, with a caption each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, load_image
from imagededup.plots.labels import fitting, text_style, wrapped
from imagededup.utils.parallel import check_workers, ordered_map

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CAPTION_SIZE", "LINE", "Frame", "Picture", "draw_picture", "frame_height", "pictures"]

LINE = 0.165
"""Height of a line of a caption, in inches."""
CAPTION_SIZE = 8.5
"""Font size of a caption, in points."""

_LONGEST_SIDE = 512
_REDUCTION = Reduction(above=768, down_to=384)
_GREY = "0.55"
_MARK = "tab:blue"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as it is drawn.

    Attributes:
        name: Of the image.
        pixels: uint8 of shape (h, w, 3), or why there are none.
    """

    name: str
    pixels: Pixels | str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an image is drawn, in inches from the top left corner of the figure.

    Attributes:
        left: To the frame's left side.
        top: To its upper side; the caption stands above.
        width: Of the frame.
        height: Of the frame.
        caption_width: Of the caption; None for that of the frame.
    """

    left: float
    top: float
    width: float
    height: float
    caption_width: float | None = None


def pictures(paths: Iterable[tuple[str, Path]]) -> list[Picture]:
    """Decode images to small copies, upright, on all cores.

    Args:
        paths: Names and files.
    """
    return list(ordered_map(_picture, paths, check_workers("workers", None)))


def frame_height(images: Sequence[Picture], width: float) -> float:
    """The height at which the highest of the images fills the width, at most the width."""
    return width * min(max(_height_by_width(image) for image in images), 1)


def draw_picture(
    figure: "Figure", frame: Frame, picture: Picture, line: str = "", marked: bool = False
) -> "Axes":
    """Add axes with an image, or with an empty box that says why there is none.

    Args:
        figure: The image's frame must lie within.
        frame: The image keeps its proportions, below the frame's upper side.
        picture: The image and its name, which is shortened to the caption's width.
        line: A second line of the caption.
        marked: Whether the image gets a border of another colour.
    """
    breadth, height = figure.get_size_inches()
    axes = figure.add_axes(
        (
            frame.left / breadth,
            1 - (frame.top + frame.height) / height,
            frame.width / breadth,
            frame.height / height,
        )
    )
    axes.set(xticks=[], yticks=[], anchor="N", facecolor="none")
    axes.grid(False)
    if isinstance(picture.pixels, str):
        _draw_reason(axes, frame, picture.pixels)
    else:
        axes.imshow(picture.pixels, origin="upper", aspect="equal")
    for spine in axes.spines.values():
        spine.set(
            visible=True,
            linewidth=2.5 if marked else 0.6,
            color=_MARK if marked else _GREY,
            linestyle="--" if isinstance(picture.pixels, str) else "-",
        )
    name = fitting(picture.name, frame.caption_width or frame.width, CAPTION_SIZE)
    style = text_style(CAPTION_SIZE, fontweight="normal", loc="center", y=1, pad=5)
    axes.set_title(f"{name}\n{line}" if line else name, **style)
    return axes


def _height_by_width(picture: Picture) -> float:
    if isinstance(picture.pixels, str):
        return 0.6
    height, width = picture.pixels.shape[:2]
    return max(float(height / width), 0.1)


def _draw_reason(axes: "Axes", frame: Frame, reason: str) -> None:
    lines = max(1, int(frame.height / LINE) - 1)
    text = wrapped(reason, frame.width * 0.85, CAPTION_SIZE, lines)
    style = text_style(CAPTION_SIZE, color=_GREY, ha="center", va="center")
    axes.text(0.5, 0.5, text, transform=axes.transAxes, **style)


def _picture(item: tuple[str, Path]) -> Picture:
    name, path = item
    try:
        return Picture(name, _small(load_image(path, _REDUCTION)))
    except UnreadableImageError as error:
        return Picture(name, str(error))


def _small(pixels: Pixels) -> Pixels:
    """A copy in RGB whose longer side is at most 512 pixels."""
    from PIL import Image

    image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)
