"""An upper bound of cosines from a few principal directions.

Let p be the first k principal numbers of a unit vector and r the norm of the rest. By Cauchy and
Schwarz the cosine of two unit vectors is at most p.p' + r r'. So [p, r] is a unit vector of k + 1
numbers, and the cosines of these short vectors bound those of the long ones from above.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine.vectors import Vectors
from imagededup.utils.parallel import ordered_map

__all__ = ["Screen", "find_directions", "share_of_pairs"]

Descriptors = NDArray[np.float32]
Directions = NDArray[np.float64]

_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_FEWEST_COMPARISONS = 10**8
_SAMPLE = 2048
_SMALL_SAMPLE = 512
_ROWS_AT_ONCE = 1024

# Nanoseconds of one comparison: a matrix product and the scan of it; the exact cosine of a pair.
_COMPARE, _COMPARE_NUMBER = 0.2, 0.0113
_VERIFY, _VERIFY_NUMBER = 60.0, 0.25


@dataclass(frozen=True, slots=True)
class Screen:
    """Unit vectors of float32 whose cosines bound those of other vectors from above.

    Attributes:
        vectors: The vectors that are bounded.
        reduced: float32 of shape (n, k + 1); None where the vectors bound themselves.
    """

    vectors: Vectors
    reduced: Descriptors | None

    @classmethod
    def of(cls, vectors: Vectors, directions: Directions | None, workers: int) -> "Screen":
        """Project vectors; `directions` float64 of shape (d, k), orthonormal, or None."""
        if directions is None:
            return cls(vectors, None)
        reduced = np.empty((len(vectors), directions.shape[1] + 1), np.float32)

        def project(begin: int) -> None:
            end = min(begin + _ROWS_AT_ONCE, len(vectors))
            reduced[begin:end] = _reduced(_unit(vectors, np.arange(begin, end)), directions)

        for _ in ordered_map(project, range(0, len(vectors), _ROWS_AT_ONCE), workers):
            pass
        return cls(vectors, reduced)

    @property
    def width(self) -> int:
        """How many numbers a comparison takes."""
        return self.vectors.dimensions if self.reduced is None else self.reduced.shape[1]

    @property
    def margin(self) -> float:
        """How much rounding may lower a product of two rows in float32, at most.

        The sum of w products of unit vectors is off by at most w units of 2^-24, whatever its
        order (Higham 2002, section 3.1); the rows and the score itself are rounded too. Twice
        that is taken.
        """
        return (self.width + 16) * 2.0**-23

    def block(self, begin: int, end: int) -> Descriptors:
        """Consecutive rows, float32 of shape (end - begin, width)."""
        if self.reduced is None:
            return self.vectors.unit(np.arange(begin, min(end, len(self.vectors))))
        return self.reduced[begin:end]

    def take(self, positions: NDArray[np.int64]) -> Descriptors:
        """Some rows, float32 of shape (k, width)."""
        if self.reduced is None:
            return self.vectors.unit(positions)
        return self.reduced[positions]


def find_directions(
    queries: Vectors, targets: Vectors | None, threshold: float
) -> Directions | None:
    """The principal directions that make the search for cosines of at least `threshold` cheapest.

    They are eigenvectors of the second moment of a sample. Their number is the one with the least
    cost, given how many pairs of the sample each number leaves to be verified.

    Returns:
        float64 of shape (d, k), orthonormal; None where comparing all numbers costs no more.
    """
    dimensions = queries.dimensions
    comparisons = len(queries) * (len(queries) / 2 if targets is None else len(targets))
    if comparisons < _FEWEST_COMPARISONS or dimensions <= _WIDTHS[0]:
        return None
    left, right = _samples(queries, queries if targets is None else targets, _SAMPLE)
    directions = _principal_directions(np.concatenate([left, right]))
    cost = _COMPARE + dimensions * _COMPARE_NUMBER
    best = None
    for width in _WIDTHS:
        if _COMPARE + width * _COMPARE_NUMBER >= cost:
            break
        chosen = directions[:, :width]
        share = _share_of_candidates(_reduced(left, chosen), _reduced(right, chosen), threshold)
        total = _COMPARE + width * _COMPARE_NUMBER
        total += share * (_VERIFY + dimensions * _VERIFY_NUMBER)
        if total < cost:
            best, cost = chosen, total
    return best


def share_of_pairs(queries: Vectors, targets: Vectors | None, threshold: float) -> float:
    """The share of all pairs whose cosine is at least `threshold`, estimated on a sample."""
    left, right = _samples(queries, queries if targets is None else targets, _SMALL_SAMPLE)
    return float(np.mean(left @ right.T >= threshold))


def _samples(queries: Vectors, targets: Vectors, size: int) -> tuple[Directions, Directions]:
    """Unit vectors of both sides, at most `size`; no row twice if both sides are the same."""
    generator = np.random.default_rng(0)
    left = generator.permutation(len(queries))
    right = left[::-1] if targets is queries else generator.permutation(len(targets))
    if targets is queries:
        size = min(size, len(queries) // 2)
    return _unit(queries, left[:size]), _unit(targets, right[:size])


def _unit(vectors: Vectors, positions: NDArray[np.int64]) -> Directions:
    rows = vectors.descriptors[vectors.rows[positions]].astype(np.float64)
    rows /= vectors.norms[positions, None]
    return rows


def _principal_directions(sample: Directions) -> Directions:
    """Eigenvectors of the second moment about 0, by falling eigenvalue, shape (d, at most 512)."""
    from scipy.linalg import eigh

    dimensions = sample.shape[1]
    first = max(dimensions - _WIDTHS[-1], 0)
    moment = sample.T @ sample / len(sample)
    _, vectors = eigh(moment, subset_by_index=[first, dimensions - 1])
    result: Directions = vectors[:, ::-1]
    return result


def _reduced(unit: Directions, directions: Directions) -> Descriptors:
    """[p, r] of unit vectors; r is rather too large than too small."""
    principal = unit @ directions
    rest = np.sqrt(np.maximum(1 - np.einsum("ij,ij->i", principal, principal), 0) + 1e-12)
    return np.column_stack([principal, rest]).astype(np.float32)


def _share_of_candidates(left: Descriptors, right: Descriptors, threshold: float) -> float:
    return float(np.count_nonzero(left @ right.T >= threshold)) / (len(left) * len(right))
