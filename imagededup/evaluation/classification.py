"""Duplicate detection as the classification of all unordered pairs of images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.evaluation.relations import DuplicateRelation, in_sorted

__all__ = ["PairCounts", "class_metrics", "divide"]


@dataclass(frozen=True, slots=True)
class PairCounts:
    """How many unordered pairs of different images are what, and were taken for what.

    With a reference collection they are the pairs of an image and a reference.

    Attributes:
        true_positives: Duplicates that were retrieved.
        false_positives: Other pairs that were retrieved.
        false_negatives: Duplicates that were not.
        true_negatives: Other pairs that were not.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @classmethod
    def of(cls, ground_truth: DuplicateRelation, retrieved: DuplicateRelation) -> "PairCounts":
        """Count from the duplicate pairs alone; the others are what is left of all pairs.

        A pair is retrieved where either image was retrieved for the other.
        """
        relevant, found = len(ground_truth.pairs), len(retrieved.pairs)
        both = int(in_sorted(retrieved.pairs, ground_truth.pairs).sum())
        others = ground_truth.possible_pairs - (relevant + found - both)
        return cls(both, found - both, relevant - both, others)


def class_metrics(counts: PairCounts) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """Precision, recall, F1 score and support of both classes.

    Class 0 are pairs that are no duplicates, class 1 pairs that are. A ratio of 0 / 0 is 0, as in
    scikit-learn.
    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 8.3
    (https://nlp.stanford.edu/IR-book/).

    Returns:
        'precision', 'recall' and 'f1-score', float64 of shape (2,), and 'support', how many pairs
        there are of each class, int64 of shape (2,). 'f1_score' is another name of 'f1-score'.

    Examples:
        >>> class_metrics(PairCounts(3, 1, 0, 6))["precision"].tolist()
        [1.0, 0.75]
    """
    correct = np.array([counts.true_negatives, counts.true_positives])
    wrong = np.array([counts.false_negatives, counts.false_positives])
    missed = wrong[::-1]
    f1_score = divide(2 * correct, 2 * correct + wrong + missed)
    return {
        "precision": divide(correct, correct + wrong),
        "recall": divide(correct, correct + missed),
        "f1-score": f1_score,
        "f1_score": f1_score,
        "support": correct + missed,
    }


def divide(part: NDArray[np.generic], whole: NDArray[np.generic]) -> NDArray[np.float64]:
    """Quotients elementwise; 0 where the whole is 0.

    Examples:
        >>> divide(np.array([1, 0]), np.array([2, 0])).tolist()
        [0.5, 0.0]
    """
    result = np.zeros(np.broadcast_shapes(part.shape, whole.shape))
    np.divide(part, whole, out=result, where=whole != 0)
    return result
