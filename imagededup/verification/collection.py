"""Verifying many pairs of the files of a collection."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.utils.parallel import ordered_map
from imagededup.verification.compare import compare
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict, Verdicts
from imagededup.verification.view import View, look

__all__ = ["Verified", "verify_pairs"]


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """What became of pairs.

    Attributes:
        verdicts: One a pair.
        failures: The items that could not be read again, with the reason.
    """

    verdicts: Verdicts
    failures: dict[int, str]


def verify_pairs(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    path_of: Callable[[int], Path],
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Verify pairs of items.

    Args:
        left: Items, int64 of shape (n,).
        right: Items, int64 of shape (n,).
        path_of: Gives the file of an item.
        workers: Number of threads; the result does not depend on it.
        advance: Is called with numbers of pairs that are done.
    """
    failures: dict[int, str] = {}

    def look_at(item: int) -> View | None:
        try:
            return look(path_of(item))
        except UnreadableImageError as error:
            failures[item] = str(error)
            return None

    items = np.unique(np.concatenate([left, right])).tolist()
    views = dict(zip(items, ordered_map(look_at, items, workers), strict=True))
    verdicts = []
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        a, b = views[one], views[other]
        verdicts.append(
            Verdict(Relation.UNDECIDED, 0.0) if a is None or b is None else compare(a, b)
        )
        advance(1)
    return Verified(Verdicts.of(verdicts), failures)
