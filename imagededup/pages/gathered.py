"""All pictures of the sections of a page, each looked at once."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import IO, cast

from imagededup.pages.frames import frame_file, write_frame
from imagededup.pages.items import (
    GroupSection,
    PagePicture,
    PageSection,
    PairSection,
    PictureSection,
)
from imagededup.pages.looks import Look, look_at
from imagededup.sources.addresses import is_remote
from imagededup.sources.readable import reading_workers
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import Progress

__all__ = ["Gathered", "PictureList", "gathered", "pictures_of_items", "whole_path"]

_IN_MEMORY = 2**24


class PictureList:
    """Pictures by place; equal ones, by absolute folder and name, have one place."""

    def __init__(self) -> None:
        self.pictures: list[PagePicture] = []
        self._places: dict[tuple[str, str | None], int] = {}
        self._folders: dict[Path | None, str | None] = {None: None}

    def place(self, picture: PagePicture) -> int:
        """Where the picture stands; a new one is put at the end."""
        folder = picture.folder
        if folder is not None and folder not in self._folders:
            self._folders[folder] = str(whole_path(folder))
        key = picture.name, self._folders[folder]
        place = self._places.setdefault(key, len(self.pictures))
        if place == len(self.pictures):
            self.pictures.append(picture)
        elif picture.stays:
            self.pictures[place] = picture
        return place


def pictures_of_items(section: PageSection) -> Iterator[tuple[PagePicture, ...]]:
    """The pictures of every item of a section, in order."""
    match section:
        case PairSection():
            yield from ((pair.left, pair.right) for pair in section.pairs)
        case GroupSection():
            yield from (tuple(group.pictures) for group in section.groups)
        case PictureSection():
            yield from ((named.picture,) for named in section.pictures)


def whole_path(path: Path) -> Path:
    """The absolute path, without dots, links as they are; a URL as it is."""
    if is_remote(path):
        return path
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute leaves the dots


@dataclass(frozen=True, slots=True)
class Gathered:
    """Pictures, what was seen of them, and where their small copies lie in a file.

    Attributes:
        pictures: By place.
        looks: The same; without thumbnails.
        thumbnails: Number of the small copy of every picture; -1 where there is none. Equal copies
            have one number.
        bounds: Where each small copy begins in `file`, and where the last one ends.
        file: One small copy after the other.
        frames: Where frames of videos were written as files; None where they were not.
    """

    pictures: Sequence[PagePicture]
    looks: Sequence[Look]
    thumbnails: Sequence[int]
    bounds: Sequence[int]
    file: IO[bytes]
    frames: Path | None = None

    def thumbnail(self, number: int) -> bytes:
        """A small copy."""
        self.file.seek(self.bounds[number])
        return self.file.read(self.thumbnail_size(number))

    def thumbnail_size(self, number: int) -> int:
        """Its bytes."""
        return self.bounds[number + 1] - self.bounds[number]


@contextmanager
def gathered(
    pictures: Sequence[PagePicture],
    longest: int,
    workers: int,
    folder: Path,
    verbose: bool,
    frames: Path | None = None,
) -> Iterator[Gathered]:
    """Look at pictures, in parallel; their small copies wait in a file without a name.

    Args:
        pictures: Each once.
        longest: The longer side of the small copies, in pixels.
        workers: How many threads look.
        folder: Where the file lies while the block runs.
        verbose: Whether to show progress.
        frames: A folder into which frames of videos are written; None writes none.
    """
    looks: list[Look] = []
    thumbnails: list[int] = []
    bounds = [0]
    numbers: dict[bytes, int] = {}
    with (
        _unnamed_file(folder) as file,
        Progress(len(pictures), "Thumbnails", "picture", verbose) as progress,
    ):
        look_at_one = partial(_looked, longest=longest, frames=frames)
        readers = reading_workers(pictures[0].path or "", workers) if pictures else workers
        for look in ordered_map(look_at_one, pictures, readers):
            number = -1
            if look.thumbnail:
                digest = blake2b(look.thumbnail, digest_size=16).digest()
                number = numbers.setdefault(digest, len(bounds) - 1)
                if number == len(bounds) - 1:
                    file.write(look.thumbnail)
                    bounds.append(bounds[-1] + len(look.thumbnail))
            thumbnails.append(number)
            looks.append(replace(look, thumbnail=b""))
            progress.advance(1)
        yield Gathered(pictures, looks, thumbnails, bounds, file, frames)


def _looked(picture: PagePicture, longest: int, frames: Path | None) -> Look:
    look = look_at(picture, longest)
    if frames is not None and picture.path is not None and look.thumbnail:
        address = whole_path(picture.path)
        file = frame_file(frames, address)
        if file is not None:
            write_frame(address, file)
    return look


def _unnamed_file(folder: Path) -> IO[bytes]:
    """A file that goes with the program, in memory while it is small."""
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)))
