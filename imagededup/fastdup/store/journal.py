"""Extraction that can be killed at any moment and goes on where it was.

Descriptors are appended to a partial file, and then a line to the journal that says which images
they come from, with a checksum. At the start the partial file is compared with the journal and both
are cut off behind the last line that fits, so that not even a power failure leaves a wrong row.
"""

import json
import os
import time
import zlib
from array import array
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import FileOperationError
from imagededup.fastdup.store.files import FLOAT_BYTES, FeatureFiles
from imagededup.fastdup.store.states import STATISTICS, KnownImages, MadeBy

__all__ = ["Entry", "ImageEntry", "Journal"]

_SECONDS_BETWEEN_SYNCS = 5.0
_UNKNOWN = (float("nan"),) * len(STATISTICS)


class ImageEntry(NamedTuple):
    """An image, the state of its file before it was read, and why it is bad or what it is like."""

    path: str
    size: int
    modified: int
    reason: str | None = None
    statistics: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: a few images whose descriptors follow those of the line before.

    Attributes:
        images: The images.
        features: CRC-32 of the descriptors of those that are good.
    """

    images: list[ImageEntry]
    features: int

    @property
    def good(self) -> int:
        """Number of descriptors."""
        return sum(image.reason is None for image in self.images)

    def line(self) -> bytes:
        """The entry as it stands in the journal."""
        return json.dumps([self.features, self.images], separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> "Entry | None":
        """Read a line; None if it is broken."""
        if not line.endswith(b"\n"):
            return None
        try:
            features, images = json.loads(line)
            entries = [ImageEntry(*image) for image in images]
            return cls(entries, features) if all(map(_is_entry, entries)) else None
        except (ValueError, TypeError, RecursionError):
            return None


def _is_entry(image: ImageEntry) -> bool:
    """Whether a line that could be read says what an image is like."""
    numbers, reason = image.statistics, image.reason
    return (
        isinstance(image.path, str)
        and all(isinstance(state, int) and abs(state) < 2**63 for state in image[1:3])
        and (reason is None or isinstance(reason, str))
        and (
            numbers is None
            or (
                len(numbers) == len(STATISTICS) and all(isinstance(n, int | float) for n in numbers)
            )
        )
    )


class Journal:
    """The partial file and its journal, open for appending; a context manager.

    Args:
        files: Where they lie.
        made_by: How the descriptors are made.

    Attributes:
        discarded: Whether there was a journal of descriptors that were made in another way.

    Raises:
        FileOperationError: The files cannot be read or written.
    """

    def __init__(self, files: FeatureFiles, made_by: MadeBy) -> None:
        self._paths: list[str] = []
        self._size, self._modified = array("q"), array("q")
        self._reasons: dict[int, str] = {}
        self._statistics = array("f")
        self._synced = time.monotonic()
        self._name = str(files.partial)
        header = json.dumps(asdict(made_by), sort_keys=True).encode() + b"\n"
        try:
            self.discarded = files.journal.exists() and _header(files.journal) != header
            if self.discarded or not (files.journal.exists() and files.partial.exists()):
                files.journal.unlink(missing_ok=True)
                files.partial.write_bytes(b"")
                _write_header(files.journal, header)
            self._features = files.partial.open("r+b")
            self._lines = files.journal.open("r+b")
            self._recover(made_by.dimension * FLOAT_BYTES)
        except OSError as error:
            raise self._cannot_write(error) from error

    def __len__(self) -> int:
        return len(self._paths)

    def images(self) -> KnownImages:
        """The images so far."""
        return KnownImages(
            self._paths,
            np.array(self._size),
            np.array(self._modified),
            self._reasons,
            np.array(self._statistics).reshape(-1, len(STATISTICS)),
        )

    def append(self, features: NDArray[np.float32], entry: Entry) -> None:
        """Store descriptors of shape (n, d) and what they come from.

        Raises:
            FileOperationError: They cannot be written.
        """
        try:
            self._features.write(np.ascontiguousarray(features, "<f4").tobytes())
            self._features.flush()
            self._lines.write(entry.line())
            self._lines.flush()
        except OSError as error:
            raise self._cannot_write(error) from error
        if time.monotonic() - self._synced > _SECONDS_BETWEEN_SYNCS:
            self.sync()
        self._add(entry)

    def sync(self) -> None:
        """Bring everything onto the disk.

        Raises:
            FileOperationError: That fails.
        """
        try:
            for file in (self._features, self._lines):
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._cannot_write(error) from error
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._features, self._lines):
            with suppress(OSError):  # what could not be written before is tried once more
                file.close()

    def _cannot_write(self, error: OSError) -> FileOperationError:
        return FileOperationError(f"cannot write {self._name!r}: {error.strerror}")

    def _add(self, entry: Entry) -> None:
        for image in entry.images:
            if image.reason is not None:
                self._reasons[len(self._paths)] = image.reason
            self._paths.append(image.path)
            self._size.append(image.size)
            self._modified.append(image.modified)
            self._statistics.extend(image.statistics or _UNKNOWN)

    def _recover(self, row_bytes: int) -> None:
        """Take up the lines that fit to the partial file, and cut off what follows."""
        self._lines.readline()
        end, rows = self._lines.tell(), 0
        while (entry := Entry.parse(self._lines.readline())) is not None:
            features = self._features.read(entry.good * row_bytes)
            is_whole = len(features) == entry.good * row_bytes
            if not is_whole or zlib.crc32(features) != entry.features:
                break
            self._add(entry)
            rows += entry.good
            end = self._lines.tell()
        _cut(self._features, rows * row_bytes)
        _cut(self._lines, end)


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def _write_header(path: Path, header: bytes) -> None:
    """Make the journal appear with its header complete."""
    new = path.with_name(path.name + ".new")
    try:
        new.write_bytes(header)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _cut(file: BinaryIO, size: int) -> None:
    file.truncate(size)
    file.seek(size)
