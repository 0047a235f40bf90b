"""Which images a run takes: a folder, a text file with a path per row, or a list of paths."""

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.files import is_result
from imagededup.fastdup.store.tables import check_name
from imagededup.images.folders import Failure, ImageFolder, list_folder
from imagededup.utils.text import counted, shown

__all__ = ["Listing", "list_images"]

logger = logging.getLogger("imagededup")


@dataclass(frozen=True, slots=True)
class Listing:
    """Images in a stable order: sorted in a folder, as they stand in a list.

    Attributes:
        root: Goes before each name: a folder with a slash at its end, or nothing.
        names: What follows, one an image.
        begin: Place of the first one in the whole listing.
        total: Length of the whole listing.
        whole_digest: Hash of the whole listing.
    """

    root: str
    names: list[str]
    begin: int = 0
    total: int = 0
    whole_digest: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> str:
        """The full path of an image."""
        return self.root + self.names[index]

    def paths(self) -> Iterator[str]:
        """All full paths."""
        return (self.root + name for name in self.names)

    def digest(self) -> str:
        """A hash of all names in their order; the same wherever the folder lies.

        Raises:
            InvalidValueError: A name has no bytes.
        """
        state = hashlib.blake2b(digest_size=16)
        for name in self.names:
            state.update(check_name(name) + b"\0")
        return state.hexdigest()

    def slice(self, begin: int, end: int) -> "Listing":
        """A part of it."""
        return Listing(self.root, self.names[begin:end], begin, len(self.names), self.digest())


def list_images(input_dir: str | tuple[str, ...], work_dir: Path) -> Listing:
    """List the images of a run; whether they can be read is found out later.

    Args:
        input_dir: A folder, a text file, or paths. A folder among the paths stands for its images.
            Relative paths start from the current folder.
        work_dir: The work folder; what a run has written there is no image.

    Raises:
        InvalidValueError: There is no such folder or file, or nothing in it.
    """
    if isinstance(input_dir, str) and not Path(input_dir).is_file():
        listing = _list_folder(input_dir, work_dir)
    elif isinstance(input_dir, str):
        listing = Listing("", _distinct(_read_list(Path(input_dir))))
    else:
        listing = Listing("", _distinct(_expanded(input_dir, work_dir)))
    if not listing.names:
        raise InvalidValueError(f"input_dir must hold at least one image, got {input_dir!r:.200}")
    return listing


def _list_folder(input_dir: str, work_dir: Path) -> Listing:
    folder = list_folder(input_dir, recursive=True, name="input_dir")
    _warn(folder.failures)
    root = os.path.abspath(folder.root).rstrip("/") + "/"  # noqa: PTH100 - links stay as they are
    return Listing(root, _without_results(folder, work_dir))


def _without_results(folder: ImageFolder, work_dir: Path) -> list[str]:
    """The names of files that no run has written."""
    work, root = work_dir.resolve(), folder.root.resolve()
    if work == root:
        return [name for name in folder.names if "/" in name or not is_result(name)]
    if not work.is_relative_to(root):
        return folder.names
    results = work.relative_to(root).as_posix() + "/"
    return [name for name in folder.names if not name.startswith(results)]


def _expanded(paths: tuple[str, ...], work_dir: Path) -> Iterator[str]:
    for path in paths:
        if Path(path).is_dir():
            yield from _list_folder(path, work_dir).paths()
        else:
            yield path


def _read_list(path: Path) -> Iterator[str]:
    """The rows of a text file, without the empty ones."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
            for row in file:
                name = row.rstrip("\r\n")
                if "\0" in name:
                    raise InvalidValueError(
                        f"input_dir must be a folder or a text file with one path per row, "
                        f"{str(path)!r} is no text file"
                    )
                if name:
                    yield name
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _distinct(paths: Iterator[str]) -> list[str]:
    """Full paths, each once, where it comes first."""
    found = list(map(os.path.abspath, paths))
    distinct = list(dict.fromkeys(found))
    if len(distinct) < len(found):
        repeated = counted(len(found) - len(distinct), "path")
        logger.warning("%s of input_dir came twice and were taken once", repeated)
    return distinct


def _warn(failures: list[Failure]) -> None:
    for failure in failures:
        logger.warning("%s: %s", shown(failure.name) or ".", failure.reason)
