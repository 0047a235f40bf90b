"""Precision and recall over the thresholds of scored pairs, all images pooled."""

from collections.abc import Iterable

import numpy as np

from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.maps import AnyMap, Retrieved, read_maps
from imagededup.evaluation.operating_points import PrecisionRecallCurve
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import DuplicateRelation, in_sorted
from imagededup.utils.options import check_option

__all__ = [
    "check_has_pairs",
    "micro_average_precision",
    "precision_recall_curve",
    "recall_at_precision",
]


def precision_recall_curve(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    score_name: str = "auto",
    references: Iterable[str] | None = None,
) -> PrecisionRecallCurve:
    """Precision and recall at every score that occurs.

    All unordered pairs are pooled; of two directions with different scores the better counts. The
    map should come from a search with a wide threshold: pairs that it lacks are never retrieved.

    Args:
        ground_truth_map: All images with the names of their duplicates, symmetric; or, as in
            `evaluate`, with names of a reference collection.
        retrieved_map: The same images with tuples of name and score, or the result of `search`.
        score_name: 'distance', 'similarity' or 'auto', as in `evaluate`.
        references: The names of the reference collection, as in `evaluate`.

    Returns:
        The curve; without a single threshold if nothing was retrieved.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: `score_name` does not exist.
        InvalidMapError: The maps cannot be evaluated (as in `evaluate`), the ground truth has no
            duplicates, or the retrieved map no scores.

    Examples:
        >>> truth = {"a": ["b"], "b": ["a"], "c": []}
        >>> retrieved = {"a": [("b", 2), ("c", 7)], "b": [("a", 2)], "c": [("a", 7)]}
        >>> curve = precision_recall_curve(truth, retrieved)
        >>> curve.threshold.tolist(), curve.precision.tolist(), curve.recall.tolist()
        ([2, 7], [1.0, 0.5], [1.0, 1.0])
        >>> curve.best().threshold
        2
    """
    truth, retrieved = _read(ground_truth_map, retrieved_map, score_name, references)
    if retrieved.scores is None:
        none = np.zeros(0, np.int64)
        return PrecisionRecallCurve(none, none, none, len(truth.pairs))
    pairs, scores = retrieved.scored_pairs()
    hit = in_sorted(pairs, truth.pairs)
    cost, counts = np.unique(scores.cost, return_counts=True)
    correct = np.bincount(np.searchsorted(cost, scores.cost[hit]), minlength=len(cost))
    threshold = -cost if scores.descending else cost
    return PrecisionRecallCurve(threshold, correct.cumsum(), counts.cumsum(), len(truth.pairs))


def micro_average_precision(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    score_name: str = "auto",
    references: Iterable[str] | None = None,
) -> float:
    """Average precision of all scored pairs ranked together (uAP).

    The sum of the precisions at the ranks of the retrieved duplicate pairs, divided by the number
    of all duplicate pairs. It tells whether one threshold can serve all images, which the mean over
    queries does not. Among pairs of equal score those that are no duplicates come first, as in the
    challenge, so that equal scores for everything gain nothing.
    Source: Douze et al., The 2021 Image Similarity Dataset and Challenge
    (https://arxiv.org/abs/2106.09672).

    Args:
        ground_truth_map: As in `precision_recall_curve`, like the other arguments and the errors.
        retrieved_map: The same images with tuples of name and score.
        score_name: 'distance', 'similarity' or 'auto'.
        references: The names of the reference collection, as in `evaluate`.

    Returns:
        0 to 1.

    Examples:
        >>> truth = {"a": ["b"], "b": ["a"], "c": []}
        >>> retrieved = {"a": [("b", 7), ("c", 2)], "b": [("a", 7)], "c": [("a", 2)]}
        >>> micro_average_precision(truth, retrieved)
        0.5
    """
    truth, retrieved = _read(ground_truth_map, retrieved_map, score_name, references)
    if retrieved.scores is None:
        return 0.0
    pairs, scores = retrieved.scored_pairs()
    hit = in_sorted(pairs, truth.pairs)
    ranked = hit[np.lexsort((hit, scores.cost))]
    rank = np.flatnonzero(ranked) + 1
    return float((np.arange(1, len(rank) + 1) / rank).sum() / len(truth.pairs))


def recall_at_precision(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    precision: float = 0.9,
    score_name: str = "auto",
    references: Iterable[str] | None = None,
) -> float:
    """The highest recall that a threshold reaches while its precision is at least some value.

    `precision_recall_curve(...).at_precision(...)` gives the threshold as well. Source as in
    `micro_average_precision`.

    Args:
        ground_truth_map: As in `precision_recall_curve`, like the other maps' errors.
        retrieved_map: The same images with tuples of name and score.
        precision: Above 0, up to 1.
        score_name: 'distance', 'similarity' or 'auto'.
        references: The names of the reference collection, as in `evaluate`.

    Returns:
        0 to 1; 0 if no threshold reaches the precision.

    Examples:
        >>> truth = {"a": ["b"], "b": ["a"], "c": []}
        >>> retrieved = {"a": [("b", 2), ("c", 7)], "b": [("a", 2)], "c": [("a", 7)]}
        >>> recall_at_precision(truth, retrieved, precision=0.9)
        1.0
    """
    curve = precision_recall_curve(ground_truth_map, retrieved_map, score_name, references)
    point = curve.at_precision(precision)
    return 0.0 if point is None else point.recall


def check_has_pairs(truth: DuplicateRelation) -> None:
    """Raise InvalidMapError if a ground truth has no duplicates: its recall is not defined."""
    if len(truth) == 0:
        raise InvalidMapError("ground_truth_map must hold at least one pair of duplicates")


def _read(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    score_name: str,
    references: Iterable[str] | None,
) -> tuple[DuplicateRelation, DuplicateRelation]:
    wanted = check_option("score_name", score_name, ScoreName)
    truth, retrieved = read_maps(ground_truth_map, retrieved_map, wanted, references)
    check_has_pairs(truth)
    if len(retrieved) and retrieved.scores is None:
        raise InvalidMapError(
            "retrieved_map must hold tuples of name and score, got names only; "
            "find_duplicates returns them with scores=True"
        )
    return truth, retrieved
