"""The figures as pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from comparison.cells import Cell
from comparison.goals import times_as_fast
from comparison.processes import OURS
from comparison.report import Report
from comparison.tables import NAMES, title
from matplotlib.figure import Figure

__all__ = ["draw_growth", "draw_times"]

_COLOURS = {OURS: "#00796b", "imagededup": "#e07b00", "fastdup": "#5c6bc0"}
_STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "benchmarks",
    "svg.fonttype": "path",
}


def draw_times(report: Report, path: Path) -> bool:
    """Bars: how many times as fast ours is as each peer; whether there is anything to draw."""
    bars = [
        (cell, times)
        for cell in report.cells
        if cell.package != OURS
        and (cell.size in report.shown or not _has_series(cell, report.cells))
        and (times := times_as_fast(cell, report.cells)) is not None
    ]
    if not bars:
        return False
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 0.6 + 0.24 * len(bars)), layout="constrained")
        axes = figure.subplots()
        for place, (cell, times) in enumerate(bars):
            axes.barh(
                place,
                times - 1,
                left=1,
                color=_COLOURS[cell.package],
                alpha=0.45 if cell.extrapolated else 1,
                hatch="//" if cell.extrapolated else None,
            )
            axes.text(
                max(times, 1) * 1.05, place, _times_text(times, cell), va="center", fontsize=8
            )
        axes.set_yticks(range(len(bars)), [title(cell) for cell, _ in bars])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_xscale("log")
        axes.margins(x=0.12)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xlabel("how many times as fast as the peer (log scale; hatched: extrapolated)")
        _legend(axes, [cell.package for cell, _ in bars])
        _save(figure, path)
    return True


def draw_growth(report: Report, path: Path) -> bool:
    """Seconds and memory by size; hollow marks are extrapolated."""
    works = {
        (cell.group, cell.what): None for cell in report.cells if _has_series(cell, report.cells)
    }
    if not works:
        return False
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(2.6 * len(works) + 0.6, 5), layout="constrained")
        rows = figure.subplots(2, len(works), squeeze=False, sharex="col")
        for column, work in enumerate(works):
            cells = [cell for cell in report.cells if (cell.group, cell.what) == work]
            for package in dict.fromkeys(cell.package for cell in cells):
                _draw_series(rows[:, column], [one for one in cells if one.package == package])
            rows[0, column].set_title(work[1], fontsize=9)
            rows[1, column].set_xlabel(cells[0].unit)
        rows[0, 0].set_ylabel("seconds")
        rows[1, 0].set_ylabel("memory, MiB")
        for axes in rows.flat:
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.grid(alpha=0.25)
        packages = [cell.package for cell in report.cells if (cell.group, cell.what) in works]
        _legend(rows[0, 0], packages)
        _save(figure, path)
    return True


def _draw_series(axes: Sequence[Any], cells: Sequence[Cell]) -> None:
    colour = _COLOURS[cells[0].package]
    known = [(cell.size, cell.seconds) for cell in cells if cell.seconds is not None]
    axes[0].plot(*zip(*known, strict=True), color=colour, linewidth=0.8, linestyle=":")
    run = [cell for cell in cells if cell.runs]
    for axis, figures in zip(
        axes, ([one.seconds for one in run], [one.mebibytes for one in run]), strict=True
    ):
        axis.plot([one.size for one in run], figures, color=colour, marker="o", markersize=4)
    hollow = [(cell.size, cell.extrapolated) for cell in cells if cell.extrapolated]
    if hollow:
        axes[0].plot(
            *zip(*hollow, strict=True), color=colour, marker="o", linestyle="", fillstyle="none"
        )


def _has_series(cell: Cell, cells: Sequence[Cell]) -> bool:
    sizes = {one.size for one in cells if (one.what, one.unit) == (cell.what, cell.unit)}
    return len(sizes) > 1


def _times_text(times: float, cell: Cell) -> str:
    return f"{'about ' if cell.extrapolated else ''}{times:,.{1 if times < 100 else 0}f}"


def _legend(axes: Any, packages: Sequence[str]) -> None:  # noqa: ANN401
    for package in dict.fromkeys(packages):
        axes.plot([], [], color=_COLOURS[package], linewidth=5, label=NAMES[package])
    axes.legend(frameon=False, fontsize=8)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None}, facecolor="white")
