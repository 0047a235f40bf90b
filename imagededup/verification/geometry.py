"""Maps that lay one picture on another, from their local features.

Descriptors are matched both ways (Lowe 2004, root form of Arandjelović and Zisserman 2012). Each
match gives a similarity by the place, size and orientation of its two keypoints; the one that most
other matches agree with is refined to an affine map. A mirrored picture has the same keypoints with
the entries of their descriptors in another order, so that it need not be looked at again.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled
from imagededup.verification.view import QUARTERS, View

__all__ = [
    "Fit",
    "Map",
    "Size",
    "fit_features",
    "fit_frames",
    "inverse",
    "mirrors",
    "plausible",
    "scale_of",
    "scaled_to",
    "size_of",
]

Map = NDArray[np.float64]
Size = tuple[int, int]
Keypoints = NDArray[np.float32]
Descriptors = NDArray[np.uint8]

_NEARER_THAN_SECOND = np.float32(0.92)
_LEAST_INLIERS = 4
_LEAST_ALIKE = 0.8
_PLAUSIBLE = 0.1, 10.0, 3.0

_MIRRORED_SQUARE: Map = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
_TURNED_SQUARE: Map = np.array([[0.0, 1, 0], [-1, 0, 1], [0, 0, 1]])

_BINS = np.arange(128).reshape(4, 4, 8)
_MIRROR = np.ascontiguousarray(_BINS[::-1][:, :, (-np.arange(8)) % 8].reshape(-1))
"""The order of a SIFT descriptor's entries in the mirrored picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A map that is proposed.

    Attributes:
        matrix: The affine map from the grey pixels of the left picture to those of the right one,
            float64 of shape (2, 3).
        inliers: How many matches of local features agree with it; 0 where the whole pictures do.
        mirrored: Whether the map mirrors.
    """

    matrix: Map
    inliers: int
    mirrored: bool


def fit_features(left: View, right: View, mirrored: bool) -> Fit | None:
    """The map from left to right that the local features propose; None if there is none."""
    begin, end = left.features, right.features
    if min(len(begin.keypoints), len(end.keypoints)) < _LEAST_INLIERS:
        return None
    descriptors = end.descriptors[:, _MIRROR] if mirrored else end.descriptors
    matched = _match(begin.descriptors, descriptors)
    if len(matched) < _LEAST_INLIERS:
        return None
    starts, ends = begin.keypoints[matched[:, 0]], end.keypoints[matched[:, 1]]
    last = right.grey.shape[1] - 1
    if mirrored:
        ends[:, 0] = last - ends[:, 0]
        ends[:, 3] = np.pi - ends[:, 3]
    matrix, inliers = _vote(starts, ends)
    if inliers < _LEAST_INLIERS or not plausible(matrix) or mirrors(matrix):
        return None
    if mirrored:
        matrix[0] *= -1
        matrix[0, 2] += last
    return Fit(matrix, int(inliers), mirrored)


def fit_frames(left: View, right: View) -> Fit | None:
    """The map that lays the frames on each other, in the best of eight orientations.

    None if the thumbnails are not alike in any of them.
    """
    alike = left.orientations @ right.orientations[0]
    best = int(np.argmax(alike))
    if alike[best] < _LEAST_ALIKE:
        return None
    mirrored, turns = divmod(best, QUARTERS)
    matrix = _frame_map(size_of(left.grey), size_of(right.grey), turns, bool(mirrored))
    return Fit(matrix, 0, bool(mirrored))


def size_of(pixels: NDArray[np.uint8]) -> Size:
    """Width and height of a picture given as an array."""
    return pixels.shape[1], pixels.shape[0]


def _frame_map(of: Size, to: Size, turns: int, mirrored: bool) -> Map:
    """The map of a frame on another, after a mirror and quarter turns to the left."""
    steps: list[Map] = [_between_squares(of, (1, 1), 0.5, 0.0)]
    steps += [_MIRRORED_SQUARE] * mirrored + [_TURNED_SQUARE] * turns
    steps.append(_between_squares((1, 1), to, 0.0, 0.5))
    matrix: Map = np.eye(3)
    for step in steps:
        matrix = step @ matrix
    return matrix[:2]


def _between_squares(of: Size, to: Size, before: float, after: float) -> Map:
    """How coordinates change between frames, with half a pixel added before or taken after."""
    x, y = to[0] / of[0], to[1] / of[1]
    return np.array(
        [[x, 0.0, x * before - after], [0.0, y, y * before - after], [0.0, 0.0, 1.0]], np.float64
    )


def inverse(matrix: Map) -> Map:
    """The map in the other direction."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def mirrors(matrix: Map) -> bool:
    """Whether a map turns a picture into its mirror image."""
    return bool(np.linalg.det(matrix[:, :2]) < 0)


