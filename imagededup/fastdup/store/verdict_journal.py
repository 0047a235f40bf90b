"""Verified pairs on the disk while others are still to come, so that a killed run loses few.

A line of JSON tells of some pairs, and the rows of their verdicts follow. What a run finds here it
takes for the same pairs of the same files, by a digest of their names, sizes and times.
"""

import json
import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from imagededup import __version__
from imagededup.errors import FileOperationError

__all__ = ["VerdictJournal", "VerifiedChunk"]


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedChunk:
    """What became of some pairs.

    Attributes:
        rows: The verdicts, as `Verdicts` has them.
        reasons: Why an image could not be read again, by its path.
    """

    rows: NDArray[Any]
    reasons: dict[str, str]


class VerdictJournal:
    """Chunks of verified pairs by the digests of their pairs; a context manager.

    What another version of the package has written is dropped.

    Args:
        path: The file.
        row: The type of a verdict's row.

    Raises:
        FileOperationError: The file cannot be read or written.
    """

    def __init__(self, path: Path, row: np.dtype[Any]) -> None:
        self._path, self._row = path, row
        self._chunks: dict[str, VerifiedChunk] = {}
        try:
            path.touch()
            self._file = path.open("r+b")
            self._recover()
        except OSError as error:
            raise self._cannot_write(error) from error

    def find(self, digest: str) -> VerifiedChunk | None:
        """What became of the pairs with a digest, if it is known."""
        return self._chunks.get(digest)

    def append(self, digest: str, chunk: VerifiedChunk) -> None:
        """Store what became of pairs.

        Raises:
            FileOperationError: It cannot be written.
        """
        content = chunk.rows.tobytes()
        said = [digest, len(chunk.rows), chunk.reasons]
        line = json.dumps([_checksum(said, content), *said]).encode() + b"\n"
        try:
            self._file.write(line + content)
            self._file.flush()
        except OSError as error:
            raise self._cannot_write(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what could not be written before is tried once more
            self._file.close()

    def _recover(self) -> None:
        """Take up what is whole, and cut off what follows."""
        self._length = os.fstat(self._file.fileno()).st_size
        header = json.dumps([__version__, str(self._row)]).encode() + b"\n"
        end = 0
        if self._file.readline() == header:
            end = len(header)
            while (found := self._read()) is not None:
                self._chunks.update([found])
                end = self._file.tell()
        _cut(self._file, end)
        if end == 0:
            self._file.write(header)
            self._file.flush()

    def _read(self) -> tuple[str, VerifiedChunk] | None:
        """The next chunk with its digest; None at the end, or where the file is broken."""
        try:
            checksum, *said = json.loads(self._file.readline())
            digest, count, reasons = said
            if not (isinstance(digest, str) and isinstance(count, int) and count >= 0):
                return None
            content = self._file.read(min(count * self._row.itemsize, self._length))
            if _checksum(said, content) != checksum:
                return None
            return digest, VerifiedChunk(np.frombuffer(content, self._row, count), reasons)
        except (ValueError, TypeError, RecursionError, OverflowError):
            return None

    def _cannot_write(self, error: OSError) -> FileOperationError:
        return FileOperationError(f"cannot write {str(self._path)!r}: {error.strerror}")


def _checksum(said: list[Any], content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(json.dumps(said).encode()))


def _cut(file: BinaryIO, size: int) -> None:
    file.truncate(size)
    file.seek(size)
