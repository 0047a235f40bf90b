"""Tables with a row for each image or pair: written in parts, on all cores, in bounded memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imagededup.fastdup.store.cells import Column, lines_of
from imagededup.fastdup.store.tables import number_cells, quoted
from imagededup.utils.files import open_atomically
from imagededup.utils.jit import worth_compiling
from imagededup.utils.parallel import ordered_map

__all__ = ["write_columns", "write_pairs"]

Rows = NDArray[np.integer]
Part = TypeVar("Part")

_ROWS_AT_ONCE = 1 << 14
_ROWS_WITH_NAMES = 1 << 20
_FEW = 20_000
"""Column that Python writes in less time than it takes to load compiled code."""
_SECONDS_A_CELL = 5e-7


def write_columns(
    path: str | PathLike[str],
    header: Sequence[str],
    columns: Sequence[NDArray[Any]],
    workers: int = 1,
) -> None:
    """Write columns of numbers; fractions with seven significant digits, NaN as an empty cell.

    Raises:
        FileOperationError: The file cannot be written.
    """
    rows = len(columns[0])
    parts = _cut(0, rows, _ROWS_AT_ONCE)

    def lines(part: slice) -> bytes:
        return lines_of([Column.of_numbers(column[part]) for column in columns])

    def lines_of_few(part: slice) -> bytes:
        return _joined([number_cells(column[part]) for column in columns])

    if _are_many(rows * len(columns)):
        _write(path, header, lines, parts, workers)
    else:
        _write(path, header, lines_of_few, parts, 1)


def write_pairs(
    path: str | PathLike[str],
    names: Sequence[str],
    left: Rows,
    right: Rows,
    scores: NDArray[Any],
    reference_names: Sequence[str] | None = None,
    details: Mapping[str, NDArray[Any]] | None = None,
    workers: int = 1,
) -> None:
    """Write a table with the columns from, to, distance and others, in the order of the arrays.

    Args:
        path: The file.
        names: The images.
        left: Rows of `names` of shape (n,).
        right: Rows of `reference_names`, or of `names` without those.
        scores: Similarities of shape (n,), written with seven significant digits.
        reference_names: The images that `right` stands for.
        details: More columns by their headers, words or numbers of shape (n,).
        workers: Number of threads; the file is the same for any.

    Raises:
        FileOperationError: The file cannot be written.
    """
    columns = {"distance": scores, **(details or {})}
    header = ("from", "to", *columns)

    def lines(part: tuple[slice, "_Named", "_Named"]) -> bytes:
        rows, first, second = part
        numbers = [Column.of_numbers(column[rows]) for column in columns.values()]
        return lines_of([first.cells_of(left[rows]), second.cells_of(right[rows]), *numbers])

    def lines_of_few(part: slice) -> bytes:
        others = names if reference_names is None else reference_names
        named = (names, left[part]), (others, right[part])
        texts = [[quoted(names[row]) for row in rows.tolist()] for names, rows in named]
        return _joined([*texts, *(number_cells(column[part]) for column in columns.values())])

    if _are_many(len(left) * len(header)):
        _write(path, header, lines, _with_names(names, left, right, reference_names), workers)
    else:
        _write(path, header, lines_of_few, _cut(0, len(left), _ROWS_AT_ONCE), 1)


def _are_many(cells: int) -> bool:
    return cells > _FEW and worth_compiling(cells * _SECONDS_A_CELL)


@dataclass(frozen=True, slots=True)
class _Named:
    """Names of which some are written often.

    Attributes:
        cells: Those that are written, each once.
        number: Which of them a name is, int64 of shape (number of names,).
    """

    cells: Column
    number: NDArray[np.int64]

    @classmethod
    def of(cls, names: Sequence[str], *rows: Rows) -> "_Named":
        is_written = np.zeros(len(names), bool)
        for some in rows:
            is_written[some] = True
        texts = [names[row] for row in np.flatnonzero(is_written).tolist()]
        cells = Column.of_plain_texts(texts) or Column.of_texts(map(quoted, texts))
        return cls(cells, np.cumsum(is_written) - 1)

    def cells_of(self, rows: Rows) -> Column:
        return self.cells[self.number[rows]]


def _with_names(
    names: Sequence[str], left: Rows, right: Rows, reference_names: Sequence[str] | None
) -> Iterator[tuple[slice, _Named, _Named]]:
    """Parts of a table with the names on either side; those of many parts are made at once."""
    for block in _cut(0, len(left), _ROWS_WITH_NAMES):
        if reference_names is None:
            first = second = _Named.of(names, left[block], right[block])
        else:
            first = _Named.of(names, left[block])
            second = _Named.of(reference_names, right[block])
        for part in _cut(block.start, block.stop, _ROWS_AT_ONCE):
            yield part, first, second


def _cut(begin: int, end: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, end)) for start in range(begin, end, size))


def _joined(columns: Sequence[Sequence[str]]) -> bytes:
    lines = "".join(f"{line}\n" for line in map(",".join, zip(*columns, strict=True)))
    return lines.encode("utf-8", "surrogateescape")


def _write(
    path: str | PathLike[str],
    header: Sequence[str],
    lines: Callable[[Part], bytes],
    parts: Iterator[Part],
    workers: int,
) -> None:
    with open_atomically(path, binary=True) as file:
        file.write((",".join(header) + "\n").encode())
        for written in ordered_map(lines, parts, workers):
            file.write(written)
