"""What files were like when they were listed, to tell later whether they still are the same."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["FileState", "FileStates"]

_ALL_BITS = 2**64 - 1
_ROW = np.dtype([(name, np.uint64) for name in ("device", "inode", "size", "modified")])


class FileState(NamedTuple):
    """What changes when a file is replaced or written to, in 64 bits each.

    Attributes:
        device: Number of the file system.
        inode: Number of the file in it.
        size: Bytes.
        modified: Nanoseconds since 1970, modulo 2**64.
    """

    device: int
    inode: int
    size: int
    modified: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """What the system says of a file."""
        return cls(
            status.st_dev & _ALL_BITS,
            status.st_ino & _ALL_BITS,
            status.st_size & _ALL_BITS,
            status.st_mtime_ns & _ALL_BITS,
        )

    def same_file(self, other: "FileState") -> bool:
        """Whether both are one file, changed or not."""
        return self[:2] == other[:2]


_NOTHING = FileState(0, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class FileStates:
    """The states of many files: 32 bytes each, and 40 more for a symbolic link.

    Attributes:
        files: What the names lead to, one row a name; zeros where that is nothing.
        links: Places of the names that are symbolic links, ascending.
        link_states: The links themselves.
    """

    files: NDArray[np.void]
    links: NDArray[np.int64]
    link_states: NDArray[np.void]

    @classmethod
    def read(cls, root: str | PathLike[str], names: Sequence[str]) -> Self:
        """Look at the files of a folder; without one, the names are whole paths."""
        links: list[int] = []
        link_states: list[FileState] = []

        def look() -> Iterator[FileState]:
            for place, name in enumerate(names):
                own, file = _look(prefix + name)
                if own is not file:
                    links.append(place)
                    link_states.append(own)
                yield file

        prefix = f"{os.fspath(root)}/" if os.fspath(root) else ""
        files = np.fromiter(look(), _ROW, len(names))
        return cls(files, np.array(links, np.int64), np.array(link_states, _ROW))

    def at(self, place: int) -> tuple[FileState, FileState]:
        """The states of a name itself and of the file that it leads to."""
        file = FileState(*self.files[place].item())
        link = int(np.searchsorted(self.links, place))
        if link == len(self.links) or self.links[link] != place:
            return file, file
        return FileState(*self.link_states[link].item()), file

    def take(self, places: NDArray[np.int64]) -> "FileStates":
        """The states of some of the names, in any order, also several times."""
        links = np.flatnonzero(np.isin(places, self.links))
        which = np.searchsorted(self.links, places[links])
        return FileStates(self.files[places], links, self.link_states[which])

    @classmethod
    def joined(cls, parts: Sequence["FileStates"]) -> "FileStates":
        """The states of several listings, one behind the other."""
        if len(parts) == 1:
            return parts[0]
        starts = np.cumsum([0, *(len(part.files) for part in parts)])
        empty = cls.of([])
        parts = [empty, *parts]
        return cls(
            np.concatenate([part.files for part in parts]),
            np.concatenate(
                [part.links + start for part, start in zip(parts, [0, *starts], strict=False)]
            ),
            np.concatenate([part.link_states for part in parts]),
        )

    @classmethod
    def of(cls, files: Iterable[FileState]) -> "FileStates":
        """States that are known, none of a symbolic link."""
        return cls(np.fromiter(files, _ROW), np.empty(0, np.int64), np.empty(0, _ROW))

    def among(self, others: "FileStates") -> NDArray[np.bool_]:
        """Which of these files are also among others, by device and inode."""
        found = np.zeros(len(self.files), np.bool_)
        for device in np.unique(others.files["device"]).tolist():
            there = others.files["inode"][others.files["device"] == device]
            here = np.flatnonzero(self.files["device"] == device)
            found[here] = np.isin(self.files["inode"][here], there[there != 0])
        return found


def _look(path: str) -> tuple[FileState, FileState]:
    """A name itself and the file that it leads to; one object where they are the same."""
    try:
        status = os.lstat(path)
    except OSError:
        return _NOTHING, _NOTHING
    own = FileState.of(status)
    if not stat.S_ISLNK(status.st_mode):
        return own, own
    try:
        return own, FileState.of(os.stat(path))  # noqa: PTH116
    except OSError:
        return own, _NOTHING
