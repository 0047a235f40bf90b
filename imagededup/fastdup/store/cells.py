"""The cells of long tables as bytes, and lines of them, by compiled code.

Every byte is what Python itself writes: a number whose seven digits floating point does not settle
is left to Python.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled

__all__ = ["Column", "lines_of"]

Letters = NDArray[np.uint8]
Indices = NDArray[np.int64]

_WIDTH = 24  # no number is longer
_TEN_TO = np.array([float(f"1e{exponent}") for exponent in range(309)])
_NEWLINE, _COMMA, _MINUS, _PLUS, _POINT, _ZERO, _E = b"\n,-+.0e"
_NOT_SETTLED = -1
_DOUBT = 1e-6
"""How close to the middle of two numbers of seven digits rounding may matter: that of the power of
ten and that of the product are below 3e-9 of the last digit."""


@dataclass(frozen=True, slots=True)
class Column:
    """The cells of a column, as they stand in a file.

    Attributes:
        letters: The bytes of all of them, and maybe others.
        begin: Where each begins, int64 of shape (n,).
        length: How many bytes each has, int64 of shape (n,).
    """

    letters: Letters
    begin: Indices
    length: Indices

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> "Column":
        """Texts that need no quotes, or have them."""
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        length = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(_letters(b"".join(encoded)), np.cumsum(length) - length, length)

    @classmethod
    def of_plain_texts(cls, texts: Sequence[str]) -> "Column | None":
        """Texts of which none needs quotes, in less time; None if one may."""
        text = "\n".join(texts).encode("utf-8", "surrogateescape")
        letters = _letters(text)
        end = np.append(np.flatnonzero(letters == _NEWLINE), len(letters))
        begin = np.append(0, end[:-1] + 1)
        if len(end) != len(texts) or any(letter in text for letter in b',"\r'):
            return None
        if (begin == end).any():
            return None
        edges = np.concatenate([letters[begin], letters[end - 1]])
        if ((edges <= ord(" ")) | (edges >= 127)).any():  # perhaps a space of Unicode
            return None
        return cls(letters, begin, end - begin)

    @classmethod
    def of_numbers(cls, column: NDArray[Any]) -> "Column":
        """Whole numbers, and others with seven significant digits; NaN is an empty cell."""
        if column.dtype.kind == "f":
            values = column.astype(np.float64)
            letters, length = _fractions(values)
            for place in np.flatnonzero(length == _NOT_SETTLED).tolist():
                cell = b"%.7g" % values[place]
                letters[place * _WIDTH :][: len(cell)] = np.frombuffer(cell, np.uint8)
                length[place] = len(cell)
        elif column.dtype.kind in "iu" and np.can_cast(column.dtype, np.int64):
            letters, length = _whole_numbers(column.astype(np.int64))
        else:
            return cls.of_texts(map(str, column.tolist()))
        return cls(letters, np.arange(len(length)) * _WIDTH, length)

    def __getitem__(self, rows: Indices) -> "Column":
        """Some of them."""
        return Column(self.letters, self.begin[rows], self.length[rows])


def lines_of(columns: Sequence[Column]) -> bytes:
    """The lines of a table, each with commas between its cells and a newline at its end."""
    length = np.sum([column.length for column in columns], axis=0) + len(columns)
    end = np.cumsum(length)
    lines, place = np.empty(end[-1] if len(end) else 0, np.uint8), end - length
    for number, column in enumerate(columns, 1):
        separator = _NEWLINE if number == len(columns) else _COMMA
        _write_cells(column.letters, column.begin, column.length, lines, place, separator)
    return lines.tobytes()


def _letters(text: bytes) -> Letters:
    return np.frombuffer(bytearray(text), np.uint8)  # compiled code tells what is not to be written


@compiled
def _write_cells(
    letters: Letters, begin: Indices, length: Indices, lines: Letters, place: Indices,
    separator: int,
) -> None:  # fmt: skip
    """Write a cell and what follows it to a place in each line, which is moved behind them."""
    for row in range(len(begin)):
        here, there = begin[row], place[row]
        for letter in range(length[row]):
            lines[there + letter] = letters[here + letter]
        there += length[row]
        lines[there] = separator
        place[row] = there + 1


@compiled
def _whole_numbers(values: Indices) -> tuple[Letters, Indices]:
    letters = np.empty(len(values) * _WIDTH, np.uint8)
    length = np.empty(len(values), np.int64)
    for row in range(len(values)):
        begin = row * _WIDTH
        end, rest = begin, values[row]
        if rest < 0:
            letters[end] = _MINUS
            end += 1
        first, digits = end, np.uint64(abs(rest))
        while True:
            digits //= np.uint64(10)
            end += 1
            if digits == 0:
                break
        digits = np.uint64(abs(rest))
        for place in range(end - 1, first - 1, -1):
            letters[place] = _ZERO + np.uint8(digits % np.uint64(10))
            digits //= np.uint64(10)
        length[row] = end - begin
    return letters, length


@compiled
def _fractions(values: NDArray[np.float64]) -> tuple[Letters, Indices]:
    letters = np.empty(len(values) * _WIDTH, np.uint8)
    length = np.empty(len(values), np.int64)
    for row in range(len(values)):
        value = values[row]
        if np.isnan(value):
            length[row] = 0
            continue
        begin = row * _WIDTH
        end = begin
        if math.copysign(1.0, value) < 0:
            letters[end] = _MINUS
            end += 1
        digits, exponent = _seven_digits(abs(value))
        if digits == _NOT_SETTLED:
            length[row] = _NOT_SETTLED
            continue
        length[row] = _write_number(letters, end, digits, exponent) - begin
    return letters, length


@compiled
def _seven_digits(value: float) -> tuple[int, int]:
    """The first seven digits of a number, and the power of ten that the first one counts."""
    if value == 0:
        return 0, 0
    if not 1e-290 < value < 1e290:
        return _NOT_SETTLED, 0
    exponent = math.floor(math.log10(value))
    scaled = _times_ten_to(value, 6 - exponent)
    if scaled < 1e6:
        exponent -= 1
        scaled = _times_ten_to(value, 6 - exponent)
    elif scaled >= 1e7:
        exponent += 1
        scaled = _times_ten_to(value, 6 - exponent)
    digits = int(scaled)
    rest = scaled - digits
    if abs(rest - 0.5) < _DOUBT:
        return _NOT_SETTLED, 0
    if rest > 0.5:
        digits += 1
    if digits == 10_000_000:
        return 1_000_000, exponent + 1
    return digits, exponent


@compiled
def _times_ten_to(value: float, power: int) -> float:
    return float(value * _TEN_TO[power] if power >= 0 else value / _TEN_TO[-power])


@compiled
def _write_number(letters: Letters, end: int, digits: int, exponent: int) -> int:
    """Write a number as %g does, without zeros at its end; returns where it ends."""
    count = 7
    while count > 1 and digits % 10 == 0:
        digits //= 10
        count -= 1
    if not -4 <= exponent < 7:
        end = _write_digits(letters, end, digits, count, 1)
        return _write_exponent(letters, end, exponent)
    if exponent >= 0:
        end = _write_digits(letters, end, digits, count, exponent + 1)
        for _ in range(count, exponent + 1):
            letters[end] = _ZERO
            end += 1
        return end
    for place in range(end, end + 1 - exponent):
        letters[place] = _ZERO
    letters[end + 1] = _POINT
    return _write_digits(letters, end + 1 - exponent, digits, count, count)


@compiled
def _write_digits(letters: Letters, end: int, digits: int, count: int, before: int) -> int:
    """Write digits, and a point behind some of them unless they are all."""
    for place in range(count - 1, -1, -1):
        letters[end + place + (place >= before)] = _ZERO + digits % 10
        digits //= 10
    if before >= count:
        return end + count
    letters[end + before] = _POINT
    return end + count + 1


@compiled
def _write_exponent(letters: Letters, end: int, exponent: int) -> int:
    letters[end] = _E
    letters[end + 1] = _MINUS if exponent < 0 else _PLUS
    size, end = abs(exponent), end + 2
    if size >= 100:
        letters[end] = _ZERO + size // 100
        end += 1
    letters[end] = _ZERO + size // 10 % 10
    letters[end + 1] = _ZERO + size % 10
    return end + 2
