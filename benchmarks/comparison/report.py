"""A run of the benchmarks, and its file."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from comparison.cells import Cell
from comparison.processes import Run

__all__ = ["Floor", "Report", "machine", "merge", "read", "write"]


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds an image of the whole, and of what cannot be saved."""

    what: str
    whole: float
    decoding: float
    network: float

    @property
    def share(self) -> float:
        """The whole over the sum of the rest."""
        return self.whole / (self.decoding + self.network)


@dataclass(slots=True)
class Report:
    """All that was measured.

    Attributes:
        machine: What it was measured on.
        command: How.
        shown: Sizes that the tables show; other sizes tell the growth only.
        cells: The figures.
        floors: The share of the floor.
    """

    machine: Mapping[str, str]
    command: str
    shown: Sequence[int]
    cells: list[Cell] = field(default_factory=list)
    floors: list[Floor] = field(default_factory=list)


def write(report: Report, path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Report:
    """Read what `write` wrote."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    cells = [
        Cell(**{**cell, "runs": [Run(**run) for run in cell["runs"]]}) for cell in stored["cells"]
    ]
    floors = [Floor(**floor) for floor in stored["floors"]]
    return Report(**{**stored, "cells": cells, "floors": floors})


def merge(reports: Sequence[Report]) -> Report:
    """The figures of several runs on one machine; of the same work the last one counts."""
    cells: dict[tuple[str, str, int, str, str], Cell] = {}
    floors: dict[str, Floor] = {}
    for report in reports:
        for cell in report.cells:
            cells[cell.group, cell.what, cell.size, cell.unit, cell.package] = cell
        floors |= {floor.what: floor for floor in report.floors}
    loads = [float(report.machine["load"]) for report in reports]
    return replace(
        reports[-1],
        machine={**reports[-1].machine, "load": str(max(loads))},
        cells=list(cells.values()),
        floors=list(floors.values()),
    )


def machine() -> dict[str, str]:
    """The processor, the cores that may be used, memory, Python, and the load at the start."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory:.0f} GiB",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }
