"""The first groups of a result as HTML with thumbnails, which notebooks show."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagededup.images.decode import Pixels
from imagededup.methods.results import Cluster, Duplicates
from imagededup.plots.found import duplicates_of
from imagededup.plots.pictures import pictures
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.sources.folders import ImageFolder

__all__ = ["groups_html"]

_WIDTH, _HEIGHT = 128, 96
_QUALITY = 80
_NO_FILE = "no file is known"

_CELL = f"display:inline-block;vertical-align:top;width:{_WIDTH}px;margin:4px 8px 4px 0"
_LINE = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:11px"
_BOX = (
    f"box-sizing:border-box;width:{_WIDTH}px;height:{_HEIGHT}px;padding:6px;overflow:hidden;"
    "border:1px dashed gray;font-size:11px;overflow-wrap:anywhere"
)
_IMAGE = f"display:block;max-width:{_WIDTH}px;max-height:{_HEIGHT}px"


@dataclass(frozen=True, slots=True)
class _Member:
    """An image to show: its name, its file where one is known, and what stands below."""

    name: str
    path: Path | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Group:
    """The members to show, the one that the others duplicate first, and how many there are."""

    members: list[_Member]
    size: int


def groups_html(duplicates: Duplicates, most_groups: int = 5, most_members: int = 6) -> str:
    """Draw the first groups of duplicates, one a row, with thumbnails that the text contains.

    Within one collection a group is a cluster, its representative first; with a reference
    collection it is an image followed by its duplicates there, best first. A file that cannot be
    read is a box that says why. There is no script, and nothing is loaded from elsewhere.

    Args:
        duplicates: What a search found.
        most_groups: How many groups to draw at most; a note says how many are left out.
        most_members: How many images of a group to draw at most; a note says the same of them.

    Returns:
        One HTML element, with its styles.
    """
    images = counted(len(duplicates.names), "image")
    if duplicates.reference_names is None:
        clusters = duplicates.clusters()
        total = len(clusters)
        groups = [
            _cluster_group(duplicates, cluster, most_members) for cluster in clusters[:most_groups]
        ]
        heading = f"{images}, {counted(total, 'group')} of duplicates"
    else:
        matched = np.flatnonzero(duplicates.matches.has_match())
        total = len(matched)
        groups = [
            _reference_group(duplicates, image, most_members)
            for image in matched[:most_groups].tolist()
        ]
        others = counted(len(duplicates.reference_names), "image")
        heading = f"{images}, {total:,} of them with duplicates among {others}"
    if duplicates.failures:
        heading += f"; {counted(len(duplicates.failures), 'file')} could not be read"
    rows = "".join(_rows(groups))
    left_out = total - len(groups)
    note = f"<div>{counted(left_out, 'more group')} not shown</div>" if left_out else ""
    return f"<div><div><b>{heading}</b></div>{rows}{note}</div>"


def _cluster_group(duplicates: Duplicates, cluster: Cluster, most: int) -> _Group:
    first, names = cluster.representative, cluster.members
    others = [name for name in names[:most] if name != first][: max(0, most - 1)]
    shown_part = replace(cluster, members=(first, *others))
    scores = duplicates.scores_to_representatives([shown_part])
    members = [
        _Member(
            name,
            _path(duplicates.folder, name),
            duplicates.describe_pair(first, name, scores[name]) if name in scores else "",
        )
        for name in shown_part.members
    ]
    return _Group(members, len(names))


def _reference_group(duplicates: Duplicates, image: int, most: int) -> _Group:
    """An image, and its duplicates in the reference collection."""
    name, found = duplicates.names[image], duplicates_of(duplicates, image)
    others = [
        _Member(
            other,
            _path(duplicates.reference_folder, other),
            duplicates.describe_pair(name, other, score),
        )
        for other, score in found[: max(0, most - 1)]
    ]
    return _Group([_Member(name, _path(duplicates.folder, name)), *others], 1 + len(found))


def _path(folder: "ImageFolder | None", name: str) -> Path | None:
    return None if folder is None else folder.path(name)


def _rows(groups: list[_Group]) -> Iterator[str]:
    """A row of cells for each group; the images of all groups are decoded together."""
    known = [(m.name, m.path) for group in groups for m in group.members if m.path is not None]
    decoded = iter(pictures(known))
    for group in groups:
        cells = [
            _cell(member, _NO_FILE if member.path is None else next(decoded).pixels)
            for member in group.members
        ]
        more = group.size - len(group.members)
        note = f"<span>+{more:,} more</span>" if more else ""
        yield f'<div style="white-space:normal">{"".join(cells)}{note}</div>'


def _cell(member: _Member, pixels: Pixels | str) -> str:
    name = escape(shown(member.name))
    if isinstance(pixels, str):
        picture = f'<div style="{_BOX}">{escape(shown(pixels))}</div>'
    else:
        picture = f'<img style="{_IMAGE}" alt="{name}" src="{_data_uri(pixels)}">'
    note = f'<div style="{_LINE}">{escape(member.note)}</div>' if member.note else ""
    title = f'<div style="{_LINE}" title="{name}">{name}</div>'
    return f'<div style="{_CELL}">{picture}{title}{note}</div>'


def _data_uri(pixels: Pixels) -> str:
    """A JPEG of at most 128 x 96 pixels, within the address."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)
    file = BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode('ascii')}"
