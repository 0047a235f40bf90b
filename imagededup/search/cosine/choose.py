"""All pairs of descriptors within a cosine similarity."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.search.cosine.principal import Screen, find_directions, share_of_pairs
from imagededup.search.cosine.vectors import Vectors, group_identical
from imagededup.search.descriptors import as_descriptors
from imagededup.search.matches import Matches, Pairs
from imagededup.utils.jit import expect_work

__all__ = ["CosineMethod", "check_similarity", "choose_method", "search_cosine"]

_EXACT_COMPARISONS = 10**11
_SMALL_COMPARISONS = 4 * 10**6
_DENSE_SHARE = 0.005

_SECONDS_A_COMPARISON = 1.5e-10
_SECONDS_A_NUMBER = 4e-9
"""How much longer a search takes without compiled code."""

Descriptors = NDArray[np.floating | np.integer]
Advance = Callable[[int], None]
Backend = Callable[[Screen, Screen | None, float, int, Advance], Pairs]

logger = logging.getLogger("imagededup")


class CosineMethod(StrEnum):
    """How to search; 'exact' finds every pair, 'hnsw' and 'ivf' nearly every pair."""

    AUTO = "auto"
    EXACT = "exact"
    HNSW = "hnsw"
    IVF = "ivf"


_BACKENDS = {
    CosineMethod.EXACT: "imagededup.search.cosine.exact",
    CosineMethod.HNSW: "imagededup.search.cosine.hnsw",
    CosineMethod.IVF: "imagededup.search.cosine.ivf",
}


def check_similarity(threshold: object) -> float:
    """Check a cosine similarity threshold.

    Raises:
        InvalidTypeError: Neither a float nor an int.
        InvalidValueError: Not within -1.0 to 1.0.
    """
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise InvalidTypeError(
            "min_similarity_threshold must be a float, "
            f"got {type(threshold).__name__} {threshold!r}"
        )
    if not -1 <= threshold <= 1:  # type: ignore[operator]
        raise InvalidValueError(
            f"min_similarity_threshold must be a float from -1.0 to 1.0, got {threshold}"
        )
    return float(threshold)


def search_cosine(
    descriptors: Descriptors,
    threshold: float,
    references: Descriptors | None = None,
    method: CosineMethod = CosineMethod.AUTO,
    workers: int = 1,
    advance: Advance = lambda _: None,
) -> Matches:
    """Find the pairs of descriptors with a cosine similarity of at least `threshold`.

    A score is the cosine in float64, rounded to float32, and counts if it is at least the
    threshold, rounded alike. So no method and no number of workers changes a score or decides a
    tie; and descriptors that differ by rounding, up to an angle of 0.0002, have the similarity
    1.0. Identical descriptors are searched once, as one group.

    Args:
        descriptors: Real numbers of shape (n, d), finite, no row all 0; of any norm.
        threshold: Least cosine similarity, -1.0 to 1.0.
        references: Likewise of shape (m, d), to compare `descriptors` with; None compares them with
            each other.
        method: 'exact' finds every pair. The others lose a few in large collections, always the
            same ones.
        workers: Number of threads. The linear algebra library is held to one in each, in the whole
            process, until the search ends.
        advance: Called with the number of per mille of the search that are done.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    left = as_descriptors(descriptors)
    right = None if references is None else as_descriptors(references)
    size = left.size + (0 if right is None else right.size)
    comparisons = len(left) * len(left if right is None else right)
    expect_work(size * _SECONDS_A_NUMBER + comparisons * _SECONDS_A_COMPARISON)
    search = _CosineSearch(threshold, method, workers, advance)
    with threadpool_limits(1, user_api="blas"):
        groups, reference_groups = group_identical(left, right, workers)
        numbers, rows = np.unique(groups, return_index=True)
        queries = Vectors.of(left, rows, workers)
        if right is None:
            return Matches(groups, None, search.pairs(queries, None), 1.0, descending=True)
        others, rows = np.unique(reference_groups, return_index=True)
        found = search.pairs(queries, Vectors.of(right, rows, workers))
    pairs = _between_groups(found, numbers, others)
    return Matches(groups, reference_groups, pairs, identical=1.0, descending=True)


def choose_method(queries: int, targets: int) -> CosineMethod:
    """The method that 'auto' takes.

    'exact' as long as it takes a fraction of the time that computing the descriptors took; above,
    the faster index. benchmarks/cosine_search.py measures them.

    Args:
        queries: Number of different descriptors.
        targets: Number of different descriptors that they are compared with.
    """
    return CosineMethod.EXACT if queries * targets <= _EXACT_COMPARISONS else CosineMethod.IVF


@dataclass(frozen=True, slots=True)
class _CosineSearch:
    threshold: float
    method: CosineMethod
    workers: int
    advance: Advance

    def pairs(self, queries: Vectors, targets: Vectors | None) -> Pairs:
        """Pairs of different descriptors; sorted."""
        size = len(queries if targets is None else targets)
        if len(queries) == 0 or size == 0:
            nothing = np.empty(0, np.int64)
            return Pairs(nothing, nothing, np.empty(0, np.float32))
        backend: Backend = import_module(_BACKENDS[self.resolved(queries, targets)]).cosine_pairs
        directions = find_directions(queries, targets, self.threshold)
        left = Screen.of(queries, directions, self.workers)
        right = None if targets is None else Screen.of(targets, directions, self.workers)
        found = backend(left, right, self.threshold, self.workers, self.advance)
        order = np.argsort(found.left * size + found.right)
        return Pairs(found.left[order], found.right[order], found.score[order])

    def resolved(self, queries: Vectors, targets: Vectors | None) -> CosineMethod:
        """The method to take.

        An index of few vectors, or one where every query matches many, would find less and be no
        faster.
        """
        method, size = self.method, len(queries if targets is None else targets)
        if method is CosineMethod.AUTO:
            method = choose_method(len(queries), size)
        if method is not CosineMethod.EXACT and (
            len(queries) * size <= _SMALL_COMPARISONS
            or share_of_pairs(queries, targets, self.threshold) > _DENSE_SHARE
        ):
            method = CosineMethod.EXACT
        logger.info("cosine search of %d x %d descriptors: %s", len(queries), size, method)
        return method


def _between_groups(
    found: Pairs, groups: NDArray[np.int64], reference_groups: NDArray[np.int64]
) -> Pairs:
    """The pairs of groups, less those of a group with itself."""
    left, right = groups[found.left], reference_groups[found.right]
    different = left != right
    return Pairs(left[different], right[different], found.score[different])
