"""Whether pictures that lie on each other are bent against each other.

A copy is moved as a whole. Another photograph of the same thing is seen from elsewhere, its paper
bends, its water moves. So the shift of small cells is sought, as Lucas and Kanade (1981) did, but
for all cells at once as a polynomial of the second degree.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.verification.agreement import Laid, cells
from imagededup.verification.view import CONTRAST_STEPS, View, normalised

__all__ = ["Bend", "bend_of"]

Image = NDArray[np.float32]
Terms = NDArray[np.float64]

_CELL = 16
_MARGIN = 39, 39
_ENOUGH_OF_A_CELL = 0.5
_DEGREES = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
_AFFINE = 3
_FEWEST_CELLS = 18
_FLAT = 1e-3
_UNUSUAL, _LITTLE = 4.0, 0.01
_RIDGE = 1e-3


class Bend(NamedTuple):
    """How far an affine map leaves pictures apart.

    Attributes:
        size: The root mean square of the shifts in pixels, weighted by texture.
        share: The share of what differs between the pictures that the shifts explain, 0 to 1.
    """

    size: float
    share: float


def bend_of(laid: Laid, target: View) -> Bend | None:
    """Find the bend that an affine map leaves; None if too little of the pictures overlaps.

    Args:
        laid: The grey source, laid on the grey target by the map.
        target: The target.
    """
    inside = np.asarray(cv2.erode(laid.inside, np.ones(_MARGIN), borderValue=(0.0,)), np.float32)
    one = _unit(normalised(np.rint(laid.moved).astype(np.uint8)))
    other = _unit(target.normalised)
    difference = other - one
    weight = inside / (1 + 4 * difference * difference)
    across, down = (cv2.Sobel(one + other, -1, *way, ksize=1) / 4 for way in ((1, 0), (0, 1)))
    products = (
        across * across,
        across * down,
        down * down,
        across * difference,
        down * difference,
        difference * difference,
    )
    sums = np.stack([cells(weight * product, _CELL) for product in products])
    seen = _usual_cells(cells(inside, _CELL), sums)
    rows, columns = np.nonzero(seen)
    if len(rows) < _FEWEST_CELLS:
        return None
    xx, xy, yy, x, y, left = sums[:, rows, columns].astype(np.float64)
    side = max(seen.shape) / 2
    powers = [(columns / side - 1) ** i * (rows / side - 1) ** j for i, j in _DEGREES]
    return _bend(np.stack(powers, axis=1), xx, xy, yy, np.stack([x, y]), float(left.sum()))


def _usual_cells(inside: Image, sums: Image) -> NDArray[np.bool_]:
    """Cells that are seen and do not differ far more than most: a caption is no bend."""
    seen = inside > _ENOUGH_OF_A_CELL
    if not seen.any():
        return seen
    apart = sums[5] / (sums[0] + sums[2] + _FLAT)  # squared pixels, if all of it were shifts
    usual: NDArray[np.bool_] = seen & (apart <= _UNUSUAL * np.median(apart[seen]) + _LITTLE)
    return usual


def _bend(terms: Terms, xx: Terms, xy: Terms, yy: Terms, aim: Terms, left: float) -> Bend:
    """What terms of the second degree explain beyond those of the first.

    Args:
        terms: Float64 of shape (cells, 6), those of the first degree first.
        xx: Of shape (cells,); with `xy` and `yy` the normal matrix of the shift of each cell.
        xy: The same.
        yy: The same.
        aim: The right sides of their equations, of shape (2, cells).
        left: The sum of the squared differences.
    """
    affine, by_affine = _shifts(terms[:, :_AFFINE], xx, xy, yy, aim)
    shifts, by_all = _shifts(terms, xx, xy, yy, aim)
    squares = ((shifts - affine) ** 2).sum(axis=0)
    texture = xx + yy
    size = np.sqrt((texture * squares).sum() / max(texture.sum(), 1e-9))
    return Bend(float(size), max(0.0, by_all - by_affine) / max(left - by_affine, 1e-9))


def _shifts(terms: Terms, xx: Terms, xy: Terms, yy: Terms, aim: Terms) -> tuple[Terms, float]:
    """The sums of terms that explain most, of shape (2, cells), and how much they explain."""
    cross = (terms.T * xy) @ terms
    normal = np.block([[(terms.T * xx) @ terms, cross], [cross, (terms.T * yy) @ terms]])
    normal += np.eye(len(normal)) * (_RIDGE * np.trace(normal) / len(normal) + 1e-9)
    sides = (aim @ terms).reshape(-1)
    found = np.linalg.solve(normal, sides)
    return (terms @ found.reshape(2, -1).T).T, float(sides @ found)


def _unit(steps: NDArray[np.int8]) -> NDArray[np.float32]:
    return steps.astype(np.float32) / np.float32(CONTRAST_STEPS)
