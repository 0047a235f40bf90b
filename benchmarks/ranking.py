"""How well scores rank pairs of a picture and its copies above all other pairs.

Reference:
    Douze et al.: The 2021 Image Similarity Dataset and Challenge, 2021 (micro average precision).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ranking", "rank"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Ranking:
    """The figures of one ranking.

    Attributes:
        average_precision: Over all pairs, micro: uAP.
        recall_at_99: The largest recall that one threshold reaches with 99 percent precision.
        recall_at_999: The same with 99.9 percent precision.
        limit_at_99: The score of the last pair of that recall, infinite where there is none.
    """

    average_precision: float
    recall_at_99: float
    recall_at_999: float
    limit_at_99: float


def rank(positives: Array, negatives: Iterable[Array]) -> Ranking:
    """Rank positive pairs among negative ones.

    Args:
        positives: Scores of the positive pairs; minus infinity for those that were never found.
        negatives: Scores of the negative pairs, in blocks; those that were never found are absent.
    """
    scores, counts = np.unique(positives[np.isfinite(positives)], return_counts=True)
    if not len(scores):
        return Ranking(0.0, 0.0, 0.0, float("inf"))
    true_pairs = counts[::-1].cumsum()
    precision = true_pairs / (true_pairs + _false_pairs(scores, negatives))
    recall = true_pairs / positives.size
    limits = [_last(precision >= least) for least in (0.99, 0.999)]
    at_99, at_999 = (0.0 if place is None else float(recall[place]) for place in limits)
    return Ranking(
        float((np.diff(recall, prepend=0) * precision).sum()),
        at_99,
        at_999,
        float("inf") if limits[0] is None else float(scores[::-1][limits[0]]),
    )


def _false_pairs(scores: Array, negatives: Iterable[Array]) -> Array:
    """How many negative pairs score at least as much as each score, from the highest score."""
    false = np.zeros(len(scores) + 1, np.int64)
    for block in negatives:
        # A negative counts against every positive score up to its own.
        places = np.searchsorted(scores, block[block >= scores[0]], side="right")
        false += np.bincount(places, minlength=len(scores) + 1)
    return false[:0:-1].cumsum()


def _last(mask: Array) -> int | None:
    places = np.flatnonzero(mask)
    return int(places[-1]) if len(places) else None
