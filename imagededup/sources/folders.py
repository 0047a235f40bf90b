"""The files of a folder, and listings of images."""

import os
import stat
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.sources.addresses import file_of, is_remote, parts_of, path_in, remote_address
from imagededup.sources.file_states import FileState, FileStates
from imagededup.sources.scarcity import end_if_scarce

__all__ = ["Failure", "ImageFolder", "check_folder", "walk"]

_MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """Images that have been listed: of a folder, or of several places.

    Attributes:
        root: The folder, archive, video or URL; the current folder where the names are whole.
        names: Paths relative to `root` with forward slashes, sorted.
        failures: Folders, links and archives that could not be read.
        states: What the files were like when they were listed, in the order of `names`; of an image
            in an archive or a video that of the archive or the video.
        apart: Which images are no files of their own but lie in others, or elsewhere, bool; None if
            all are files.
        places: The several places that the names are of; none where there is `root` alone.
    """

    root: Path
    names: list[str]
    failures: list[Failure]
    states: FileStates = field(repr=False, compare=False)
    apart: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.places:
            return remote_address(self.root) if is_remote(self.root) else str(self.root)
        shown = ", ".join(self.places[:_MOST_SHOWN])
        return shown if len(self.places) <= _MOST_SHOWN else f"{shown} and other places"

    def path(self, name: str) -> Path:
        """Where the image of this name lies."""
        return path_in(self.root, name)

    def state(self, name: str) -> tuple[FileState, FileState]:
        """What a name was like when it was listed, and what the file was like that it led to.

        Raises:
            InvalidValueError: It is not among `names`.
        """
        return self.states.at(self._place(name))

    def is_file(self, name: str) -> bool:
        """Whether an image is a file of its own.

        Raises:
            InvalidValueError: It is not among `names`.
        """
        return self.apart is None or not self.apart[self._place(name)]

    def file(self, name: str) -> Path | None:
        """The file that holds an image: itself, an archive or a video; None where it is remote.

        Raises:
            InvalidValueError: It is not among `names`.
        """
        path = self.path(name)
        file = str(path) if self.is_file(name) else file_of(str(path))
        return None if file is None else Path(file)

    def take(self, places: NDArray[np.int64]) -> "ImageFolder":
        """Some of the images, by their places in ascending order."""
        names = [self.names[place] for place in places.tolist()]
        apart = None if self.apart is None else self.apart[places]
        states = self.states.take(places)
        return ImageFolder(self.root, names, self.failures, states, apart, self.places)

    def without(self, other: "ImageFolder") -> "ImageFolder":
        """The images that are not among those of another listing, by whatever path, link or mount.

        Files are the same by device and inode, so that hard links are left out as well.

        Raises:
            InvalidValueError: Nothing is left.
        """
        left = self.take(np.flatnonzero(~self._among(other)))
        if self.names and not left.names:
            raise InvalidValueError(f"all files of {self} are also among those of {other}")
        return left

    def _place(self, name: str) -> int:
        place = bisect_left(self.names, name)
        if self.names[place : place + 1] != [name]:
            raise InvalidValueError(f"{name!r} is not among the files listed in {self}")
        return place

    def _among(self, other: "ImageFolder") -> NDArray[np.bool_]:
        """Which images are also those of another listing."""
        found = self.states.among(other.states)
        if self.apart is not None and (self.apart & found).any():
            theirs = set() if other.apart is None else set(other._inner(other.apart))
            inner = self.apart & found
            found[inner] = [one in theirs for one in self._inner(inner)]
        return found

    def _inner(self, chosen: NDArray[np.bool_]) -> Iterator[tuple[Any, str]]:
        """The file in which an image lies, and its name there."""
        for place in np.flatnonzero(chosen).tolist():
            address = self.path(self.names[place]).as_posix()
            inside = next((name for _, name in parts_of(address)), address)
            yield self.states.at(place)[1], inside


def check_folder(image_dir: str, name: str) -> Path:
    """The path of a folder that can be listed.

    Args:
        image_dir: The folder.
        name: What the argument is called in errors.

    Raises:
        InvalidValueError: It is not a folder, or cannot be read.
    """
    root = Path(image_dir)
    try:
        problem = None if stat.S_ISDIR(root.stat().st_mode) else "is not a folder"
    except FileNotFoundError:
        problem = "does not exist"
    except (OSError, ValueError) as error:  # ValueError: a null character
        problem = f"cannot be reached: {getattr(error, 'strerror', error)}"
    if problem:
        raise InvalidValueError(f"{name} must be a folder, {str(root)!r} {problem}")
    if not os.access(root, os.R_OK | os.X_OK):
        raise InvalidValueError(f"{name} must be readable, permission denied for {str(root)!r}")
    return root


def walk(
    root: Path,
    recursive: bool,
    failures: list[Failure],
    left_out: Callable[[str], bool] = lambda _: False,
) -> Iterator[str]:
    """Names of regular files; real folders before linked ones, each real folder once.

    Names that begin with a dot are passed over, as are sockets, pipes and devices. A folder that is
    reached by several ways, through symbolic links, is listed once.

    Args:
        root: The folder.
        recursive: Whether to list the folders within as well.
        failures: Takes up folders that cannot be read.
        left_out: Whether a folder is passed over.
    """
    seen: set[tuple[int, int]] = set()
    folders, links = [""], list[str]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        try:
            status = (root / folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                visible = sorted((e for e in entries if e.name[0] != "."), key=lambda e: e.name)
        except OSError as error:
            end_if_scarce(error, root / folder)
            failures.append(Failure(folder, f"folder cannot be read: {error.strerror}"))
            continue
        for entry in visible:
            name = f"{folder}/{entry.name}" if folder else entry.name
            match _kind(entry):
                case "folder" if recursive and not left_out(name):
                    (links if entry.is_symlink() else folders).append(name)
                case "file":
                    yield name


def _kind(entry: os.DirEntry[str]) -> Literal["file", "folder", "other"]:
    """A link that leads nowhere counts as a file, so that it is reported as unreadable."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists()):
            return "file"
    except OSError:
        return "file"
    return "other"
