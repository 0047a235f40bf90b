"""The distances between features, and the similarities that they are reported as."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.search.cosine.vectors import LANES, Vectors, verified
from imagededup.search.knn.options import Distance
from imagededup.utils.jit import compiled

__all__ = [
    "ROWS_AT_ONCE",
    "SAMPLE_ROWS",
    "Points",
    "costs_between",
    "distances_of",
    "rounding_of",
    "similarity_of",
    "squared_gap",
]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]

ROWS_AT_ONCE = 4096
SAMPLE_ROWS = 4096
_NO_THRESHOLD = -2.0
_PLAIN_EXPONENT = 40


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
    def of(
        cls,
        features: Features,
        rows: Indices,
        distance: Distance,
        workers: int,
        norms: NDArray[np.float64] | None = None,
    ) -> "Points":
        """Choose rows of features; the norms of all of them may be known.

        Raises:
            InvalidValueError: A number is not finite.
        """
        vectors = Vectors.of(features, rows, workers, norms)
        broken = np.flatnonzero(~np.isfinite(vectors.norms))
        if len(broken):
            row = rows[broken[0]]
            kind = "NaN" if np.isnan(features[row]).any() else "infinity"
            raise InvalidValueError(f"features must be finite numbers, row {row} has {kind}")
        if distance.is_angular:
            vectors = replace(vectors, norms=np.where(vectors.norms == 0, 1, vectors.norms))
        return cls(vectors, distance)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def exponent(self) -> int:
        """The power of two by which distances must be divided so that float32 holds squares.

        0 where it holds them anyway, and where lengths do not count.
        """
        peak = float(self.vectors.norms.max(initial=0))
        exponent = int(np.frexp(peak)[1])
        is_plain = self.distance.is_angular or abs(exponent) <= _PLAIN_EXPONENT
        return 0 if is_plain or peak == 0 else exponent

    def divided(self, exponent: int) -> "Points":
        """The points divided by a power of two; a copy of all features unless it is 1."""
        if exponent == 0:
            return self
        descriptors = np.ldexp(self.vectors.descriptors, -exponent)
        norms = np.ldexp(self.vectors.norms, -exponent)
        return replace(self, vectors=replace(self.vectors, descriptors=descriptors, norms=norms))

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


def rounding_of(dimensions: int) -> float:
    """How much two squared distances in float32 may be off together, for vectors of norm 1.

    Twice what rounding comes to at most (Higham 2002, section 3.1).
    """
    return (dimensions + 16) * 2.0**-22


def distances_of(costs: Features, distance: Distance, exponent: int) -> NDArray[np.float64]:
    """The distances, float64, that costs stand for.

    Args:
        costs: What `costs_between` gives.
        distance: Of the points.
        exponent: The power of two that the points were divided by.
    """
    exact = costs.astype(np.float64)
    if distance.is_angular:
        return 1 + exact
    squared = distance is Distance.SQUARED_EUCLIDEAN
    scaled: NDArray[np.float64] = np.ldexp(exact, 2 * exponent if squared else exponent)
    return scaled


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
    lanes = np.empty(LANES)
    for place in range(len(left_rows)):
        sums[place] = squared_gap(left[left_rows[place]], right[right_rows[place]], lanes)
    return sums


@compiled
def squared_gap(a: Features, b: Features, lanes: NDArray[np.float64]) -> float:
    """The squared distance of two features; `lanes` is room for LANES numbers."""
    whole = len(a) - len(a) % LANES
    lanes[:] = 0.0
    for begin in range(0, whole, LANES):
        for lane in range(LANES):
            gap = np.float64(a[begin + lane]) - np.float64(b[begin + lane])
            lanes[lane] += gap * gap
    for number in range(whole, len(a)):
        gap = np.float64(a[number]) - np.float64(b[number])
        lanes[number - whole] += gap * gap
    return float(lanes.sum())


@compiled
def _manhattan(
    left: Features, left_rows: Indices, right: Features, right_rows: Indices
) -> NDArray[np.float64]:
    sums = np.empty(len(left_rows))
    lanes = np.empty(LANES)
    for place in range(len(left_rows)):
        a, b = left[left_rows[place]], right[right_rows[place]]
        whole = len(a) - len(a) % LANES
        lanes[:] = 0.0
        for begin in range(0, whole, LANES):
            for lane in range(LANES):
                lanes[lane] += abs(np.float64(a[begin + lane]) - np.float64(b[begin + lane]))
        for number in range(whole, len(a)):
            lanes[number - whole] += abs(np.float64(a[number]) - np.float64(b[number]))
        sums[place] = lanes.sum()
    return sums