def scale_of(matrix: Map) -> float:
    """Length after a map by length before it."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def plausible(matrix: Map) -> bool:
    """Whether a map neither shrinks, enlarges nor stretches beyond what edits do."""
    if not np.isfinite(matrix).all():
        return False
    high, low = np.linalg.svd(matrix[:, :2], compute_uv=False)
    least, most, stretch = _PLAUSIBLE
    return bool(low >= least and high <= most and high <= stretch * low)


def scaled_to(
    matrix: Map,
    of: tuple[Size, Size],
    to: tuple[Size, Size],
) -> Map:
    """The same map between pictures of other sizes.

    Args:
        matrix: The map between two pictures.
        of: Their sizes (width, height).
        to: The sizes that they have instead.
    """
    full: Map = np.vstack([matrix, np.array([[0.0, 0.0, 1.0]])])
    before = _between_squares(to[0], of[0], 0.5, 0.5)
    scaled: Map = _between_squares(of[1], to[1], 0.5, 0.5) @ full @ before
    return scaled[:2]


def _match(left: Descriptors, right: Descriptors) -> NDArray[np.int64]:
    """Rows that are each other's nearest, and clearly nearer than the second, int64 (m, 2)."""
    return _mutual(left.astype(np.float32) @ right.astype(np.float32).T)


@compiled
def _mutual(products: NDArray[np.float32]) -> NDArray[np.int64]:
    """The same from the products of all descriptors, float32 of shape (left, right)."""
    rows, columns = products.shape
    best_row = np.zeros(columns, np.int64)
    best_of_column = np.full(columns, -1.0, np.float32)
    best = np.zeros(rows, np.int64)
    first = np.zeros(rows, np.float32)
    second = np.zeros(rows, np.float32)
    for row in range(rows):
        high, next_high, place = np.float32(-1), np.float32(-1), 0
        for column in range(columns):
            value = products[row, column]
            if value > high:
                next_high, high, place = high, value, column
            elif value > next_high:
                next_high = value
            if value > best_of_column[column]:
                best_of_column[column] = value
                best_row[column] = row
        best[row], first[row], second[row] = place, high, next_high
    found = np.empty((rows, 2), np.int64)
    count = 0
    unit = np.float32(255 * 255)
    for row in range(rows):
        distance, next_distance = unit - first[row], unit - second[row]
        if best_row[best[row]] == row and distance < _NEARER_THAN_SECOND * next_distance:
            found[count, 0], found[count, 1] = row, best[row]
            count += 1
    return found[:count]


