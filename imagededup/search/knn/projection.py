"""The principal numbers of points, which rank near points nearly as all their numbers do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.distances import ROWS_AT_ONCE, SAMPLE_ROWS, Points
from imagededup.search.knn.options import Distance
from imagededup.utils.parallel import ordered_map

__all__ = ["Projection"]

Features = NDArray[np.float32]

_WIDTHS = (64, 96, 128)
_ENERGY = 0.85


@dataclass(frozen=True, slots=True)
class Projection:
    """The principal numbers of points.

    Attributes:
        mean: What lies in the middle of the points, float32 of shape (d,).
        directions: float32 of shape (d, w), orthonormal.
    """

    mean: Features
    directions: Features

    @classmethod
    def of(cls, points: Points) -> "Projection | None":
        """As few directions as keep most of the variance; None where few do not.

        Points of few numbers keep them all.
        """
        if points.distance is Distance.MANHATTAN:
            return None
        sample = points.sample(SAMPLE_ROWS).astype(np.float64)
        if points.dimensions <= _WIDTHS[-1]:
            middle = np.median(sample, axis=0)  # wherever a few far ones lie
            return cls(middle.astype(np.float32), np.eye(points.dimensions, dtype=np.float32))
        mean = sample.mean(axis=0)
        variance, directions = np.linalg.eigh(np.cov(sample.T))
        share = np.cumsum(variance[::-1]) / max(float(variance.sum()), 1e-30)
        for width in _WIDTHS:
            if share[width - 1] >= _ENERGY:
                chosen = directions[:, ::-1][:, :width]
                return cls(mean.astype(np.float32), chosen.astype(np.float32))
        return None

    @property
    def width(self) -> int:
        """How many numbers are left of a point."""
        return int(self.directions.shape[1])

    def apply(self, vectors: Features) -> Features:
        """The principal numbers of vectors, float32 of shape (k, w)."""
        return np.ascontiguousarray((vectors - self.mean) @ self.directions)

    def apply_to_all(self, points: Points, workers: int) -> Features:
        """The principal numbers of all points, float32 of shape (n, w)."""
        shortened = np.empty((len(points), self.width), np.float32)

        def shorten(begin: int) -> None:
            shortened[begin : begin + ROWS_AT_ONCE] = self.apply(
                points.block(begin, begin + ROWS_AT_ONCE)
            )

        for _ in ordered_map(shorten, range(0, len(points), ROWS_AT_ONCE), workers):
            pass
        return shortened
