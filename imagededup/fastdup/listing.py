"""Which images a run takes: a folder, a file with a path in each row, or a list of paths."""

import csv
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from imagededup.errors import InvalidValueError
from imagededup.fastdup.config import RunConfig, RunMode
from imagededup.fastdup.store.files import FeatureFiles, is_result
from imagededup.fastdup.store.tables import check_name
from imagededup.sources.folders import Failure, list_folder
from imagededup.utils.text import counted, shown

__all__ = ["Listing", "check_inputs", "list_images"]

logger = logging.getLogger("imagededup")

_HEADER = "filename"


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


def check_inputs(config: RunConfig) -> None:
    """Raise if what a run starts from is not there, before anything is made.

    Raises:
        InvalidValueError: `input_dir` does not exist; or a mode that needs stored features has no
            `work_dir`.
    """
    wanted = {
        RunMode.SCORE_FEATURES: "features.dat or a folder with one",
    }.get(config.run_mode, "a folder or a file with a path in each row")
    if isinstance(config.input_dir, str) and not os.path.exists(config.input_dir):  # noqa: PTH110
        raise InvalidValueError(f"input_dir must be {wanted}, {config.input_dir!r} does not exist")
    stored = config.run_mode not in (RunMode.ALL, RunMode.EXTRACT)
    if stored and not config.work_dir.exists():
        raise InvalidValueError(
            f"work_dir must be a folder with features.dat, which run_mode=1 makes, "
            f"{str(config.work_dir)!r} does not exist"
        )


def list_images(input_dir: str | tuple[str, ...], work_dir: Path) -> Listing:
    """List the images of a run; whether they can be read is found out later.

    Args:
        input_dir: A folder, a text or CSV file, or paths. A folder among paths stands for its
            images. Relative paths start from the current folder.
        work_dir: The work folder; what a run has written there is no image.

    Raises:
        InvalidValueError: There is no such folder or file, or nothing in it.
    """
    if not isinstance(input_dir, str):
        listing = Listing("", _distinct(_expanded(input_dir, work_dir)))
    elif Path(input_dir).is_file():
        listing = Listing("", _distinct(_expanded(_read_list(Path(input_dir)), work_dir)))
    else:
        listing = _list_folder(input_dir, work_dir)
    if not listing.names:
        raise InvalidValueError(f"input_dir must hold at least one image, got {input_dir!r:.200}")
    return listing


def _list_folder(input_dir: str, work_dir: Path) -> Listing:
    folder = list_folder(input_dir, recursive=True, name="input_dir")
    _warn(folder.failures)
    root = os.path.abspath(folder.root).rstrip("/") + "/"  # noqa: PTH100 - links stay as they are
    return Listing(root, _without_results(folder.names, folder.root.resolve(), work_dir.resolve()))


def _without_results(names: list[str], root: Path, work_dir: Path) -> list[str]:
    """The names that no run has written.

    Work folders are left out whole; where images are described in their own folder, the results.
    """
    inside = {name.rpartition("/")[0] for name in names}
    work_folders = [folder for folder in inside if _is_work_folder(root / folder)]
    if work_dir.is_relative_to(root):
        work_folders.append(work_dir.relative_to(root).as_posix().removeprefix("."))
    mixed = {folder for folder in work_folders if not folder or _holds_its_images(root / folder)}
    whole = tuple(sorted(f"{folder}/" for folder in set(work_folders) - mixed))
    return [
        name
        for name in names
        if not (whole and name.startswith(whole))
        and not (mixed and name.rpartition("/")[0] in mixed and is_result(name.rpartition("/")[2]))
    ]


def _is_work_folder(folder: Path) -> bool:
    return (folder / "features.dat").is_file() and (folder / "config.json").is_file()


def _holds_its_images(folder: Path) -> bool:
    """Whether the described images lie beside their descriptors."""
    try:
        rows = _read_list(FeatureFiles(folder / "features.dat").names)
        return Path(next(rows, "")).is_relative_to(folder)
    except InvalidValueError:
        return False


def _expanded(paths: Iterable[str], work_dir: Path) -> Iterator[str]:
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 - also for paths that are too long
            yield from _list_folder(path, work_dir).paths()
        else:
            yield path


def _read_list(path: Path) -> Iterator[str]:
    """The rows of a text file, or the first column of a CSV file with the header 'filename'."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            file.seek(0)
            is_table = next(csv.reader([first]), [""])[:1] == [_HEADER]
            for name in _first_cells(file) if is_table else _unquoted_rows(file):
                if "\0" in name:
                    raise _not_a_list(path)
                if name:
                    yield name
    except csv.Error as error:
        raise _not_a_list(path) from error
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _first_cells(file: TextIO) -> Iterator[str]:
    """The first column of a table without its header."""
    rows = csv.reader(file)
    next(rows)
    return (row[0] for row in rows if row)


def _unquoted_rows(file: TextIO) -> Iterator[str]:
    """Rows without their ends, and without quotation marks around them."""
    for row in file:
        name = row.rstrip("\r\n")
        is_quoted = len(name) > 1 and name[0] == name[-1] == '"'
        if is_quoted and not os.path.exists(name):  # noqa: PTH110
            name = name[1:-1].replace('""', '"')
        yield name


def _not_a_list(path: Path) -> InvalidValueError:
    return InvalidValueError(
        "input_dir must be a folder or a text file with one path per row, "
        f"{str(path)!r} is no text file"
    )


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
