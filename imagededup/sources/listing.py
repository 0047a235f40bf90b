"""One listing of images for all who read them: of folders, archives, videos, lists and URLs.

What is listed are names. Nothing is read before but what the names stand in: folders, text files,
the headers of archives and the times of videos.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import (
    FileOperationError,
    InvalidValueError,
    MissingPackageError,
    UnreadableImageError,
)
from imagededup.sources.addresses import as_path, is_container, is_remote, remote_address
from imagededup.sources.containers import contents_of
from imagededup.sources.file_states import FileStates
from imagededup.sources.folders import Failure, ImageFolder, check_folder, walk
from imagededup.sources.lists import is_called_image, is_list, read_list
from imagededup.sources.patterns import excluded, name_filter
from imagededup.sources.places import ImageDir, Sources, shards
from imagededup.sources.scarcity import end_if_scarce

__all__ = ["ListedPlace", "list_images", "listed_places"]

_LIST_ENDINGS = (".csv", ".list", ".lst", ".tsv", ".txt")


@dataclass(frozen=True, slots=True)
class ListedPlace:
    """The images of a place.

    Attributes:
        place: Goes before the names, with a slash; empty where the names are whole addresses.
        names: What follows.
        states: What the files were like in which the images lie, one a name.
        apart: Which images are no files of their own, bool, one a name.
        failures: What could not be looked into.
    """

    place: str
    names: list[str]
    states: FileStates
    apart: NDArray[np.bool_]
    failures: list[Failure]

    def addresses(self) -> Iterator[str]:
        """The whole addresses."""
        prefix = _prefix(self.place)
        return (prefix + name for name in self.names)


def list_images(
    image_dir: ImageDir, recursive: bool = False, name: str = "image_dir"
) -> ImageFolder:
    """List the images of one or several places, sorted by name.

    Names are relative to the place if there is one. If there are several, or a list of paths, they
    are whole addresses, each of which counts once.

    Args:
        image_dir: Where the images are.
        recursive: Whether to list folders within folders as well.
        name: What the argument is called in errors.

    Raises:
        InvalidTypeError: `image_dir` is not a path, several paths or `Sources`.
        InvalidValueError: A place is not there, cannot be read or holds nothing.
    """
    sources = image_dir if isinstance(image_dir, Sources) else Sources(image_dir, name=name)
    parts = list(listed_places(sources, recursive, name))
    if not any(part.names or part.failures for part in parts):
        wanted = "an image of the names that are included" if sources.include else "an image"
        places = ", ".join(map(repr, sources.places))
        raise InvalidValueError(f"{name} must hold {wanted}, found none in {places:.300}")
    if len(sources.places) == 1 and len(parts) == 1 and parts[0].place:
        return _sorted(as_path(parts[0].place.rstrip("/") or "/"), parts)
    joined = [
        ListedPlace(
            "",
            list(part.addresses()),
            part.states,
            part.apart,
            [replace(one, name=_whole(part.place, one.name)) for one in part.failures],
        )
        for part in parts
    ]
    return _sorted(Path(), joined, sources.places)


def listed_places(
    sources: Sources, recursive: bool, name: str = "image_dir"
) -> Iterator[ListedPlace]:
    """The images of one place after the other, in the order of the places, sorted in each.

    Args:
        sources: The places.
        recursive: Whether to list folders within folders as well.
        name: What the argument is called in errors.

    Raises:
        InvalidValueError: A place is not there, cannot be read or holds nothing.
    """
    lister = _Lister(sources, recursive, name)
    alone = len(sources.places) == 1
    for place in sources.places:
        yield from lister.place(place, alone)


@dataclass(frozen=True, slots=True)
class _Lister:
    sources: Sources
    recursive: bool
    name: str

    def place(self, place: str, alone: bool) -> Iterator[ListedPlace]:
        """A place as the user gave it."""
        for one in shards(place, self.name):
            alone = alone and one == place
            if is_remote(one):
                yield self._remote(one)
            elif not os.path.isfile(one):  # noqa: PTH113 - False for every impossible path
                is_gone = not alone and _is_called_file(one) and not os.path.lexists(one)
                yield self._files([one]) if is_gone else self._folder(one)
            elif self._is_container(one):
                yield self._container(one)
            elif is_list(one) if alone else one.lower().endswith(_LIST_ENDINGS):
                yield from self._rows(read_list(Path(one), self.name))
            elif alone and not is_called_image(one):
                raise InvalidValueError(
                    f"{self.name} must be a folder, an image, an archive, a video, a URL or a text "
                    f"file with paths, {one!r} is none of them"
                )
            else:
                yield self._files([one])

    def _rows(self, rows: Iterable[str]) -> Iterator[ListedPlace]:
        """The rows of a list: files, and what stands for several images."""
        for several, group in groupby(rows, self._stands_for_several):
            if several:
                yield from map(self._row, group)
            else:
                yield self._files(list(group))

    def _stands_for_several(self, row: str) -> bool:
        if is_remote(row):
            return self._is_container(row) or not _has_ending(row)
        return os.path.isdir(row) or (self._is_container(row) and os.path.isfile(row))  # noqa: PTH112, PTH113

    def _row(self, row: str) -> ListedPlace:
        """What a row stands for; one that cannot be looked into is a failure, no error."""
        try:
            if is_remote(row):
                return self._remote(row)
            return self._folder(row) if os.path.isdir(row) else self._container(row)  # noqa: PTH112
        except (InvalidValueError, FileOperationError, MissingPackageError) as error:
            failures = [Failure(row, str(error))]
            return ListedPlace("", [], FileStates.of([]), np.zeros(0, bool), failures)

    def _is_container(self, name: str) -> bool:
        return self.sources.look_inside and is_container(name)

    def _files(self, rows: list[str]) -> ListedPlace:
        """Files by their whole names; that one is not there is found out when it is read."""
        taken = name_filter(self.sources.include, self.sources.exclude)
        names = [row for row in rows if taken(row)]
        remote = np.fromiter(map(is_remote, names), bool, len(names))
        return ListedPlace("", names, FileStates.read("", names), remote, [])

    def _folder(self, place: str) -> ListedPlace:
        root = check_folder(place, self.name)
        failures: list[Failure] = []
        left_out = excluded(self.sources.exclude)
        names = sorted(n for n in walk(root, self.recursive, failures, left_out) if not left_out(n))
        if not names and not failures:
            advice = "" if self.recursive else "; its subfolders are searched with recursive=True"
            raise InvalidValueError(
                f"{self.name} must hold at least one file, found none in {root}{advice}"
            )
        return self._looked_into(place, names, FileStates.read(root, names), failures)

    def _container(self, place: str) -> ListedPlace:
        """An archive or a video that the user named."""
        names, reason = self._inside(place)
        if names is None:
            reason = reason or "it is no archive or video"
            raise InvalidValueError(f"{self.name} cannot be read, {place!r}: {reason}")
        failures = [Failure("", reason)] if reason else []
        states = FileStates.read("", [place]).take(np.zeros(len(names), np.int64))
        taken = name_filter(self.sources.include, self.sources.exclude)
        keep = np.flatnonzero(np.fromiter(map(taken, names), bool, len(names)))
        names = [names[item] for item in keep.tolist()]
        return ListedPlace(place, names, states.take(keep), np.ones(len(names), bool), failures)

    def _remote(self, place: str) -> ListedPlace:
        """A URL: of an archive or a video, of a folder, or of one file."""
        from imagededup.sources.remote_listing import (  # imports asyncio
            container_states,
            list_remote_place,
        )

        if self._is_container(place):
            part = self._container(remote_address(place))
            return replace(part, states=container_states(place, len(part.names)))
        found = list_remote_place(place, self.recursive, self.name)
        part = self._looked_into(found.place, found.names, found.states, [])
        return replace(part, apart=np.ones(len(part.names), bool))

    def _looked_into(
        self, place: str, names: list[str], states: FileStates, failures: list[Failure]
    ) -> ListedPlace:
        """Put what lies within archives and videos in their places, and take what is asked for."""
        taken = name_filter(self.sources.include, self.sources.exclude)
        found: list[str] = []
        origin: list[int] = []
        apart: list[bool] = []
        for item, name in enumerate(names):
            inside, reason = None, None
            if self._is_container(name):
                inside, reason = self._inside(_prefix(place) + name)
            if reason:
                failures.append(Failure(name, reason))
            if inside is None and reason is None:
                inside = [""]
            for member in inside or ():
                whole = f"{name}/{member}" if member else name
                if taken(whole):
                    found.append(whole)
                    origin.append(item)
                    apart.append(bool(member))
        return ListedPlace(
            place, found, states.take(np.array(origin, np.int64)), np.array(apart, bool), failures
        )

    def _inside(self, address: str) -> tuple[list[str] | None, str | None]:
        """The images in an archive or a video, and why they are not all; None for other files."""
        try:
            contents = contents_of(address, anew=is_remote(address))
            if contents is None:
                return None, None
            return contents.names(self.sources.frames_per_second), contents.damage
        except UnreadableImageError as error:
            return None, str(error)
        except OSError as error:
            end_if_scarce(error, address)
            return None, (error.strerror or str(error)).lower()


def _sorted(root: Path, parts: Sequence[ListedPlace], several: tuple[str, ...] = ()) -> ImageFolder:
    """All names in one order, each once."""
    names = [name for part in parts for name in part.names]
    failures = [failure for part in parts for failure in part.failures]
    order = sorted(range(len(names)), key=names.__getitem__)
    chosen = [
        item
        for place, item in enumerate(order)
        if not place or names[item] != names[order[place - 1]]
    ]
    places = np.array(chosen, np.int64)
    states = FileStates.joined([part.states for part in parts]).take(places)
    apart = np.concatenate([part.apart for part in parts] or [np.zeros(0, bool)])[places]
    taken = [names[item] for item in chosen]
    return ImageFolder(root, taken, failures, states, apart, several)


def _is_called_file(place: str) -> bool:
    """Whether a name has an ending, and not that of what holds many images."""
    ending = os.path.splitext(place)[1].lower()  # noqa: PTH122
    return bool(ending) and not is_container(place) and ending not in _LIST_ENDINGS


def _prefix(place: str) -> str:
    return place if not place or place.endswith("/") else f"{place}/"


def _whole(place: str, name: str) -> str:
    return _prefix(place) + name if name else place


def _has_ending(address: str) -> bool:
    """Whether the last part of a URL looks like one file."""
    last = address.partition("?")[0].rpartition("/")[2]
    return (address.startswith("http") and bool(last)) or "." in last
