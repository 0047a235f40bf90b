"""Which images a run takes: a folder, a file with a path in each row, or a list of paths."""

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.config import RunConfig, RunMode
from imagededup.fastdup.same_files import states_of
from imagededup.fastdup.store.files import FeatureFiles, is_result
from imagededup.fastdup.store.tables import check_name
from imagededup.sources.addresses import is_remote
from imagededup.sources.folders import Failure
from imagededup.sources.listing import ListedPlace, listed_places
from imagededup.sources.lists import read_list
from imagededup.sources.places import Sources, is_somewhere
from imagededup.utils.text import counted, shown

__all__ = ["Listing", "check_inputs", "list_images"]

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
        remote: Sizes and times of modification of images that are not on this machine, as they were
            listed, int64 of shape (n, 2); negative numbers for all others. None if there are none.
    """

    root: str
    names: list[str]
    begin: int = 0
    total: int = 0
    whole_digest: str = ""
    remote: NDArray[np.int64] | None = None

    def __str__(self) -> str:
        return " to ".join(shown(self.path(place)) for place in (0, -1)) if self.names else "none"

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
        remote = None if self.remote is None else self.remote[begin:end]
        total, digest = len(self.names), self.digest()
        return Listing(self.root, self.names[begin:end], begin, total, digest, remote)

    def where(self, chosen: NDArray[np.bool_]) -> "Listing":
        """Some of its images, bool of shape (n,)."""
        remote = None if self.remote is None else self.remote[chosen]
        return replace(self, names=list(compress(self.names, chosen)), remote=remote)

    def take(self, places: NDArray[np.int64]) -> "Listing":
        """Some of its images, by their places."""
        remote = None if self.remote is None else self.remote[places]
        return replace(self, names=[self.names[one] for one in places.tolist()], remote=remote)

    def states(
        self, places: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sizes and times of modification in nanoseconds as they are now; -1 without a file."""
        places = np.arange(len(self)) if places is None else places
        size, modified = states_of([self.path(place) for place in places.tolist()])
        if self.remote is not None:
            listed = self.remote[places]
            size = np.where(size < 0, listed[:, 0], size)
            modified = np.where(modified < 0, listed[:, 1], modified)
        return size, modified


def check_inputs(config: RunConfig) -> None:
    """Raise if what a run starts from is not there, before anything is made.

    Raises:
        InvalidValueError: `input_dir` does not exist; or a mode that needs stored features has no
            `work_dir`.
    """
    wanted = {
        RunMode.SCORE_FEATURES: "features.dat or a folder with one",
    }.get(config.run_mode, "a folder or a file with a path in each row")
    if isinstance(config.input_dir, str) and not is_somewhere(config.input_dir):
        raise InvalidValueError(f"input_dir must be {wanted}, {config.input_dir!r} does not exist")
    stored = config.run_mode not in (RunMode.ALL, RunMode.EXTRACT)
    if stored and not config.work_dir.exists():
        raise InvalidValueError(
            f"work_dir must be a folder with features.dat, which run_mode=1 makes, "
            f"{str(config.work_dir)!r} does not exist"
        )


def list_images(input_dir: str | tuple[str, ...] | Sources, work_dir: Path) -> Listing:
    """List the images of a run; whether they can be read is found out later.

    Args:
        input_dir: A folder, a text or CSV file, or whatever else `Sources` takes; or several. A
            folder among paths stands for its images. Relative paths start from the current folder.
        work_dir: The work folder; what a run has written there is no image.

    Raises:
        InvalidValueError: There is no such folder or file, or nothing in it.
    """
    sources = input_dir if isinstance(input_dir, Sources) else Sources(input_dir, name="input_dir")
    parts = [_kept(part, work_dir) for part in listed_places(sources, True, "input_dir")]
    for part in parts:
        _warn(part.failures)
    if len(parts) == 1 and parts[0].place:
        listing = Listing(_root(parts[0].place), parts[0].names, remote=_remote_states(parts))
    else:
        listing = _distinct(
            [path for part in parts for path in _whole(part)], _remote_states(parts)
        )
    if not listing.names:
        raise InvalidValueError(f"input_dir must hold at least one image, got {input_dir!r:.200}")
    return listing


def _kept(part: ListedPlace, work_dir: Path) -> ListedPlace:
    """The images of a place that no run has written."""
    if not os.path.isdir(part.place):  # noqa: PTH112 - also for paths that are too long
        return part
    names = _without_results(part.names, Path(part.place).resolve(), work_dir.resolve())
    return replace(part, names=names)


def _root(place: str) -> str:
    """A place with a slash at its end, from wherever it is looked at; links stay as they are."""
    whole = place if is_remote(place) else os.path.abspath(place)  # noqa: PTH100
    return whole.rstrip("/") + "/"


def _whole(part: ListedPlace) -> Iterator[str]:
    """The full paths of the images of a place."""
    if part.place:
        root = _root(part.place)
        return (root + name for name in part.names)
    return (name if is_remote(name) else os.path.abspath(name) for name in part.names)  # noqa: PTH100


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
        rows = read_list(FeatureFiles(folder / "features.dat").names, "input_dir")
        return Path(next(rows, "")).is_relative_to(folder)
    except InvalidValueError:
        return False


def _distinct(found: list[str], remote: NDArray[np.int64] | None) -> Listing:
    """Full paths, each once, where it comes first."""
    distinct = dict(zip(reversed(found), range(len(found) - 1, -1, -1), strict=True))
    if len(distinct) == len(found):
        return Listing("", found, remote=remote)
    repeated = counted(len(found) - len(distinct), "path")
    logger.warning("%s of input_dir came twice and were taken once", repeated)
    first = np.zeros(len(found), bool)
    first[list(distinct.values())] = True
    return Listing("", found, remote=remote).where(first)


def _remote_states(parts: Sequence[ListedPlace]) -> NDArray[np.int64] | None:
    """What `Listing.remote` says of the images of several places."""
    if not any(is_remote(part.place) for part in parts):
        return None
    listed = np.full((sum(len(part.names) for part in parts), 2), -1, np.int64)
    begin = 0
    for part in parts:
        rows = slice(begin, begin + len(part.names))
        begin = rows.stop
        if is_remote(part.place):
            listed[rows, 0] = part.states.files["size"]
            listed[rows, 1] = part.states.files["modified"]
    listed[(listed == 0).all(axis=1)] = -1
    return listed


def _warn(failures: list[Failure]) -> None:
    for failure in failures:
        logger.warning("%s: %s", shown(failure.name) or ".", failure.reason)
