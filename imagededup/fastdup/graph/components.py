"""The largest components of a finished run."""

from dataclasses import dataclass
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.checks import check_integer
from imagededup.fastdup.store.results import check_result
from imagededup.fastdup.store.tables import read_rows
from imagededup.fastdup.store.work_dir import COMPONENTS_HEADER, WorkDir

__all__ = ["TopComponent", "find_top_components"]


@dataclass(frozen=True, slots=True)
class TopComponent:
    """Images that are connected by similarities above ccthreshold.

    Attributes:
        component_id: Number of the component, as in components_info.csv.
        files: The images, in the order of features.dat.csv.
    """

    component_id: int
    files: tuple[str, ...]


def find_top_components(
    work_dir: str | PathLike[str], top: int | None = None
) -> list[TopComponent]:
    """The components of two images or more of a finished run, largest first.

    Args:
        work_dir: The work folder.
        top: How many components at most, 1 or more; None gives all.

    Raises:
        InvalidTypeError: `work_dir` is not a path, or `top` no int.
        InvalidValueError: The folder has no components or no features, or they do not belong
            together; or `top` is below 1.
    """
    if top is not None:
        top = check_integer("top", top, 1)
    folder = WorkDir(work_dir)
    stored = folder.features()
    names = stored.names
    check_result(folder.connected_components, stored.digest)
    rows = read_rows(folder.connected_components, COMPONENTS_HEADER)
    label = _labels([row[1] for row in rows])
    if label is None or len(label) != len(names):
        raise InvalidValueError(
            f"{str(folder.connected_components)!r} must hold components of {len(names)} images; "
            "run again with run_cc=1"
        )
    number, count = np.unique(label, return_counts=True)
    largest = number[np.argsort(-count, kind="stable")][: int((count > 1).sum())][:top]
    order = np.argsort(label, kind="stable")
    start = np.searchsorted(label[order], largest)
    stop = np.searchsorted(label[order], largest, side="right")
    return [
        TopComponent(component, tuple(names[row] for row in order[begin:end].tolist()))
        for component, begin, end in zip(
            largest.tolist(), start.tolist(), stop.tolist(), strict=True
        )
    ]


def _labels(cells: list[str]) -> NDArray[np.int64] | None:
    """The numbers in some cells; None if one is empty or holds something else."""
    try:
        return np.array(list(map(float, cells))).astype(np.int64) if all(cells) else None
    except ValueError:
        return None
