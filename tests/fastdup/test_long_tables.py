"""Tables that compiled code writes: byte for byte what Python's own formatting gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.fastdup.store import long_tables
from imagededup.fastdup.store.cells import Column, lines_of
from imagededup.fastdup.store.long_tables import write_columns, write_pairs
from imagededup.fastdup.store.tables import quoted
from tests.fastdup.test_work_dir import AWFUL_NAMES

HARD_NUMBERS = [
    *(0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 0.1, 5e-324, 1.7976931348623157e308),
    *(1e7, 9999999.5, 9999999.4, 999999.95, 1234567.5, 1234568.5, 123456.75, 1e22, 1e23),
    *(1e-4, 9.9999995e-5, 9.99999949e-5, 1e-5, 1e99, 1e100, 1e-99, -1e-100, 1e290, 1e-290),
]
ROWS = 40_000


def by_python(column):
    """The lines of a column as Python formats its numbers."""
    form = "%.7g" if column.dtype.kind == "f" else "%d"
    return "".join(f"{'' if n != n else form % n}\n" for n in column.tolist()).encode()


def some_pairs():
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 3000, (2, ROWS))
    return left, right, rng.random(ROWS, np.float32)


def expected(names, others, left, right, scores, details=()):
    columns = [
        [quoted(names[row]) for row in left.tolist()],
        [quoted(others[row]) for row in right.tolist()],
        [f"{score:.7g}" for score in scores.tolist()],
        *details,
    ]
    lines = "".join(f"{','.join(row)}\n" for row in zip(*columns, strict=True))
    return lines.encode("utf-8", "surrogateescape")


def rows_of(path):
    return path.read_bytes().split(b"\n", 1)[1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(), max_size=50),
    st.lists(st.floats(width=32), max_size=50),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50),
)
def test_any_number_is_what_python_writes(fractions, singles, whole):
    for column in (np.array(fractions), np.float32(singles), np.array(whole, np.int64)):
        assert lines_of([Column.of_numbers(column)]) == by_python(column)


def test_numbers_between_two_of_seven_digits_are_what_python_writes():
    rng = np.random.default_rng(0)
    halves = rng.integers(10**6, 10**7, 10_000) + 0.5
    powers = 10.0 ** rng.integers(-30, 30, 10_000)
    beside = powers * (1 + rng.integers(-3, 4, 10_000) * 2.0**-52)
    bits = rng.integers(0, 2**64, 30_000, np.uint64).view(np.float64)
    singles = np.float32(rng.integers(0, 200_000, 10_000) / 1024)
    for column in (np.array(HARD_NUMBERS), halves, halves * powers, beside, bits, singles):
        assert lines_of([Column.of_numbers(column)]) == by_python(column)


def test_whole_numbers_and_words_of_other_types():
    columns = np.array([2**64 - 1], np.uint64), np.array([255], np.uint8), np.array(["a"])
    assert lines_of([Column.of_numbers(column) for column in columns]) == (
        b"18446744073709551615,255,a\n"
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_many_pairs_are_written_as_few(workers, tmp_path, monkeypatch):
    left, right, scores = some_pairs()
    plain = [f"/images of ä/{row}.jpg" for row in range(3000)]
    awful = [*AWFUL_NAMES, *plain[len(AWFUL_NAMES) :]]
    monkeypatch.setattr(long_tables, "_ROWS_WITH_NAMES", 1 << 15)
    for names in (plain, awful):
        write_pairs(tmp_path / "table.csv", names, left, right, scores, workers=workers)
        assert rows_of(tmp_path / "table.csv") == expected(names, names, left, right, scores)
    details = {"relation": np.array(["same", "other"])[left % 2], "score": scores}
    arguments = plain, left, right, scores, awful, details
    write_pairs(tmp_path / "table.csv", *arguments, workers=workers)
    more = details["relation"].tolist(), [f"{score:.7g}" for score in scores.tolist()]
    assert rows_of(tmp_path / "table.csv") == expected(plain, awful, left, right, scores, more)


@pytest.mark.parametrize("edge", [" a", "a ", "a\t", "\u00a0a", "a\u3000", "", "a,b", 'a"', "a\rb"])
def test_one_name_that_needs_quotes_has_them(edge):
    assert Column.of_plain_texts(["a.jpg", "b.jpg"]) is not None
    for names in ([edge, "b"], ["b", edge], ["b", edge, "c"]):
        assert Column.of_plain_texts(names) is None


@pytest.mark.parametrize("workers", [1, 3])
def test_many_rows_of_numbers_are_written_as_few(workers, tmp_path):
    rng = np.random.default_rng(0)
    rank = np.where(rng.random(ROWS) < 0.1, np.nan, rng.random(ROWS))
    write_columns(tmp_path / "table.csv", ("a", "b"), [np.arange(ROWS), rank], workers)
    assert (tmp_path / "table.csv").read_bytes() == b"a,b\n" + b"".join(
        b"%d,%s\n" % (row, b"" if number != number else b"%.7g" % number)
        for row, number in enumerate(rank.tolist())
    )