@compiled
def _vote(  # noqa: C901
    begin: Keypoints, end: Keypoints
) -> tuple[Map, int]:
    """The affine map that most matches agree with, and how many do."""
    count = len(begin)
    log_scale = np.log(end[:, 2] / begin[:, 2])
    turn = end[:, 3] - begin[:, 3]
    most = 0
    chosen = np.zeros(count, np.bool_)
    for leader in range(count):
        scale = np.exp(log_scale[leader])
        cosine, sine = scale * np.cos(turn[leader]), scale * np.sin(turn[leader])
        limit = (10.0 * min(1.0, max(scale, 0.3))) ** 2
        agree = np.zeros(count, np.bool_)
        votes = 0
        for other in range(count):
            if abs(log_scale[other] - log_scale[leader]) > 0.6:
                continue
            if np.cos(turn[other] - turn[leader]) < 0.86:
                continue
            x, y = begin[other, 0] - begin[leader, 0], begin[other, 1] - begin[leader, 1]
            right = end[leader, 0] + cosine * x - sine * y - end[other, 0]
            down = end[leader, 1] + sine * x + cosine * y - end[other, 1]
            if right * right + down * down < limit:
                agree[other] = True
                votes += 1
        if votes > most:
            most = votes
            chosen = agree
    matrix = np.zeros((2, 3))
    if most < 3:
        return matrix, most
    for tolerance in (8.0, 5.0, 3.5, 3.0):
        matrix = _affine(begin, end, chosen) if most >= 6 else _similarity(begin, end, chosen)
        scale = np.sqrt(abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]))
        limit = (tolerance * min(1.0, max(scale, 0.3))) ** 2
        most = 0
        for other in range(count):
            right = matrix[0, 0] * begin[other, 0] + matrix[0, 1] * begin[other, 1] + matrix[0, 2]
            down = matrix[1, 0] * begin[other, 0] + matrix[1, 1] * begin[other, 1] + matrix[1, 2]
            chosen[other] = (right - end[other, 0]) ** 2 + (down - end[other, 1]) ** 2 < limit
            most += chosen[other]
        if most < 3:
            break
    return matrix, most


@compiled
def _similarity(begin: Keypoints, end: Keypoints, chosen: NDArray[np.bool_]) -> Map:
    """The similarity nearest to the chosen matches in the least squares."""
    number = 0
    mean = np.zeros(4)
    for row in range(len(begin)):
        if chosen[row]:
            number += 1
            mean[0] += begin[row, 0]
            mean[1] += begin[row, 1]
            mean[2] += end[row, 0]
            mean[3] += end[row, 1]
    mean /= number
    along, across, spread = 0.0, 0.0, 1e-9
    for row in range(len(begin)):
        if chosen[row]:
            x, y = begin[row, 0] - mean[0], begin[row, 1] - mean[1]
            u, v = end[row, 0] - mean[2], end[row, 1] - mean[3]
            along += x * u + y * v
            across += x * v - y * u
            spread += x * x + y * y
    a, b = along / spread, across / spread
    matrix = np.empty((2, 3))
    matrix[0, 0], matrix[0, 1] = a, -b
    matrix[1, 0], matrix[1, 1] = b, a
    matrix[0, 2] = mean[2] - a * mean[0] + b * mean[1]
    matrix[1, 2] = mean[3] - b * mean[0] - a * mean[1]
    return matrix


@compiled
def _affine(begin: Keypoints, end: Keypoints, chosen: NDArray[np.bool_]) -> Map:
    """The affine map nearest to the chosen matches in the least squares."""
    equations = np.zeros((3, 5))
    point = np.ones(3)
    for row in range(len(begin)):
        if chosen[row]:
            point[0], point[1] = begin[row, 0], begin[row, 1]
            for i in range(3):
                for j in range(3):
                    equations[i, j] += point[i] * point[j]
                equations[i, 3] += point[i] * end[row, 0]
                equations[i, 4] += point[i] * end[row, 1]
    equations[0, 0] += 1e-3
    equations[1, 1] += 1e-3
    return _solved(equations)


@compiled
def _solved(equations: NDArray[np.float64]) -> Map:
    """The map whose normal equations, float64 of shape (3, 5), these are; they are changed.

    By Gauss and Jordan: numpy's solver takes seconds to compile.
    """
    for pivot in range(3):
        for row in range(3):
            if row != pivot:
                factor = equations[row, pivot] / equations[pivot, pivot]
                for column in range(pivot, 5):
                    equations[row, column] -= factor * equations[pivot, column]
    matrix = np.empty((2, 3))
    for i in range(3):
        matrix[0, i] = equations[i, 3] / equations[i, i]
        matrix[1, i] = equations[i, 4] / equations[i, i]
    return matrix
