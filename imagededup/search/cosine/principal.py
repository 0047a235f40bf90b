"""An upper bound of cosines from a few principal directions.

Let p be the first k principal numbers of a unit vector and r the norm of the rest. By Cauchy and
Schwarz the cosine of two unit vectors is at most p.p' + r r'. So [p, r] is a unit vector of k + 1
numbers, and the cosines of these short vectors bound those of the long ones from above.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine.vectors import Vectors
from imagededup.utils.parallel import ordered_map

__all__ = ["Screen", "find_directions", "share_of_pairs"]

Descriptors = NDArray[np.float32]
Directions = NDArray[np.float64]

_WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
_FEWEST_COMPARISONS = 10**7
_MANY_COMPARISONS = 10**9
_SAMPLE = 2048
_SMALL_SAMPLE = 512
_SMALL_WIDTH = 128
_NUMBERS_AT_ONCE = 1 << 20

# Nanoseconds of one comparison: a matrix product and the scan of it; the exact cosine of a pair,
# for which few vectors are not worth compiling.
_COMPARE, _COMPARE_NUMBER = 0.2, 0.0113
_VERIFY, _VERIFY_NUMBER, _VERIFY_NUMBER_BY_NUMPY = 60.0, 0.25, 2.0


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
        rows = max(_NUMBERS_AT_ONCE // vectors.dimensions, 1)

        def project(begin: int) -> None:
            end = min(begin + rows, len(vectors))
            reduced[begin:end] = _short(_unit(vectors, np.arange(begin, end)) @ directions)

        for _ in ordered_map(project, range(0, len(vectors), rows), workers):
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

    They are those of a sample. Their number is the one with the least cost, given how many pairs of
    another sample each number leaves to be verified.

    Returns:
        float64 of shape (d, k), orthonormal; None where comparing all numbers costs no more.
    """
    dimensions = queries.dimensions
    comparisons = len(queries) * (len(queries) / 2 if targets is None else len(targets))
    if comparisons < _FEWEST_COMPARISONS or dimensions <= _WIDTHS[0]:
        return None
    many = comparisons >= _MANY_COMPARISONS
    size, most = (_SAMPLE, _WIDTHS[-1]) if many else (_SMALL_SAMPLE, _SMALL_WIDTH)
    verify = _VERIFY + dimensions * (_VERIFY_NUMBER if many else _VERIFY_NUMBER_BY_NUMPY)
    sampled = _samples(queries, queries if targets is None else targets, 2 * size)
    seen = [rows[: (len(rows) + 1) // 2] for rows in sampled]
    directions = _principal_directions(np.concatenate(seen), most)
    left, right = (rows[len(rows) // 2 :] @ directions for rows in sampled)
    cost = _COMPARE + dimensions * _COMPARE_NUMBER
    best = None
    for width in _WIDTHS[: _WIDTHS.index(most) + 1]:
        if _COMPARE + width * _COMPARE_NUMBER >= cost:
            break
        share = _share_above(_short(left[:, :width]), _short(right[:, :width]), threshold)
        total = _COMPARE + width * _COMPARE_NUMBER
        total += share * verify
        if total < cost:
            best, cost = directions[:, :width], total
    return best


def share_of_pairs(queries: Vectors, targets: Vectors | None, threshold: float) -> float:
    """The share of all pairs whose cosine is at least `threshold`, estimated on a sample."""
    left, right = _samples(queries, queries if targets is None else targets, _SMALL_SAMPLE)
    return _share_above(left, right, threshold)


def _samples(queries: Vectors, targets: Vectors, size: int) -> tuple[Directions, Directions]:
    """Unit vectors of both sides, at most `size`; no row twice if both sides are the same."""
    generator = Random(0)
    if targets is queries:
        both = _some(generator, queries, 2 * size)
        half = len(both) // 2
        return both[:half], both[half : 2 * half]
    return _some(generator, queries, size), _some(generator, targets, size)


def _some(generator: Random, vectors: Vectors, size: int) -> Directions:
    positions = generator.sample(range(len(vectors)), min(size, len(vectors)))
    return _unit(vectors, np.array(positions, np.int64))


def _unit(vectors: Vectors, positions: NDArray[np.int64]) -> Directions:
    rows = vectors.descriptors[vectors.rows[positions]].astype(np.float64)
    rows /= vectors.norms[positions, None]
    return rows


def _principal_directions(sample: Directions, count: int) -> Directions:
    """Directions of the largest second moment about 0, largest first; any basis bounds cosines.

    By subspace iteration from rows of the sample (Halko, Martinsson and Tropp 2011, section 4.5),
    which takes a fraction of the time of all eigenvectors.

    Returns:
        float64 of shape (d, at most count), orthonormal.
    """
    times_moment = _times_moment(sample)
    basis = np.linalg.qr(times_moment(times_moment(sample[:count].T)))[0]
    turns = np.linalg.eigh(basis.T @ times_moment(basis))[1]
    result: Directions = basis @ turns[:, ::-1]
    return result


def _times_moment(sample: Directions) -> Callable[[Directions], Directions]:
    """Multiplies with the second moment of rows, which is made where it is no larger than they."""
    if sample.shape[1] > len(sample):
        return lambda basis: sample.T @ (sample @ basis)
    rows = sample.astype(np.float32)
    moment = (rows.T @ rows).astype(np.float64)
    return lambda basis: moment @ basis


def _short(principal: Directions) -> Descriptors:
    """[p, r] of the principal numbers of unit vectors; r is rather too large than too small."""
    rest = np.sqrt(np.maximum(1 - np.einsum("ij,ij->i", principal, principal), 0) + 1e-12)
    return np.column_stack([principal, rest]).astype(np.float32)


def _share_above(
    left: Directions | Descriptors, right: Directions | Descriptors, threshold: float
) -> float:
    return float(np.count_nonzero(left @ right.T >= threshold)) / (len(left) * len(right))
