"""A verdict as it is seen from the other picture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import orientation
from imagededup.images.opening import opened
from imagededup.verification.verdict import Affine, Box, Verdict

__all__ = ["swapped", "swapped_files", "swapped_rows"]

Size = tuple[int, int]


def swapped_rows(rows: NDArray[Any]) -> NDArray[Any]:
    """Rows of `Verdicts` with left and right exchanged.

    The regions become NaN: to place them in the other picture takes the sizes of both.
    """
    result = rows.copy()
    matrices = rows["matrix"].astype(np.float64)
    linear, shift = matrices[:, :, :2], matrices[:, :, 2]
    with np.errstate(invalid="ignore"):
        usable: NDArray[np.bool_] = np.abs(np.linalg.det(linear)) > 0  # not of NaN
    inverse = np.linalg.inv(linear[usable])
    result["matrix"] = np.nan
    result["matrix"][usable] = np.concatenate(
        [inverse, -inverse @ shift[usable][:, :, None]], axis=2
    )
    back = np.where(rows["mirrored"], rows["rotation"], -rows["rotation"])
    result["rotation"] = back + np.float32(0)  # no minus zero
    result["scale"] = np.divide(1, rows["scale"], out=np.zeros(len(rows), np.float32),
                                where=rows["scale"] != 0)  # fmt: skip
    result["left_covered"], result["right_covered"] = rows["right_covered"], rows["left_covered"]
    result["region"] = np.nan
    return result


def swapped(verdict: Verdict, left: Size | None = None, right: Size | None = None) -> Verdict:
    """A verdict with left and right exchanged.

    Args:
        verdict: What is said of the two pictures.
        left: Width and height of its left picture.
        right: Width and height of its right picture. Without sizes the region becomes None.
    """
    linear, matrix = np.eye(2), None
    if verdict.matrix is not None:
        linear = np.array(verdict.matrix)[:, :2]
    if verdict.matrix is not None and np.linalg.det(linear):
        inverse = np.linalg.inv(linear)
        shift = -inverse @ np.array(verdict.matrix)[:, 2]
        (a, b), (c, d) = inverse.tolist()
        matrix = (a, b, float(shift[0])), (c, d, float(shift[1]))
    return replace(
        verdict,
        matrix=matrix,
        rotation=verdict.rotation if verdict.mirrored else 0.0 - verdict.rotation,
        scale=1 / verdict.scale if verdict.scale else 0.0,
        left_covered=verdict.right_covered,
        right_covered=verdict.left_covered,
        region=_moved(verdict.region, matrix, right, left),
    )


def swapped_files(verdict: Verdict, left: Path, right: Path) -> Verdict:
    """A verdict with left and right exchanged; the sizes are looked up where they are needed.

    Args:
        verdict: What is said of the two pictures.
        left: The file of its left picture.
        right: The file of its right picture. If either is gone, the region is None.
    """
    try:
        sizes = [
            (1, 1) if verdict.region is None else _upright_size(path) for path in (left, right)
        ]
    except UnreadableImageError:
        verdict, sizes = replace(verdict, region=None), [(1, 1), (1, 1)]
    return swapped(verdict, *sizes)


def _upright_size(path: Path) -> Size:
    with opened(path) as (image, _):
        width, height = image.size
        return (height, width) if orientation(image) in range(5, 9) else (width, height)


def _moved(
    region: Box | None, matrix: Affine | None, source: Size | None, target: Size | None
) -> Box | None:
    """The box around a box of one picture in another one."""
    if region is None or matrix is None or source is None or target is None:
        return None
    left, top, right, bottom = np.array(region) * (*source, *source)
    corners = np.array([(x, y, 1) for x in (left, right) for y in (top, bottom)])
    places = corners @ np.array(matrix).T / target
    low, high = places.min(axis=0).clip(0, 1), places.max(axis=0).clip(0, 1)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
