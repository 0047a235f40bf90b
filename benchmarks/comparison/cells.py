"""Measured in turns: what each package took for the same work, or would have taken."""

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from comparison.measurements import Measurement
from comparison.processes import OURS, OVER, Limits, Run, StoppedError, call, run_command

__all__ = ["Cell", "Turns", "growth", "measure"]

_POINTS = 3
_OWN_LIMIT = 900.0


@dataclass(slots=True)
class Cell:
    """What one package took for one piece of work.

    Attributes:
        group: As in `Measurement`, like what, size, unit and whole.
        package: Whose time it is.
        runs: What was measured; none where `extrapolated` or `failed` says why.
        recall: The share of what is to be found, where that is known.
        extrapolated: Seconds, from the growth over smaller sizes.
        failed: Why there is no run.
    """

    group: str
    what: str
    size: int
    unit: str
    package: str
    whole: bool = False
    runs: list[Run] = field(default_factory=list)
    recall: float | None = None
    extrapolated: float | None = None
    failed: str = ""

    @property
    def times(self) -> list[float]:
        """Seconds of each run."""
        return [run.process_seconds if self.whole else run.seconds for run in self.runs]

    @property
    def seconds(self) -> float | None:
        """The least of the runs, or what was extrapolated."""
        return min(self.times, default=self.extrapolated)

    @property
    def median(self) -> float | None:
        """The median of the runs."""
        return statistics.median(self.times) if self.runs else None

    @property
    def processor(self) -> float | None:
        """The least seconds of all cores."""
        worked = [run.process_processor if self.whole else run.processor for run in self.runs]
        return min(worked, default=None)

    @property
    def mebibytes(self) -> float | None:
        """The most memory of all runs."""
        return max((run.mebibytes for run in self.runs), default=None)


@dataclass(frozen=True, slots=True)
class Turns:
    """How it is measured.

    Attributes:
        pythons: The interpreters of the packages; those that are not named are left out.
        limits: Of the peers' runs.
        repeat: Most runs of each.
        patience: Seconds after which a package is not run again.
    """

    pythons: Mapping[str, str | Path]
    limits: Limits
    repeat: int
    patience: float


def measure(measurement: Measurement, turns: Turns, earlier: Sequence[Cell]) -> list[Cell]:
    """Run the packages in turns.

    A package whose growth over smaller sizes lets expect more than the limit is not run.

    Args:
        measurement: What.
        turns: How.
        earlier: All cells so far.
    """
    cells = [
        Cell(
            measurement.group,
            measurement.what,
            measurement.size,
            measurement.unit,
            package,
            measurement.whole,
        )
        for package in measurement.requests
        if package in turns.pythons
    ]
    expected = {cell.package: _extrapolate(cell, earlier) for cell in cells}
    for cell in cells:
        seconds = expected[cell.package]
        if cell.package != OURS and seconds is not None and seconds > turns.limits.seconds:
            cell.extrapolated = seconds
        elif limit := _passed_limit(cell, earlier):
            cell.failed = limit
        else:
            _attempt(cell, lambda cell=cell: _prepare(cell, measurement, turns), expected)
    for _ in range(turns.repeat):
        for cell in cells:
            if not (cell.failed or cell.extrapolated or _lasted(cell) > turns.patience):
                _attempt(cell, lambda cell=cell: _run(cell, measurement, turns), expected)
    return cells


def growth(cells: Sequence[Cell]) -> float | None:
    """The log-log slope of the seconds over the largest three sizes that were measured."""
    line = _line(cells)
    return None if line is None else float(line[0])


def _extrapolate(cell: Cell, earlier: Sequence[Cell]) -> float | None:
    line = _line([other for other in earlier if _is_series(cell, other)])
    return None if line is None else float(np.exp(np.polyval(line, np.log(cell.size))))


def _passed_limit(cell: Cell, earlier: Sequence[Cell]) -> str:
    """Which limit the same work passed already with a smaller size."""
    for other in earlier:
        if _is_series(cell, other) and other.size < cell.size and other.failed.startswith(OVER):
            return other.failed
    return ""


def _is_series(cell: Cell, other: Cell) -> bool:
    return (other.what, other.unit, other.package) == (cell.what, cell.unit, cell.package)


def _line(cells: Sequence[Cell]) -> np.ndarray | None:
    points = sorted((cell.size, min(cell.times)) for cell in cells if cell.runs)[-_POINTS:]
    if len(points) < 2:
        return None
    sizes, seconds = np.log(np.array(points)).T
    return np.polyfit(sizes, seconds, 1)


def _lasted(cell: Cell) -> float:
    return sum(run.process_seconds for run in cell.runs)


def _attempt(cell: Cell, step: Callable[[], None], expected: Mapping[str, float | None]) -> None:
    """Do a step; if it is stopped, the cell has no runs but says why, or what is to be expected."""
    try:
        step()
    except StoppedError as stopped:
        cell.runs.clear()
        seconds = expected[cell.package]
        if stopped.limited and seconds is not None:
            cell.extrapolated = seconds
        else:
            cell.failed = str(stopped)
            print(f"{cell.package}, {cell.what}: {stopped}", file=sys.stderr)


def _limits(cell: Cell, turns: Turns) -> Limits:
    least = _OWN_LIMIT if cell.package == OURS else 0
    return Limits(max(turns.limits.seconds, least), turns.limits.gibibytes)


def _prepare(cell: Cell, measurement: Measurement, turns: Turns) -> None:
    if measurement.prepare is not None:
        task, request = measurement.prepare(cell.package)
        call(turns.pythons[cell.package], cell.package, task, request, Limits(_OWN_LIMIT, np.inf))


def _run(cell: Cell, measurement: Measurement, turns: Turns) -> None:
    request, limits = measurement.requests[cell.package], _limits(cell, turns)
    if measurement.task is None:
        run = run_command(request, limits)
    else:
        python = turns.pythons[cell.package]
        run = call(python, cell.package, measurement.task, request, limits)
    cell.runs.append(run)
    if cell.recall is None:
        cell.recall = measurement.recall(cell.package)
