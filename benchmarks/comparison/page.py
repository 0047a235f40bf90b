"""The tables and pictures in a page of the documentation."""

import re
from pathlib import Path

from comparison.charts import draw_growth, draw_times
from comparison.goals import all_goals
from comparison.report import Report
from comparison.tables import markdown

__all__ = ["BEGIN", "END", "section", "write_page"]

BEGIN, END = "<!-- what python -m benchmarks wrote -->", "<!-- until here -->"
_QUIET = 1.0
_PICTURES = {
    "comparison_times.svg": (draw_times, "How many times as fast this package is as its peers"),
    "comparison_growth.svg": (draw_growth, "Seconds and memory by size"),
}


def write_page(report: Report, page: Path) -> None:
    """Put the report between the marks of a page, or make the page; pictures lie beside it.

    Raises:
        SystemExit: The page exists and has no marks.
    """
    text = section(report, page.parent)
    written = f"{BEGIN}\n\n{text}\n{END}"
    if not page.exists():
        page.write_text(f"# Benchmarks\n\n{written}\n", encoding="utf-8")
        return
    before = page.read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(before):
        raise SystemExit(f"{page} must have the lines {BEGIN} and {END}, or not exist")
    page.write_text(pattern.sub(lambda _: written, before), encoding="utf-8")


def section(report: Report, folder: Path) -> str:
    """The text, after drawing its pictures into `images` of a folder."""
    shown = [
        f"![{words}](images/{name})"
        for name, (draw, words) in _PICTURES.items()
        if draw(report, folder / "images" / name)
    ]
    return "\n\n".join([_introduction(report), *shown, markdown(report)])


def _introduction(report: Report) -> str:
    machine = report.machine
    judged = list(all_goals(report.cells))
    met = sum(goal.met for goal in judged)
    return (
        f"```\n{report.command}\n```\n\n"
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory']}, Python "
        f"{machine['python']}; {met} of {len(judged)} targets are met. "
        f"{_load(float(machine['load']))}"
        "The packages ran in turns, in processes of their own, on the same files and cores. Times "
        "are those of the call: what a package loads in it counts, what its import "
        "loads does not; but the import of the runner counts for the nearest neighbours, because "
        "ours loads nearly all in the call and fastdup in its import. *Process* is the whole from "
        "start to end, with imports and the reading "
        "of inputs. Processor time is the sum of all cores; memory is the most of a process and "
        "its children. *About* is what the growth over smaller sizes lets expect where a run would "
        "have passed the limit of time. imagededup's network had random weights, as nothing was "
        "downloaded: only its speed was measured."
    )


def _load(load: float) -> str:
    if load < _QUIET:
        return ""
    return (
        f"**The machine was not idle at the start** (load {load:g}): if that went on, seconds are "
        "too long and processor time says more. "
    )
