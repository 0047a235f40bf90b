"""Descriptors of any norm: the different ones among them, and their exact cosines."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine import few
from imagededup.search.matches import Pairs
from imagededup.utils.jit import compiled, unless_quick
from imagededup.utils.parallel import ordered_map

__all__ = ["LANES", "Vectors", "cosine_of", "group_identical", "norms_of", "verified"]

Descriptors = NDArray[np.float32]
Indices = NDArray[np.int64]
Norms = NDArray[np.float64]

_ROWS_AT_ONCE = 4096
_SECONDS_BY_NUMPY = 2e-9
LANES = 32


@dataclass(frozen=True, slots=True)
class Vectors:
    """Some rows of a matrix of descriptors. The matrix is neither copied nor normalised.

    Attributes:
        descriptors: float32 of shape (n, d), C-contiguous.
        rows: The rows that count, int64 of shape (k,).
        norms: Euclidean norms of these rows, float64 of shape (k,).
    """

    descriptors: Descriptors
    rows: Indices
    norms: NDArray[np.float64]

    @classmethod
    def of(
        cls, descriptors: Descriptors, rows: Indices, workers: int, norms: Norms | None = None
    ) -> "Vectors":
        """Choose rows of descriptors; the norms of all of them may be known."""
        some = _norms_of(descriptors, rows, workers) if norms is None else norms[rows]
        return cls(descriptors, rows, some)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def dimensions(self) -> int:
        """The length of a descriptor."""
        return int(self.descriptors.shape[1])

    def unit(self, positions: Indices) -> Descriptors:
        """Some rows scaled to norm 1, each number rounded once."""
        scaled = unless_quick(_scaled, _cost(self.descriptors, positions), few.scaled)
        return scaled(self.descriptors, self.rows[positions], self.norms[positions])


def norms_of(descriptors: Descriptors, workers: int) -> Norms:
    """The Euclidean norms of all rows of a matrix, C-contiguous, float64 of shape (n,)."""
    return _norms_of(descriptors, np.arange(len(descriptors)), workers)


def group_identical(
    descriptors: Descriptors,
    references: Descriptors | None,
    workers: int,
    norms: Sequence[Norms] | None = None,
) -> tuple[Indices, Indices]:
    """Number the different rows of one or two matrices by first appearance.

    Rows of the same norm are told apart by 128 bits of a cryptographic hash of their bytes.

    Args:
        descriptors: float32 of shape (n, d), C-contiguous.
        references: float32 of shape (m, d), C-contiguous, or None.
        workers: Number of threads.
        norms: The norms of either matrix, where they are known.

    Returns:
        The number of every row, int64 of shape (n,) and of shape (m,).
    """
    matrices = [descriptors, descriptors[:0] if references is None else references]
    if norms is None:
        norms = [norms_of(matrix, workers) for matrix in matrices]
    _, norm, count = np.unique(np.concatenate(norms), return_inverse=True, return_counts=True)
    suspects = np.flatnonzero(count[norm] > 1)
    first = np.arange(len(norm))
    first[suspects] = _first_alike(matrices, suspects, workers)
    groups = np.unique(first, return_inverse=True)[1].astype(np.int64)
    return groups[: len(descriptors)], groups[len(descriptors) :]


def verified(
    left: Vectors, right: Vectors, candidates: tuple[Indices, Indices], threshold: float
) -> Pairs:
    """Those of some candidate pairs whose cosine similarity is at least `threshold`.

    The cosine is summed in float64 over all numbers, in an order that depends on nothing but their
    count, and rounded to float32. So a pair has the same score whoever proposes it, from either
    side. It is compared after rounding: a pair that is shown with the threshold's own float32
    counts.

    Args:
        left: Where the first of every pair is from.
        right: Where the second is from.
        candidates: Positions in `left` and in `right`, int64 of shape (k,) each.
        threshold: Least cosine similarity, -1 to 1.

    Returns:
        The pairs in the order of the candidates, with float32 scores.
    """
    i, j = candidates
    cosines = unless_quick(_cosines, _cost(left.descriptors, i), few.cosines)
    score = cosines(
        left.descriptors, left.rows[i], left.norms[i],
        right.descriptors, right.rows[j], right.norms[j],
    )  # fmt: skip
    keep = score >= np.float32(threshold)
    return Pairs(i[keep], j[keep], score[keep])


def _first_alike(matrices: list[Descriptors], rows: Indices, workers: int) -> Indices:
    """The first of the rows with the same bytes; rows are counted through both matrices."""
    border = len(matrices[0])

    def digest(row: int) -> bytes:
        vector = matrices[0][row] if row < border else matrices[1][row - border]
        return hashlib.blake2b(vector, digest_size=16, usedforsecurity=False).digest()

    def digests(block: Indices) -> list[bytes]:
        return [digest(row) for row in block.tolist()]

    first: dict[bytes, int] = {}
    found = chain.from_iterable(ordered_map(digests, _cut(rows), workers))
    alike = (first.setdefault(key, row) for key, row in zip(found, rows.tolist(), strict=True))
    return np.fromiter(alike, np.int64, len(rows))


def _norms_of(matrix: Descriptors, rows: Indices, workers: int) -> Norms:
    def norms(block: Indices) -> Norms:
        return unless_quick(_norms, _cost(matrix, block), few.norms)(matrix, block)

    return np.concatenate([np.empty(0), *ordered_map(norms, _cut(rows), workers)])


def _cost(matrix: Descriptors, rows: Indices) -> float:
    """About how many seconds numpy takes for some rows."""
    return len(rows) * int(matrix.shape[1]) * _SECONDS_BY_NUMPY


def _cut(rows: Indices) -> list[Indices]:
    return [rows[begin : begin + _ROWS_AT_ONCE] for begin in range(0, len(rows), _ROWS_AT_ONCE)]


@compiled
def _norms(matrix: Descriptors, rows: Indices) -> NDArray[np.float64]:
    norms = np.empty(len(rows))
    lanes = np.empty(LANES)
    for place in range(len(rows)):
        norms[place] = np.sqrt(_product(matrix[rows[place]], matrix[rows[place]], lanes))
    return norms


@compiled
def _scaled(matrix: Descriptors, rows: Indices, norms: NDArray[np.float64]) -> Descriptors:
    scaled = np.empty((len(rows), matrix.shape[1]), np.float32)
    for place in range(len(rows)):
        factor = 1 / norms[place]
        row = matrix[rows[place]]
        for number in range(len(row)):
            scaled[place, number] = np.float32(row[number] * factor)
    return scaled


@compiled
def _cosines(
    left: Descriptors, left_rows: Indices, left_norms: NDArray[np.float64],
    right: Descriptors, right_rows: Indices, right_norms: NDArray[np.float64],
) -> Descriptors:  # fmt: skip
    cosines = np.empty(len(left_rows), np.float32)
    lanes = np.empty(LANES)
    for place in range(len(left_rows)):
        a, b = left[left_rows[place]], right[right_rows[place]]
        cosines[place] = cosine_of(a, b, left_norms[place], right_norms[place], lanes)
    return cosines


@compiled
def cosine_of(
    left: Descriptors, right: Descriptors, left_norm: float, right_norm: float,
    lanes: NDArray[np.float64],
) -> np.float32:  # fmt: skip
    """The cosine of two descriptors; `lanes` is room for LANES numbers."""
    cosine = _product(left, right, lanes) / (left_norm * right_norm)
    return np.float32(min(1.0, max(-1.0, cosine)))


@compiled
def _product(left: Descriptors, right: Descriptors, lanes: NDArray[np.float64]) -> float:
    """Inner product in float64; independent sums, one a lane, suit wide registers."""
    whole = len(left) - len(left) % LANES
    lanes[:] = 0.0
    for begin in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += np.float64(left[begin + lane]) * np.float64(right[begin + lane])
    total = 0.0
    for number in range(whole, len(left)):
        total += np.float64(left[number]) * np.float64(right[number])
    for lane in range(LANES):
        total += lanes[lane]
    return total
