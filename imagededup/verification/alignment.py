"""Refining a map by the pixels of both pictures, and seeing whether an affine map is enough.

A Gauss-Newton iteration (Lucas and Kanade 1981; Baker and Matthews 2004) on locally normalised
pixels, with weights that fall where pixels disagree, so that a caption does not pull at the map.
"""

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled
from imagededup.verification.geometry import Map, inverse, plausible
from imagededup.verification.view import CONTRAST_STEPS

__all__ = ["bend_of", "refine"]

Normalised = NDArray[np.int8]

_ITERATIONS = 8
_ROUGH_ITERATIONS = 3
_STILL = 0.02
_UNIT = np.float32(1 / CONTRAST_STEPS)

_CELL = 16
_MARGIN = 16
_SHIFT_STEP = 2
_ENOUGH_OF_A_CELL = 0.8
_DEGREES = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
_FEWEST_CELLS = 18
_RIDGE = 1e-3


def refine(source: Normalised, target: Normalised, matrix: Map, step: int = 3) -> Map:
    """A better map from source to target; the same one where there is no way to a better one.

    Args:
        source: The normalised picture, int8 of shape (h, w).
        target: The same of the other.
        matrix: The affine map from pixels of the source to pixels of the target, of shape (2, 3).
        step: Every how many pixels of the target are taken.
    """
    back = np.ascontiguousarray(inverse(matrix))
    reach = max(target.shape) / 2
    for iteration in range(_ITERATIONS):
        sums = _equations(source, target, back, step + (iteration < _ROUGH_ITERATIONS), reach)
        normal, side = sums[:, :6], sums[:, 6]
        normal += np.diag(normal.diagonal() * 1e-3 + 1)
        change = np.linalg.solve(normal, side)
        back += change.reshape(2, 3) / (reach, reach, 1)
        if np.abs(change).max() < _STILL:
            break
    return inverse(back) if plausible(back) else matrix


def bend_of(source: Normalised, target: Normalised, matrix: Map) -> float | None:
    """How far an affine map leaves pixels apart: what a map of the second degree adds to it.

    A copy is moved as a whole. Another photograph of the same thing is seen from elsewhere, its
    paper bends, its water moves.

    Args:
        source: The normalised picture, int8 of shape (h, w).
        target: The same of the other.
        matrix: The affine map from pixels of the source to pixels of the target, of shape (2, 3).

    Returns:
        The root mean square in pixels of the target, weighted by texture; None if too little of
        the pictures overlaps.
    """
    back = np.ascontiguousarray(inverse(matrix))
    sums = _shifts(source, target, back, _CELL, _MARGIN, _SHIFT_STEP)
    rows, columns = np.nonzero(sums[:, :, 5] > _ENOUGH_OF_A_CELL * (_CELL / _SHIFT_STEP) ** 2)
    if len(rows) < _FEWEST_CELLS:
        return None
    xx, xy, yy, x, y = np.moveaxis(sums[rows, columns, :5], 1, 0)
    side = max(sums.shape[:2]) / 2
    powers = [(columns / side - 1) ** i * (rows / side - 1) ** j for i, j in _DEGREES]
    terms = np.stack(powers, axis=1)
    cross = (terms.T * xy) @ terms
    normal = np.block([[(terms.T * xx) @ terms, cross], [cross, (terms.T * yy) @ terms]])
    normal += np.eye(len(normal)) * (_RIDGE * np.trace(normal) / len(normal) + 1e-9)
    across, down = np.linalg.solve(normal, np.concatenate([terms.T @ x, terms.T @ y])).reshape(2, -1)
    texture = xx + yy
    squares = (terms @ across) ** 2 + (terms @ down) ** 2
    return float(np.sqrt((texture * squares).sum() / max(texture.sum(), 1e-9)))


@compiled
def _equations(
    source: Normalised, target: Normalised, back: Map, step: int, reach: float
) -> NDArray[np.float64]:
    """The normal equations of a change of `back`, the map from target to source, of shape (6, 7)."""
    height, width = target.shape
    source_height, source_width = source.shape
    sums = np.zeros((6, 7))
    terms = np.empty(7)
    for row in range(2, height - 2, step):
        for column in range(2, width - 2, step):
            x = back[0, 0] * column + back[0, 1] * row + back[0, 2]
            y = back[1, 0] * column + back[1, 1] * row + back[1, 2]
            if x < 1 or y < 1 or x >= source_width - 2 or y >= source_height - 2:
                continue
            left, top = int(x), int(y)
            a, b = np.float32(x - left), np.float32(y - top)
            p, q = _UNIT * source[top, left], _UNIT * source[top, left + 1]
            r, s = _UNIT * source[top + 1, left], _UNIT * source[top + 1, left + 1]
            value = (1 - b) * ((1 - a) * p + a * q) + b * ((1 - a) * r + a * s)
            along = (1 - b) * (q - p) + b * (s - r)
            across = (1 - a) * (r - p) + a * (s - q)
            difference = _UNIT * target[row, column] - value
            weight = 1.0 / (1.0 + 4.0 * difference * difference)
            u, v = column / reach, row / reach
            terms[0], terms[1], terms[2] = along * u, along * v, along
            terms[3], terms[4], terms[5] = across * u, across * v, across
            terms[6] = difference
            for i in range(6):
                for j in range(i, 7):
                    sums[i, j] += weight * terms[i] * terms[j]
    for i in range(6):
        for j in range(i):
            sums[i, j] = sums[j, i]
    return sums


@compiled
def _shifts(
    source: Normalised, target: Normalised, back: Map, cell: int, margin: int, step: int
) -> NDArray[np.float64]:
    """The normal equations of a shift of each cell of the target, and its pixels, (h, w, 6)."""
    height, width = target.shape
    source_height, source_width = source.shape
    sums = np.zeros((height // cell, width // cell, 6))
    for row in range(margin, min(height - margin, height // cell * cell), step):
        for column in range(margin, min(width - margin, width // cell * cell), step):
            x = back[0, 0] * column + back[0, 1] * row + back[0, 2]
            y = back[1, 0] * column + back[1, 1] * row + back[1, 2]
            if not (margin <= x < source_width - margin and margin <= y < source_height - margin):
                continue
            left, top = int(x), int(y)
            a, b = np.float32(x - left), np.float32(y - top)
            p, q = _UNIT * source[top, left], _UNIT * source[top, left + 1]
            r, s = _UNIT * source[top + 1, left], _UNIT * source[top + 1, left + 1]
            value = (1 - b) * ((1 - a) * p + a * q) + b * ((1 - a) * r + a * s)
            difference = _UNIT * target[row, column] - value
            along = 0.5 * _UNIT * (np.float32(target[row, column + 1]) - target[row, column - 1])
            down = 0.5 * _UNIT * (np.float32(target[row + 1, column]) - target[row - 1, column])
            weight = 1.0 / (1.0 + 4.0 * difference * difference)
            place = sums[row // cell, column // cell]
            place[0] += weight * along * along
            place[1] += weight * along * down
            place[2] += weight * down * down
            place[3] += weight * along * difference
            place[4] += weight * down * difference
            place[5] += 1
    return sums
