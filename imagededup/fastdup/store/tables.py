"""The CSV files of a work folder: RFC 4180, UTF-8, lines that end with a newline.

Names that are not valid UTF-8 are written as the bytes that they are. Everything is written and
read in pieces, so that memory does not grow with the table.
"""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.utils.files import open_atomically

__all__ = [
    "check_name",
    "number_cells",
    "quoted",
    "read_columns",
    "read_names",
    "read_rows",
    "write_rows",
]

_LETTERS_AT_ONCE = 1 << 22


def quoted(cell: str) -> str:
    """A cell as it stands in the file."""
    special = "," in cell or '"' in cell or "\n" in cell or "\r" in cell
    if cell and not special and cell == cell.strip():
        return cell
    return '"' + cell.replace('"', '""') + '"'


def number_cells(column: NDArray[Any]) -> list[str]:
    """Numbers as they stand in a file."""
    if column.dtype.kind != "f":
        return list(map(str, column.tolist()))
    cells = ("%.7g\n" * len(column) % tuple(column.tolist())).split("\n")[:-1]
    return ["" if cell == "nan" else cell for cell in cells] if "nan" in cells else cells


def check_name(name: str) -> bytes:
    """The bytes of a name in a file.

    Raises:
        InvalidValueError: The name holds half of a surrogate pair, which has none.
    """
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidValueError(f"a name cannot be written: {name[:200]!r}") from error


def write_rows(
    path: str | PathLike[str], header: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Write rows of text.

    Raises:
        FileOperationError: The file cannot be written.
    """
    with open_atomically(path) as file:
        file.write(",".join(header) + "\n")
        file.writelines(",".join(map(quoted, row)) + "\n" for row in rows)


def read_rows(path: str | PathLike[str], header: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a table below its header.

    Raises:
        InvalidValueError: There is no such file, its header is another, or a row is broken.
    """
    rows = _read(path)
    first = next(rows)[1]
    if first != list(header):
        raise InvalidValueError(
            f"{str(path)!r} must begin with {','.join(header)!r}, got {','.join(first)!r}"
        )
    yield from (row for _, row in rows)


def read_names(path: str | PathLike[str], header: str) -> list[str]:
    """The cells of a table of one column, as `read_rows` gives them.

    Lines without quotes, which nearly all tables of names consist of, take a fifth of the time.

    Raises:
        InvalidValueError: There is no such file, its header is another, or a row is broken.
    """
    names: list[str] = []
    with suppress(OSError), _open(path) as file:
        for lines in iter(partial(file.readlines, _LETTERS_AT_ONCE), []):
            text = "".join(lines)
            cells = text[:-1].split("\n")
            if any(letter in text for letter in ',"\r') or "" in cells or text[-1] != "\n":
                break
            names += cells
        else:
            if names[:1] == [header]:
                return names[1:]
    return [name for (name,) in read_rows(path, (header,))]


def read_columns(
    path: str | PathLike[str],
    words: Sequence[str],
    numbers: Sequence[str],
    optional: Collection[str] = (),
) -> Iterator[tuple[list[str], list[float]]]:
    """Some columns of a table, wherever they stand in its header.

    Args:
        path: The file.
        words: Columns of text.
        numbers: Columns of numbers; an empty cell is NaN.
        optional: Which of them may be missing; their cells are empty then.

    Yields:
        The texts and the numbers of each row.

    Raises:
        InvalidValueError: There is no such file, a column is missing, or a row is broken.
    """
    rows = _read(path)
    first = next(rows)[1]
    wanted = [*words, *numbers]
    missing = [name for name in wanted if name not in first and name not in optional]
    if missing:
        raise InvalidValueError(
            f"{str(path)!r} must have the columns {','.join(wanted)}, {','.join(missing)} is "
            f"missing in {','.join(first)!r:.200}"
        )
    places = [first.index(name) if name in first else len(first) for name in wanted]
    for line, row in rows:
        cells = [*row, ""]
        chosen = [cells[place] for place in places]
        try:
            found = [float(cell or "nan") for cell in chosen[len(words) :]]
        except ValueError as error:
            raise InvalidValueError(
                f"{str(path)!r}, line {line}: {','.join(numbers)} must be numbers, {error}"
            ) from error
        yield chosen[: len(words)], found


def _open(path: str | PathLike[str]) -> TextIO:
    return Path(path).open(encoding="utf-8", errors="surrogateescape", newline="")


def _read(path: str | PathLike[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with the numbers of their last lines; the header first."""
    reader = None
    try:
        with _open(path) as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            yield reader.line_num, header
            for row in reader:
                if len(row) != len(header):
                    raise InvalidValueError(
                        f"{str(path)!r}, line {reader.line_num}: a row must have {len(header)} "
                        f"cells, got {len(row)}"
                    )
                yield reader.line_num, row
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except csv.Error as error:
        line = reader.line_num if reader else 1
        raise InvalidValueError(f"{str(path)!r}, line {line}: {error}") from error
