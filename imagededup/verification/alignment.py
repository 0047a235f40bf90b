"""Refining a map by the pixels of both pictures.

A Gauss-Newton iteration (Lucas and Kanade 1981; Baker and Matthews 2004) on locally normalised
pixels, with weights that fall where pixels disagree, so that a caption does not pull at the map.
"""

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled
from imagededup.verification.geometry import Map, inverse, plausible
from imagededup.verification.view import CONTRAST_STEPS

__all__ = ["refine"]

Normalised = NDArray[np.int8]

_ITERATIONS = 8
_ROUGH_ITERATIONS = 3
_STILL = 0.02
_UNIT = np.float32(1 / CONTRAST_STEPS)


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


@compiled
def _equations(
    source: Normalised, target: Normalised, back: Map, step: int, reach: float
) -> NDArray[np.float64]:
    """The normal equations of a change of `back`, the map from target to source: (6, 7)."""
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
