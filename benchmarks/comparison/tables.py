"""The figures as Markdown."""

from collections.abc import Iterator, Sequence

from comparison.cells import Cell, growth
from comparison.goals import FLOOR_SHARE, Judged, goals_of, same_work, times_as_fast
from comparison.measurements import FASTDUP, IMAGEDEDUP
from comparison.processes import OURS
from comparison.report import Report

__all__ = ["NAMES", "markdown", "seconds_text", "title"]

NAMES = {
    OURS: "this package",
    IMAGEDEDUP: "imagededup 0.3.3.post2",
    FASTDUP: "fastdup 2.54",
}
_TITLES = {
    "hashing": "Hashing",
    "cnn": "Descriptors of the CNN",
    "hamming": "Pairs of hashes",
    "cosine": "Pairs of descriptors",
    "neighbors": "Nearest neighbours",
    "end_to_end": "From files to duplicates, whole processes",
    "evaluation": "Evaluation",
}
_SAME_RESULTS = ("hamming", "evaluation")


def markdown(report: Report) -> str:
    """All tables, under a heading each."""
    parts = [_of_group(report, group) for group in _TITLES]
    parts += [_of_growth(report), _of_floors(report)]
    return "\n\n".join(part for part in parts if part) + "\n"


def title(cell: Cell) -> str:
    """The work with the size of its input."""
    return f"{cell.what}, {cell.size:,} {cell.unit}"


def seconds_text(seconds: float | None) -> str:
    """Seconds, or hours of what would take long."""
    if seconds is None:
        return ""
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:,.0f} h"
    decimals = 2 if seconds < 1 else 1 if seconds < 100 else 0
    return f"{seconds:,.{decimals}f} s"


def _of_group(report: Report, group: str) -> str:
    cells = [cell for cell in report.cells if cell.group == group and _is_shown(cell, report)]
    if not cells:
        return ""
    with_recall = any(cell.recall is not None for cell in cells)
    heads = ["what", "package", "least", "median", "process", "processor time", "memory"]
    heads += ["recall"] * with_recall + ["times as fast", "target"]
    rows, before = [], ""
    for cell in cells:
        name = title(cell)
        rows.append([name if name != before else "", *_columns(cell, cells, with_recall)])
        before = name
    return f"### {_TITLES[group]}\n\n{_table(heads, rows)}"


def _is_shown(cell: Cell, report: Report) -> bool:
    return (
        not any(_work(cell) == _work(other) and cell.size != other.size for other in (report.cells))
        or cell.size in report.shown
    )


def _work(cell: Cell) -> tuple[str, str, str, str]:
    return cell.group, cell.what, cell.unit, cell.package


def _columns(cell: Cell, cells: Sequence[Cell], with_recall: bool) -> Iterator[str]:
    yield NAMES[cell.package]
    if cell.failed:
        yield f"failed: {cell.failed.replace('|', '/')}"
    elif cell.extrapolated:
        yield f"*about {seconds_text(cell.extrapolated)}*"
    else:
        yield seconds_text(cell.seconds)
    yield seconds_text(cell.median)
    yield seconds_text(min((run.process_seconds for run in cell.runs), default=None))
    yield seconds_text(cell.processor)
    yield "" if cell.mebibytes is None else f"{cell.mebibytes:,.0f} MiB"
    if with_recall:
        yield "" if cell.recall is None else f"{cell.recall:.4f}"
    times = None if cell.package == OURS else times_as_fast(cell, cells)
    yield "" if times is None else f"{times:,.{1 if times < 100 else 0}f}"
    yield "; ".join([*map(str, goals_of(cell, cells)), *_agreement(cell, cells)])


def _agreement(cell: Cell, cells: Sequence[Cell]) -> Iterator[str]:
    """Whether a peer that promises the same has found the same."""
    if cell.group not in _SAME_RESULTS or cell.package == OURS or not cell.runs:
        return
    for ours in cells:
        if ours.package == OURS and ours.runs and same_work(ours, cell):
            same = ours.runs[0].found == cell.runs[0].found
            yield "same result" if same else "**another result**"


def _of_growth(report: Report) -> str:
    series: dict[tuple[str, str, str, str], list[Cell]] = {}
    for cell in report.cells:
        series.setdefault(_work(cell), []).append(cell)
    rows = [
        [what, NAMES[package], f"{slope:.2f}"]
        for (_, what, _, package), cells in series.items()
        if (slope := growth(cells)) is not None
    ]
    if not rows:
        return ""
    text = (
        "Seconds grow as the size to the power of this, over the largest three that were measured."
    )
    return f"### Growth\n\n{text}\n\n{_table(['what', 'package', 'power'], rows)}"


def _of_floors(report: Report) -> str:
    if not report.floors:
        return ""
    heads = ["what", "whole", "entropy decoding alone", "network alone", "share", "target"]
    rows = [
        [
            floor.what,
            *(f"{seconds * 1000:.2f} ms" for seconds in (floor.whole, floor.decoding)),
            f"{floor.network * 1000:.2f} ms" if floor.network else "",
            f"{floor.share:.2f}",
            str(Judged("", floor.share, FLOOR_SHARE, "", at_least=False)),
        ]
        for floor in report.floors
    ]
    text = "Per image; the share is that of the whole in the sum of what cannot be saved."
    return f"### Share of the floor\n\n{text}\n\n{_table(heads, rows)}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
