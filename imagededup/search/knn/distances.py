"""The distances between features, and the similarities that they are reported as."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.search.cosine.vectors import Vectors, verified
from imagededup.search.knn.options import Distance
from imagededup.utils.jit import compiled

__all__ = ["Points", "costs_between", "similarity_of"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]

_LANES = 32
_NO_THRESHOLD = -2.0


def similarity_of(distance_values: NDArray[np.floating], distance: Distance) -> Features:
    """Turn distances into similarities, float32; 1 is identical.

    The cosine distance d is 1 - the cosine, and becomes 1 - d, the cosine itself; every other
    distance d becomes 1 / (1 + d).

    Args:
        distance_values: Floats of any shape, 0 or more.
        distance: What they are.

    Examples:
        >>> similarity_of(np.array([0.0, 3.0]), Distance.EUCLIDEAN).tolist()
        [1.0, 0.25]
    """
    values = np.asarray(distance_values, np.float64)
    similarity = 1 - values if distance.is_angular else 1 / (1 + values)
    return similarity.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Points:
    """Some rows of a matrix of features, none of them twice.

    Attributes:
        vectors: The rows, with their norms; where only angles count, a row that is all 0 has the
            norm 1, so that its cosine with others is 0.
        distance: How far apart they are.
    """

    vectors: Vectors
    distance: Distance

    @classmethod
    def of(cls, features: Features, rows: Indices, distance: Distance, workers: int) -> "Points":
        """Choose rows of features.

        Raises:
            InvalidValueError: A number is not finite.
        """
        vectors = Vectors.of(features, rows, workers)
        broken = np.flatnonzero(~np.isfinite(vectors.norms))
        if len(broken):
            raise InvalidValueError(
                f"features must be finite numbers, row {rows[broken[0]]} has others"
            )
        if distance.is_angular:
            vectors = replace(vectors, norms=np.where(vectors.norms == 0, 1, vectors.norms))
        return cls(vectors, distance)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def dimensions(self) -> int:
        """The length of a feature."""
        return self.vectors.dimensions

    def take(self, positions: Indices) -> Features:
        """Some of the points, of norm 1 if only angles count; float32 of shape (k, d)."""
        if self.distance.is_angular:
            return self.vectors.unit(positions)
        return np.ascontiguousarray(self.vectors.descriptors[self.vectors.rows[positions]])

    def block(self, begin: int, end: int) -> Features:
        """Consecutive points, as `take` gives them."""
        return self.take(np.arange(begin, min(end, len(self))))

    def sample(self, size: int) -> Features:
        """At most `size` points, evenly spread over all."""
        count = min(size, len(self))
        return self.take(np.linspace(0, len(self) - 1, count).astype(np.int64))


def costs_between(left: Points, i: Indices, right: Points, j: Indices) -> Features:
    """What candidates are ranked by, the lowest first: the distance, or minus the cosine.

    Computed in float64 from the features themselves, and rounded to float32.

    Args:
        left: n points.
        i: Points of `left`, int64 of shape (k,).
        right: m points.
        j: Points of `right`, int64 of shape (k,).
    """
    a, b = left.vectors, right.vectors
    if left.distance.is_angular:
        return -verified(a, b, (i, j), _NO_THRESHOLD).score.astype(np.float32)
    rows = a.rows[i], b.rows[j]
    if left.distance is Distance.MANHATTAN:
        return _manhattan(a.descriptors, rows[0], b.descriptors, rows[1]).astype(np.float32)
    squared = _squared_euclidean(a.descriptors, rows[0], b.descriptors, rows[1])
    if left.distance is Distance.EUCLIDEAN:
        squared = np.sqrt(squared)
    return squared.astype(np.float32)


@compiled
def _squared_euclidean(
    left: Features, left_rows: Indices, right: Features, right_rows: Indices
) -> NDArray[np.float64]:
    sums = np.empty(len(left_rows))
    lanes = np.empty(_LANES)
    for place in range(len(left_rows)):
        a, b = left[left_rows[place]], right[right_rows[place]]
        whole = len(a) - len(a) % _LANES
        lanes[:] = 0.0
        for begin in range(0, whole, _LANES):
            for lane in range(_LANES):
                gap = np.float64(a[begin + lane]) - np.float64(b[begin + lane])
                lanes[lane] += gap * gap
        for number in range(whole, len(a)):
            gap = np.float64(a[number]) - np.float64(b[number])
            lanes[number - whole] += gap * gap
        sums[place] = lanes.sum()
    return sums


@compiled
def _manhattan(
    left: Features, left_rows: Indices, right: Features, right_rows: Indices
) -> NDArray[np.float64]:
    sums = np.empty(len(left_rows))
    lanes = np.empty(_LANES)
    for place in range(len(left_rows)):
        a, b = left[left_rows[place]], right[right_rows[place]]
        whole = len(a) - len(a) % _LANES
        lanes[:] = 0.0
        for begin in range(0, whole, _LANES):
            for lane in range(_LANES):
                lanes[lane] += abs(np.float64(a[begin + lane]) - np.float64(b[begin + lane]))
        for number in range(whole, len(a)):
            lanes[number - whole] += abs(np.float64(a[number]) - np.float64(b[number]))
        sums[place] = lanes.sum()
    return sums
