"""Refining a map by the pixels of both pictures.

A Gauss-Newton iteration (Lucas and Kanade 1981; Baker and Matthews 2004) on locally normalised
pixels, with weights that fall where pixels disagree, so that a caption does not pull at the map.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled
from imagededup.verification.geometry import Map, inverse, plausible

__all__ = ["refine"]

_WINDOW = 31, 31
_BLUR = 1.5
_NOISE = 6.0
_ITERATIONS = 8


def refine(source: NDArray[np.uint8], target: NDArray[np.uint8], matrix: Map, step: int = 2) -> Map:
    """A better map from source to target; the same one where there is no way to a better one.

    Args:
        source: uint8 of shape (h, w).
        target: uint8 of shape (h, w).
        matrix: The affine map from pixels of the source to pixels of the target, of shape (2, 3).
        step: Every how many pixels of the target are taken.
    """
    start = np.ascontiguousarray(inverse(matrix))
    back = _gauss_newton(_normalised(source), _normalised(target), start, step, _ITERATIONS)
    if not plausible(back):
        return matrix
    return inverse(back)


def _normalised(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Pixels without the mean and the contrast around them."""
    pixels = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _BLUR)
    mean = cv2.boxFilter(pixels, -1, _WINDOW)
    variance = cv2.boxFilter(pixels * pixels, -1, _WINDOW) - mean * mean
    return np.asarray((pixels - mean) / (np.sqrt(np.maximum(variance, 0)) + _NOISE), np.float32)


@compiled
def _gauss_newton(  # noqa: C901
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    back: Map,
    step: int,
    iterations: int,
) -> Map:
    """Refine `back`, the map from target to source."""
    height, width = target.shape
    source_height, source_width = source.shape
    reach = max(height, width) / 2.0
    result = back.copy()
    jacobian = np.empty(6)
    for iteration in range(iterations):
        stride = step + 1 if iteration < 3 else step
        normal = np.zeros((6, 6))
        side = np.zeros(6)
        for row in range(2, height - 2, stride):
            for column in range(2, width - 2, stride):
                x = result[0, 0] * column + result[0, 1] * row + result[0, 2]
                y = result[1, 0] * column + result[1, 1] * row + result[1, 2]
                if x < 1 or y < 1 or x >= source_width - 2 or y >= source_height - 2:
                    continue
                left, top = int(x), int(y)
                a, b = x - left, y - top
                p, q = source[top, left], source[top, left + 1]
                r, s = source[top + 1, left], source[top + 1, left + 1]
                value = (1 - b) * ((1 - a) * p + a * q) + b * ((1 - a) * r + a * s)
                along = (1 - b) * (q - p) + b * (s - r)
                across = (1 - a) * (r - p) + a * (s - q)
                difference = target[row, column] - value
                weight = 1.0 / (1.0 + 4.0 * difference * difference)
                u, v = column / reach, row / reach
                jacobian[0], jacobian[1], jacobian[2] = along * u, along * v, along
                jacobian[3], jacobian[4], jacobian[5] = across * u, across * v, across
                for i in range(6):
                    side[i] += weight * jacobian[i] * difference
                    for j in range(i, 6):
                        normal[i, j] += weight * jacobian[i] * jacobian[j]
        for i in range(6):
            for j in range(i):
                normal[i, j] = normal[j, i]
            normal[i, i] = normal[i, i] * 1.001 + 1.0
        change = np.linalg.solve(normal, side)
        for i in range(2):
            result[i, 0] += change[3 * i] / reach
            result[i, 1] += change[3 * i + 1] / reach
            result[i, 2] += change[3 * i + 2]
        if np.abs(change).max() < 0.02:
            break
    return result
