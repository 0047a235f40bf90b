"""Reading a journal: every file that was to go, and whether it did."""

import os
from array import array
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Self

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.removal.journal import FORMAT, VERSION
from imagededup.removal.records import Intent, intent_of, line_content

__all__ = ["JournalReader"]

_UNKNOWN = -1
_KEPT = -2


class JournalReader:
    """A journal that is open for reading; a context manager. It holds 8 bytes a file in memory.

    The last line may be torn, as a kill in the middle of a write leaves it: its act was not begun,
    or what became of it is seen from the files.

    Args:
        path: The journal.

    Attributes:
        broken: The numbers of the lines that are not as they were written.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: It is no journal, or of a version that is not known here.
        FileOperationError: It cannot be read.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        if not isinstance(path, str | PathLike):
            raise InvalidTypeError(f"journal must be a path, got {type(path).__name__}")
        self._path = Path(path)
        self.broken: list[int] = []
        self._begins = array("q")
        try:
            self._file: BinaryIO = self._path.open("rb")
        except OSError as error:
            raise self._cannot_read(error) from error
        try:
            self._check_head()
            self._scan()
        except OSError as error:
            self._file.close()
            raise self._cannot_read(error) from error
        except BaseException:
            self._file.close()
            raise

    def backwards(self) -> Iterator[Intent]:
        """What was to be done and was not called off, the last file first."""
        try:
            for begin in reversed(self._begins):
                if begin >= 0:
                    self._file.seek(begin)
                    yield intent_of(line_content(self._file.readline()) or {})
        except (OSError, ValueError) as error:
            raise FileOperationError(f"{str(self._path)!r} has changed: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _check_head(self) -> None:
        head = line_content(self._file.readline()) or {}
        if head.get("format") != FORMAT:
            raise InvalidValueError(f"{str(self._path)!r} is not a journal of a removal")
        version = head.get("version")
        if version != VERSION:
            raise InvalidValueError(
                f"{str(self._path)!r} must be a journal of version {VERSION}, got version "
                f"{version!r}, which {head.get('by')!r} wrote: take that or a newer one"
            )

    def _scan(self) -> None:
        """Note where the last intent of every entry begins."""
        begin = self._file.tell()
        for number, line in enumerate(self._file, 2):
            if not self._take(line, begin):
                self.broken.append(number)
            begin += len(line)
        if self.broken and not line.endswith(b"\n"):
            self.broken.pop()

    def _take(self, line: bytes, begin: int) -> bool:
        """Whether a line could be understood."""
        row = line_content(line)
        if row is None:
            return False
        if "outcome" not in row:
            return self._take_intent(row, begin)
        entry = row.get("entry")
        if not isinstance(entry, int) or not 0 <= entry < len(self._begins):
            return False
        if row["outcome"] == "kept":
            self._begins[entry] = _KEPT
        return True

    def _take_intent(self, row: dict[str, Any], begin: int) -> bool:
        try:
            entry = intent_of(row).entry
        except ValueError:
            return False
        if not 0 <= entry <= os.fstat(self._file.fileno()).st_size:
            return False
        while len(self._begins) <= entry:
            self._begins.append(_UNKNOWN)
        self._begins[entry] = begin
        return True

    def _cannot_read(self, error: OSError) -> FileOperationError:
        return FileOperationError(f"cannot read {str(self._path)!r}: {error.strerror}")
