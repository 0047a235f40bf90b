"""Extraction that can be killed at any moment and goes on where it was.

Descriptors are appended to a partial file, and then a line to the journal that says how many images
they come from, with checksums. At the start the partial file is compared with the journal and both
are cut off behind the last line that fits, so that not even a power failure leaves a wrong row.
"""

import json
import os
import time
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import FileOperationError
from imagededup.fastdup.store.files import FeatureFiles, FeatureRecord

__all__ = ["Entry", "Journal", "Progressed"]

_SECONDS_BETWEEN_SYNCS = 5.0
_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: a few images that follow those of the line before.

    Attributes:
        count: Number of images.
        good: Number of descriptors.
        features: CRC-32 of the descriptors.
        sources: CRC-32 of the images' sizes and times.
        bad: Place within these images, and reason, of each that could not be read.
    """

    count: int
    good: int
    features: int
    sources: int
    bad: list[tuple[int, str]] = field(default_factory=list)

    def line(self) -> bytes:
        """The entry as it stands in the journal."""
        values = [self.count, self.good, self.features, self.sources, self.bad]
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> "Entry | None":
        """Read a line; None if it is broken."""
        if not line.endswith(b"\n"):
            return None
        try:
            count, good, features, sources, bad = json.loads(line)
            return cls(count, good, features, sources, [(place, why) for place, why in bad])
        except (ValueError, TypeError):
            return None


@dataclass(slots=True)
class Progressed:
    """What has been extracted.

    Attributes:
        done: Number of images.
        good: Number of descriptors.
        bad: Place in the listing, and reason, of each image that could not be read.
        sources: Hash of the sizes and times of the images.
    """

    done: int = 0
    good: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    sources: int = 0

    def add(self, entry: Entry) -> None:
        """Count the images of an entry."""
        self.bad += [(self.done + place, why) for place, why in entry.bad]
        self.done += entry.count
        self.good += entry.good
        self.sources = zlib.crc32(entry.sources.to_bytes(4, "little"), self.sources)


class Journal:
    """The partial file and its journal, open for appending; a context manager.

    Args:
        files: Where they lie.
        plan: What is extracted; the counts are not looked at.
        sources: The CRC-32 of the sizes and times of `count` images from a place on.

    Attributes:
        progressed: What had been extracted before, and since.
        discarded: Whether there was a journal of another extraction.

    Raises:
        FileOperationError: The files cannot be read or written.
    """

    def __init__(
        self, files: FeatureFiles, plan: FeatureRecord, sources: Callable[[int, int], int]
    ) -> None:
        self.progressed = Progressed()
        self._synced = time.monotonic()
        header = json.dumps(asdict(plan.extraction()), sort_keys=True).encode() + b"\n"
        try:
            self.discarded = not _fits(files, header)
            if self.discarded or not files.journal.exists():
                files.journal.unlink(missing_ok=True)
                files.partial.write_bytes(b"")
                _write_header(files.journal, header)
            self._features = files.partial.open("r+b")
            self._lines = files.journal.open("r+b")
        except OSError as error:
            raise FileOperationError(
                f"cannot write {str(files.partial)!r}: {error.strerror}"
            ) from error
        self._recover(plan.dimension * _FLOAT_BYTES, sources)

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
            if time.monotonic() - self._synced > _SECONDS_BETWEEN_SYNCS:
                self.sync()
        except OSError as error:
            raise FileOperationError(f"cannot write features: {error.strerror}") from error
        self.progressed.add(entry)

    def sync(self) -> None:
        """Bring everything onto the disk."""
        for file in (self._features, self._lines):
            file.flush()
            os.fsync(file.fileno())
        self._synced = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._features.close()
        self._lines.close()

    def _recover(self, row_bytes: int, sources: Callable[[int, int], int]) -> None:
        """Count the lines that fit to the partial file and to the images as they are now."""
        self._lines.readline()
        end = self._lines.tell()
        while (entry := Entry.parse(self._lines.readline())) is not None:
            rows = self._features.read(entry.good * row_bytes)
            if len(rows) != entry.good * row_bytes or zlib.crc32(rows) != entry.features:
                break
            if sources(self.progressed.done, entry.count) != entry.sources:
                break
            self.progressed.add(entry)
            end = self._lines.tell()
        _cut(self._features, self.progressed.good * row_bytes)
        _cut(self._lines, end)


def _fits(files: FeatureFiles, header: bytes) -> bool:
    """Whether what is there, if anything, belongs to the same extraction."""
    if not files.journal.exists():
        return True
    with files.journal.open("rb") as file:
        if file.readline() != header:
            return False
    if not files.partial.exists() and files.data.exists():
        files.data.replace(files.partial)  # the end of the extraction was interrupted
    return files.partial.exists()


def _write_header(path: Path, header: bytes) -> None:
    """Make the journal appear with its header complete."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(header)
    new.replace(path)


def _cut(file: BinaryIO, size: int) -> None:
    file.truncate(size)
    file.seek(size)
