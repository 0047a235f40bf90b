"""Where images come from: the files of a folder, sorted by name."""

import os
import stat
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.sources.file_states import FileState, FileStates

__all__ = ["Failure", "ImageFolder", "list_folder"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImageFolder:
    """The files of a folder that may be images.

    Attributes:
        root: The folder.
        names: Paths relative to `root` with forward slashes, sorted.
        failures: Folders and links that could not be read.
        states: What the files were like when they were listed, in the order of `names`.
    """

    root: Path
    names: list[str]
    failures: list[Failure]
    states: FileStates = field(repr=False, compare=False)

    def path(self, name: str) -> Path:
        """Where the file of this name lies."""
        return self.root / name

    def state(self, name: str) -> tuple[FileState, FileState]:
        """What a name was like when it was listed, and what the file was like that it led to.

        Raises:
            InvalidValueError: It is not among `names`.
        """
        place = bisect_left(self.names, name)
        if self.names[place : place + 1] != [name]:
            raise InvalidValueError(f"{name!r} is not among the files listed in {self.root}")
        return self.states.at(place)

    def without(self, other: "ImageFolder") -> "ImageFolder":
        """The files that are not among those of another folder, by whatever path, link or mount.

        Files are the same by device and inode, so that hard links are left out as well.

        Raises:
            InvalidValueError: Nothing is left.
        """
        places = np.flatnonzero(~self.states.among(other.states))
        left = [self.names[place] for place in places.tolist()]
        if self.names and not left:
            raise InvalidValueError(
                f"all files of {self.root} are also among those of {other.root}"
            )
        return ImageFolder(self.root, left, self.failures, self.states.take(places))


def list_folder(
    image_dir: str | PathLike[str], recursive: bool = False, name: str = "image_dir"
) -> ImageFolder:
    """List the regular files of a folder.

    Names that begin with a dot are passed over, as are sockets, pipes and devices. A folder that is
    reached by several ways, through symbolic links, is listed once.

    Args:
        image_dir: The folder.
        recursive: Whether to list the folders within as well.
        name: What the argument is called in errors.

    Raises:
        InvalidTypeError: `image_dir` is not a path.
        InvalidValueError: `image_dir` is not a folder, cannot be read or holds no file.
    """
    root = _check_folder(image_dir, name)
    failures: list[Failure] = []
    names = sorted(_walk(root, recursive, failures))
    if not names and not failures:
        advice = "" if recursive else "; its subfolders are searched with recursive=True"
        raise InvalidValueError(f"{name} must hold at least one file, found none in {root}{advice}")
    return ImageFolder(root, names, failures, FileStates.read(root, names))


def _check_folder(image_dir: object, name: str) -> Path:
    if not isinstance(image_dir, str | PathLike):
        raise InvalidTypeError(f"{name} must be a path, got {type(image_dir).__name__}")
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


def _walk(root: Path, recursive: bool, failures: list[Failure]) -> Iterator[str]:
    """Names of regular files; real folders before linked ones, each real folder once."""
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
            failures.append(Failure(folder, f"folder cannot be read: {error.strerror}"))
            continue
        for entry in visible:
            name = f"{folder}/{entry.name}" if folder else entry.name
            match _kind(entry):
                case "folder" if recursive:
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
