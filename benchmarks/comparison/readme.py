"""The figures that README.md quotes."""

import re
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
    """Put what was measured into the rows of a README's table.

    Raises:
        SystemExit: A row is not there.
    """
    text = path.read_text(encoding="utf-8")
    for name, work in _ROWS.items():
        cells = {
            cell.package: cell
            for cell in report.cells
            if (cell.group, cell.what, cell.size) == work and cell.runs
        }
        if OURS not in cells:
            continue
        row = f"| {name} | " + " | ".join(map(_text, map(cells.get, _PACKAGES))) + " |"
        text, found = re.subn(rf"^\| {re.escape(name)} \|.*$", row, text, flags=re.MULTILINE)
        if found == 0:
            raise SystemExit(f"{path} must have a row '{name}'")
    path.write_text(text, encoding="utf-8")


def _text(cell: Cell | None) -> str:
    return "" if cell is None else seconds_text(cell.seconds)
