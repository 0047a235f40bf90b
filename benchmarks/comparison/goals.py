"""What the figures are to reach: all targets of speed in one place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from comparison.cells import Cell
from comparison.processes import OURS
from fastdup_runner import SECONDS
from floor import TARGET

__all__ = ["FLOOR_SHARE", "Judged", "all_goals", "goals_of", "same_work", "times_as_fast"]

SEVERAL = 3.0
"""Times as fast as a peer, where nothing else is said."""
TIMES: dict[tuple[str, int], float] = {
    ("hashing", 1000): 1.2,  # decoding a small JPEG is most of the work of both
    ("hashing", 60): 10.0,
    ("cnn", 60): 8.0,
    ("neighbors", 10_000): 2.0,
    ("neighbors", 100_000): 2.0,
    ("neighbors", 1_000_000): 2.0,
}
"""The same by group and size."""
MOST_SECONDS: dict[tuple[str, int], float] = {
    ("hamming", 10_000): 2.0,
    ("hamming", 1_000_000): 12.0,
    ("end_to_end", 100): 1.0,
    ("evaluation", 1_000_000): 20.0,
    **{("neighbors", rows): seconds for rows, seconds in SECONDS.items()},
}
"""Of ours, by group and size; on two cores that do nothing else."""
MOST_MEBIBYTES: dict[tuple[str, int], float] = {("cnn", 1000): 500.0}
RECALL = 0.99
FLOOR_SHARE = TARGET
"""Of the time of entropy decoding and the network alone."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A figure beside its target."""

    name: str
    figure: float
    target: float
    unit: str
    at_least: bool

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.figure >= self.target if self.at_least else self.figure <= self.target

    def __str__(self) -> str:
        """As it stands in the table."""
        name = f"{self.name} " if self.name else ""
        unit = self.unit if self.unit in ("", "x") else f" {self.unit}"
        sign = "at least" if self.at_least else "at most"
        return f"{name}{sign} {self.target:g}{unit}: {'met' if self.met else '**missed**'}"


def goals_of(cell: Cell, cells: Sequence[Cell]) -> Iterator[Judged]:
    """The targets of a figure of ours, or of a peer's beside ours."""
    key, seconds = (cell.group, cell.size), cell.seconds
    if cell.package == OURS:
        if key in MOST_SECONDS and seconds is not None:
            yield Judged("", seconds, MOST_SECONDS[key], "s", at_least=False)
        if key in MOST_MEBIBYTES and cell.mebibytes is not None:
            yield Judged("memory", cell.mebibytes, MOST_MEBIBYTES[key], "MiB", at_least=False)
        if cell.recall is not None:
            yield Judged("recall", cell.recall, RECALL, "", at_least=True)
    elif (times := times_as_fast(cell, cells)) is not None:
        yield Judged("", times, TIMES.get(key, SEVERAL), "x", at_least=True)


def all_goals(cells: Sequence[Cell]) -> Iterator[Judged]:
    """The targets of all figures."""
    for cell in cells:
        yield from goals_of(cell, cells)


def times_as_fast(cell: Cell, cells: Sequence[Cell]) -> float | None:
    """A peer's seconds over ours for the same work."""
    for other in cells:
        if other.package == OURS and same_work(other, cell) and other.seconds and cell.seconds:
            return cell.seconds / other.seconds
    return None


def same_work(cell: Cell, other: Cell) -> bool:
    """Whether two figures are of the same work on the same input."""
    return (cell.group, cell.what, cell.size, cell.unit) == (
        other.group,
        other.what,
        other.size,
        other.unit,
    )
