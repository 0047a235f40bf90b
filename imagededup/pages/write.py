"""Writing pages: one file, or several where one would be too large."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.pages.embed import PageData
from imagededup.pages.gathered import (
    Gathered,
    PictureList,
    gathered,
    pictures_of_items,
    whole_path,
)
from imagededup.pages.items import PageSection
from imagededup.pages.looks import picture_size_for
from imagededup.pages.render import Neighbours, render
from imagededup.pages.split import Sheet, sheets
from imagededup.pages.written import MOST_BYTES, WrittenPage
from imagededup.utils.files import check_output, open_atomically
from imagededup.utils.options import whole_number
from imagededup.utils.parallel import check_workers

__all__ = ["check_number", "write_page"]

_LEAST_BYTES = 1_000_000
_SIZES = (32, 2048)


def write_page(
    path: str | PathLike[str],
    title: str,
    sections: Sequence[PageSection],
    *,
    text: str = "",
    picture_size: int | None = None,
    max_bytes: int = MOST_BYTES,
    workers: int | None = None,
    verbose: bool = False,
    frames: Path | None = None,
) -> WrittenPage:
    """Write a page that shows pictures, pairs and groups of them.

    Every file is decoded once, at reduced size. One that is missing or broken is a box with the
    reason. The page loads nothing from anywhere and changes no file.

    Args:
        path: The page, `.html`.
        title: Its heading.
        sections: What it shows, in order.
        text: A sentence or two below the heading.
        picture_size: The longer side of the small copies in the page, 32 to 2048 pixels; None takes
            640 for up to 250 pictures, 448 up to 1,000, 256 up to 4,000 and 176 above.
        max_bytes: How large a file gets. Where that is not enough, further pages lie in a folder
            beside it, named after it: `report_pages/page_2.html`. A group is never cut.
        workers: How many threads decode; None for all cores.
        verbose: Whether to show a progress bar.
        frames: A folder into which the frames of videos on the page are written as JPEGs, for the
            page to link to; None writes none.

    Returns:
        Where the page is, and how large.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The path does not end in `.html`, or a number is not allowed.
        FileOperationError: The page cannot be written.
    """
    target = _check_path(path)
    size = None if picture_size is None else check_number("picture_size", picture_size, *_SIZES)
    most = check_number("max_bytes", max_bytes, _LEAST_BYTES)
    threads = check_workers("workers", workers)
    listed = PictureList()
    places = [
        [tuple(map(listed.place, item)) for item in pictures_of_items(section)]
        for section in sections
    ]
    count = len(listed.pictures)
    longest = size or picture_size_for(count)
    try:
        with gathered(
            listed.pictures, longest, threads, target.parent, verbose, frames
        ) as everything:
            cut = list(sheets(sections, places, everything, most))
            files = [target, *(_further(target, number) for number in range(2, len(cut) + 1))]
            # The first one last, so that what it links to is there.
            sizes = [
                _write(files, number, cut[number], everything, title, text)
                for number in reversed(range(len(cut)))
            ]
    except FileOperationError:
        raise
    except OSError as error:
        raise FileOperationError(f"cannot write {str(target)!r}: {error.strerror}") from error
    unreadable = sum(bool(look.reason) for look in everything.looks)
    return WrittenPage(target, tuple(files), sum(sizes), count, unreadable)


def _write(
    files: Sequence[Path],
    number: int,
    sheet: Sheet,
    everything: Gathered,
    title: str,
    text: str,
) -> int:
    """Write one file and say how many bytes it has."""
    file = files[number]
    file.parent.mkdir(exist_ok=True)
    data = PageData(everything, whole_path(file.parent))
    neighbours = Neighbours(number + 1, [_link(file, other) for other in files])
    content = data.text([(part.section, part.places) for part in sheet])
    parts = render(title, text, [part.section for part in sheet], content, data, neighbours)
    return _write_parts(file, parts)


def _write_parts(file: Path, parts: Iterator[str]) -> int:
    written = 0
    with open_atomically(file, binary=True) as stream:
        for part in parts:
            written += stream.write(part.encode("utf-8"))
    return written


def _further(target: Path, number: int) -> Path:
    return target.with_name(f"{target.stem}_pages") / f"page_{number}.html"


def _link(page: Path, other: Path) -> str:
    """The way from one file of a page to another, as an address."""
    from urllib.parse import quote

    if page.parent == other.parent:
        way = other.name
    elif page.parent == other.parent.parent:
        way = f"{other.parent.name}/{other.name}"
    else:
        way = f"../{other.name}"
    return quote(way.encode("utf-8", "surrogateescape"))


def _check_path(path: object) -> Path:
    if not isinstance(path, str | PathLike):
        raise InvalidTypeError(f"path must be a path, got {type(path).__name__}")
    target = check_output(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise InvalidValueError(f"path must end in .html, got {str(target)!r}")
    return target


def check_number(name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number within limits.

    Raises:
        InvalidTypeError: Not an int.
        InvalidValueError: Too small or too large.
    """
    number = whole_number(value)
    if number is None:
        raise InvalidTypeError(f"{name} must be an int, got {type(value).__name__}")
    if number < least or (most is not None and number > most):
        allowed = f"{least:,} or more" if most is None else f"from {least} to {most}"
        raise InvalidValueError(f"{name} must be {allowed}, got {number}")
    return number
