"""Sections of single images: outliers, flagged ones, and files that cannot be read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.images.quality import FLAGS, Columns, area, sharpness, stretch
from imagededup.methods.on_pages import picture_of
from imagededup.pages import NamedPicture, PictureSection, TableSection
from imagededup.report.look import MeasuredImages
from imagededup.report.unusual import Unusual
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.utils.text import counted

__all__ = ["failure_section", "flag_section", "unusual_section"]


@dataclass(frozen=True, slots=True)
class _Number:
    """What is said of an image with a flag, and from which end such images are sorted."""

    name: str
    of: Callable[[Columns], NDArray[Any]]
    descending: bool = False


_NUMBERS = {
    "blank": _Number("standard deviation", lambda columns: columns["stdv"]),
    "dark": _Number("mean", lambda columns: columns["mean"]),
    "bright": _Number("mean", lambda columns: columns["mean"], descending=True),
    "blurred": _Number("sharpness", sharpness),
    "stretched": _Number("sides", stretch, descending=True),
    "odd size": _Number("megapixels", lambda columns: area(columns) / 1e6),
}


def unusual_section(folder: ImageFolder, unusual: Sequence[Unusual], most: int) -> PictureSection:
    """The outliers, each with what is nearest to it."""
    pictures = [
        NamedPicture(
            picture_of(folder, one.name),
            f"similarity {one.similarity:.3f} to the nearest, {one.nearest}",
            one.similarity,
        )
        for one in unusual[:most]
    ]
    text = "Images whose nearest one is much less similar than that of most, most unusual first"
    return PictureSection("Outliers", pictures, _said(text, len(unusual), most), "similarity")


def flag_section(
    folder: ImageFolder, measured: MeasuredImages, flag: str, flagged: NDArray[np.bool_], most: int
) -> PictureSection:
    """The images with a flag, the clearest first."""
    number, columns = _NUMBERS[flag], measured.columns
    values = number.of(columns)
    order = np.argsort(-values if number.descending else values, kind="stable")
    rows = order[flagged[order]]
    pictures = [
        NamedPicture(
            picture_of(folder, measured.names[row]),
            f"{number.name} {values[row]:.3g}",
            float(values[row]),
        )
        for row in rows[:most].tolist()
    ]
    text = _said(FLAGS[flag].capitalize(), len(rows), most)
    return PictureSection(flag.capitalize(), pictures, text, number.name)


def failure_section(failures: Sequence[Failure], most: int) -> TableSection:
    """Files that cannot be read, with the reasons."""
    rows = [(failure.name or ".", failure.reason) for failure in failures[:most]]
    text = _said("Left out", len(failures), most, "file")
    return TableSection("Broken files", ("file", "reason"), rows, text)


def _said(text: str, count: int, most: int, noun: str = "image") -> str:
    cut = f", of which the first {most:,} are shown" if count > most else ""
    return f"{text}: {counted(count, noun)}{cut}."
