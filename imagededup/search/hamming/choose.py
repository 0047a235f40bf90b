"""All pairs of 64-bit codes within a Hamming distance."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.search.matches import Matches, Pairs
from imagededup.utils.deprecation import warn_deprecated
from imagededup.utils.options import check_option, whole_number

__all__ = [
    "CODE_BITS",
    "HammingMethod",
    "check_distance",
    "check_hamming_method",
    "choose_method",
    "search_hamming",
]

CODE_BITS = 64

_FLAT_PAIRS = 10**8
_FLAT_COST = 0.3e-9
_NAMES_IN_IMAGEDEDUP = ("brute_force", "brute_force_cython")

Codes = NDArray[np.uint64]
Advance = Callable[[int], None]
Backend = Callable[[Codes, Codes | None, int, int, Advance], Pairs]


class HammingMethod(StrEnum):
    """How to search; every method finds every pair."""

    AUTO = "auto"
    MULTI_INDEX = "multi_index"
    FAISS = "faiss"
    BKTREE = "bktree"

    @classmethod
    def _missing_(cls, value: object) -> "HammingMethod | None":
        return cls.AUTO if value in _NAMES_IN_IMAGEDEDUP else None


_BACKENDS = {
    HammingMethod.MULTI_INDEX: "imagededup.search.hamming.multi_index",
    HammingMethod.FAISS: "imagededup.search.hamming.flat",
    HammingMethod.BKTREE: "imagededup.search.hamming.bktree",
}


def check_distance(threshold: object) -> int:
    """Check a Hamming distance threshold.

    Raises:
        InvalidTypeError: Not an int.
        InvalidValueError: Not within 0 to 64.
    """
    number = whole_number(threshold)
    if number is None:
        raise InvalidTypeError(
            f"max_distance_threshold must be an int, got {type(threshold).__name__} {threshold!r}"
        )
    if not 0 <= number <= CODE_BITS:
        raise InvalidValueError(
            f"max_distance_threshold must be an int from 0 to {CODE_BITS}, got {number}"
        )
    return number


def check_hamming_method(method: object) -> HammingMethod:
    """The search method that a word names.

    'brute_force' and 'brute_force_cython', names of imagededup 0.3, mean 'auto', with a
    DeprecationWarning: every method finds the same pairs.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: None of the methods.
    """
    checked = check_option("search_method", method, HammingMethod)
    if method in _NAMES_IN_IMAGEDEDUP:
        warn_deprecated(f"search_method={method!r} means 'auto': leave it out")
    return checked


def search_hamming(
    codes: Codes,
    threshold: int,
    references: Codes | None = None,
    method: HammingMethod = HammingMethod.AUTO,
    workers: int = 1,
    advance: Advance = lambda _: None,
) -> Matches:
    """Find every pair of codes at most `threshold` bits apart.

    Args:
        codes: uint64 of shape (n,).
        threshold: Largest Hamming distance, 0 to 64.
        references: uint64 of shape (m,) to compare `codes` with; None compares them with each
            other.
        method: The search method; the result does not depend on it.
        workers: Number of threads.
        advance: Called with the number of per mille of the search that are done.
    """
    everything = codes if references is None else np.concatenate([codes, references])
    unique, groups = np.unique(everything, return_inverse=True)
    search = _HammingSearch(threshold, method, workers, advance)
    if references is None:
        return Matches(groups, None, search.pairs(unique, None), identical=0, descending=False)
    groups, reference_groups = groups[: len(codes)], groups[len(codes) :]
    left, right = (_present(some, len(unique)) for some in (groups, reference_groups))
    found = search.pairs(unique[left], unique[right])
    pairs = Pairs(left[found.left], right[found.right], found.score)
    return Matches(groups, reference_groups, pairs, identical=0, descending=False)


def _present(groups: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The groups of some items, ascending."""
    is_there = np.zeros(count, np.bool_)
    is_there[groups] = True
    return np.flatnonzero(is_there)


def choose_method(queries: int, targets: int, threshold: int) -> HammingMethod:
    """The method that 'auto' takes.

    Comparing everything with everything is fastest for small collections and for thresholds so
    wide that the multi-index visits most buckets; docs/search.md has the measured crossover.

    Args:
        queries: Number of different codes.
        targets: Number of different codes that they are compared with.
        threshold: Largest Hamming distance, 0 to 64.
    """
    from imagededup.search.hamming.chunks import plan_chunks

    if queries * targets <= _FLAT_PAIRS:
        return HammingMethod.FAISS
    plan = plan_chunks(queries, targets, threshold)
    flat_cost = queries * targets * _FLAT_COST
    return HammingMethod.MULTI_INDEX if plan.cost < flat_cost else HammingMethod.FAISS


@dataclass(frozen=True, slots=True)
class _HammingSearch:
    threshold: int
    method: HammingMethod
    workers: int
    advance: Advance

    def pairs(self, queries: Codes, targets: Codes | None) -> Pairs:
        """Pairs of different codes, both sets without repetition; sorted."""
        if self.threshold == 0 or len(queries) == 0 or (targets is not None and len(targets) == 0):
            nothing = np.empty(0, np.int64)
            return Pairs(nothing, nothing, nothing)
        method = self.method
        if method is HammingMethod.AUTO:
            size = len(queries) if targets is None else len(targets)
            method = choose_method(len(queries), size, self.threshold)
        backend: Backend = import_module(_BACKENDS[method]).hamming_pairs
        found = backend(queries, targets, self.threshold, self.workers, self.advance)
        different = found.score > 0
        left, right, score = found.left[different], found.right[different], found.score[different]
        order = np.argsort(left * (int(right.max(initial=0)) + 1) + right)
        return Pairs(left[order], right[order], score[order])
