"""The figures that README.md quotes."""

from collections.abc import Mapping
from pathlib import Path

from comparison.cells import Cell
from comparison.measurements import FASTDUP, IMAGEDEDUP
from comparison.processes import OURS
from comparison.report import Report
from comparison.tables import seconds_text

__all__ = ["write_readme"]

_PACKAGES = (OURS, IMAGEDEDUP, FASTDUP)
_ROWS: Mapping[str, tuple[str, str, int]] = {
    "hashes of 1,000 photographs": ("hashing", "PHash", 1000),
    "hashes of 60 JPEGs of 12 megapixels": ("hashing", "PHash", 60),
    "descriptors of 1,000 photographs": ("cnn", "descriptors", 1000),
    "duplicates among 10,000 hashes": ("hamming", "pairs within 10 bits", 10_000),
    "features of 1,000 photographs, their pairs, outliers and components": (
        "end_to_end",
        "fastdup.run",
        1000,
    ),
    "neighbours of 100,000 features": ("neighbors", "two nearest neighbours", 100_000),
}
"""What is measured, by the first words of its row."""


def write_readme(report: Report, path: Path) -> None:
    """Put what was measured into the rows of a README's table; rows that it has not are added.

    Raises:
        SystemExit: It has none of the rows.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    places = [place for place, line in enumerate(lines) if _name(line) in _ROWS]
    if not places:
        raise SystemExit(f"{path} must have a row of '{next(iter(_ROWS))}'")
    for name, work in _ROWS.items():
        cells = {
            cell.package: cell
            for cell in report.cells
            if (cell.group, cell.what, cell.size) == work and cell.runs
        }
        if OURS not in cells:
            continue
        row = f"| {name} | " + " | ".join(map(_text, map(cells.get, _PACKAGES))) + " |"
        for place in places:
            if _name(lines[place]) == name:
                lines[place] = row
                break
        else:
            places.append(places[-1] + 1)
            lines.insert(places[-1], row)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _name(line: str) -> str:
    return line.removeprefix("| ").partition(" |")[0]


def _text(cell: Cell | None) -> str:
    return "" if cell is None else seconds_text(cell.seconds)
