"""Text files with one path or URL in each row, and tables whose first column has them."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from imagededup.errors import InvalidValueError

__all__ = ["is_called_image", "is_list", "is_table_of_paths", "read_list"]

_HEADERS = ("filename", "file", "path", "url")
_LOOK = 4096
_IMAGE_ENDINGS = (
    *(".avif", ".bmp", ".gif", ".heic", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif"),
    *(".tiff", ".webp", ".xbm", ".xpm"),
)
_OTHER_ENDINGS = (*_IMAGE_ENDINGS, ".json", ".jsonl", ".npz")


def is_called_image(path: str) -> bool:
    """Whether a file has the ending of an image."""
    return path.lower().endswith(_IMAGE_ENDINGS)


def is_list(path: str) -> bool:
    """Whether a file is text, and is not called an image or a table of something else.

    Images have null characters near their beginning, but for some that are written as text.
    """
    if path.lower().endswith(_OTHER_ENDINGS):
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - also for paths that Path would change
            return b"\0" not in file.read(_LOOK)
    except OSError:
        return True  # reading it says why not


def is_table_of_paths(path: Path) -> bool:
    """Whether a file is a CSV file whose first column is called 'filename', or a like word."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return _header(file.readline()) in _HEADERS
    except (OSError, csv.Error):
        return False


def read_list(path: Path, name: str) -> Iterator[str]:
    """The rows of a text file, or the first column of a CSV file with a header such as 'filename'.

    Quotation marks around a row are taken off; empty rows are passed over.

    Args:
        path: The file.
        name: What the argument is called in errors.

    Raises:
        InvalidValueError: The file cannot be read, or is no text.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            first = file.readline()
            is_table = _header(first) in _HEADERS
            if path.suffix.lower() == ".csv" and not is_table and _is_other_table(first):
                raise InvalidValueError(
                    f"{name} must be a table whose first column is called filename, or a file with "
                    f"one path per row; {str(path)!r} begins with {first.rstrip()!r:.60}"
                )
            file.seek(0)
            for row in _first_cells(file) if is_table else _unquoted_rows(file):
                if "\0" in row:
                    raise _not_a_list(path, name)
                if row:
                    yield row
    except csv.Error as error:
        raise _not_a_list(path, name) from error
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _header(line: str) -> str:
    """The first cell of a line."""
    return next(iter(next(csv.reader([line]), [])), "").strip().lower()


def _is_other_table(line: str) -> bool:
    """Whether a line has several cells, and is no path."""
    row = line.rstrip("\r\n")
    return len(next(csv.reader([line]), [])) > 1 and not os.path.exists(row)  # noqa: PTH110


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


def _not_a_list(path: Path, name: str) -> InvalidValueError:
    return InvalidValueError(
        f"{name} must be a folder or a text file with one path per row, "
        f"{str(path)!r} is no text file"
    )
