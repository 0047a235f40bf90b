"""Precision, recall and F score at the thresholds of a curve."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation.classification import divide
from imagededup.evaluation.relations import Indices

__all__ = ["OperatingPoint", "PrecisionRecallCurve", "check_beta"]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What one threshold gives.

    Attributes:
        threshold: Pairs with this score or a better one are retrieved.
        precision: The share of the retrieved pairs that are duplicates; 0 if none is retrieved.
        recall: The share of the duplicate pairs that are retrieved.
        f_score: The F score of the two.
        correct: Number of duplicate pairs that are retrieved.
        retrieved: Number of pairs that are retrieved.
    """

    threshold: float
    precision: float
    recall: float
    f_score: float
    correct: int
    retrieved: int


@dataclass(frozen=True, slots=True)
class PrecisionRecallCurve:
    """Numbers of unordered pairs at each of k thresholds, the strictest first.

    Attributes:
        threshold: int64 (distances) or float64 of shape (k,).
        correct: Duplicate pairs with the score of the threshold or a better one, int64 of shape
            (k,).
        retrieved: All pairs with such a score, int64 of shape (k,).
        relevant: All duplicate pairs, at least 1.
    """

    threshold: NDArray[Any]
    correct: Indices
    retrieved: Indices
    relevant: int

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of shape (k,); 0 where nothing is retrieved."""
        return divide(self.correct, self.retrieved)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of shape (k,), never falling."""
        return np.asarray(self.correct / self.relevant, np.float64)

    def f_score(self, beta: float = 1.0) -> NDArray[np.float64]:
        """The F score, in which recall weighs `beta` times as much as precision, of shape (k,).

        Source: Van Rijsbergen, Information Retrieval, chapter 7.

        Raises:
            InvalidTypeError: `beta` is not a number.
            InvalidValueError: `beta` is not above 0 and finite.
        """
        weight = check_beta(beta)
        # The square of the larger of the two weights might be infinite.
        recall, precision = (weight**2, 1.0) if weight <= 1 else (1.0, (1 / weight) ** 2)
        return divide(
            (recall + precision) * self.correct,
            recall * self.relevant + precision * self.retrieved,
        )

    def points(self, beta: float = 1.0) -> list[OperatingPoint]:
        """One point a threshold, the strictest first."""
        columns = (
            self.threshold,
            self.precision,
            self.recall,
            self.f_score(beta),
            self.correct,
            self.retrieved,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return [OperatingPoint(*row) for row in rows]

    def best(self, beta: float = 1.0) -> OperatingPoint:
        """The point of the highest F score; the strictest of equals.

        Raises:
            InvalidValueError: There is no threshold, as no pair was retrieved.
        """
        if len(self.threshold) == 0:
            raise InvalidValueError("there is no best threshold: no pair was retrieved")
        return self.points(beta)[int(np.argmax(self.f_score(beta)))]

    def at_precision(self, precision: float = 0.9) -> OperatingPoint | None:
        """The point of the highest recall among those of at least some precision.

        The strictest of equals; its `f_score` is F1.

        Args:
            precision: Above 0, up to 1.

        Returns:
            The point; None if no threshold reaches the precision.

        Raises:
            InvalidTypeError: `precision` is not a number.
            InvalidValueError: It is out of range.
        """
        least = _check_number("precision", precision)
        if not 0 < least <= 1:
            raise InvalidValueError(f"precision must be above 0 and at most 1, got {precision}")
        reached = self.precision >= least
        if not reached.any():
            return None
        return self.points()[int(np.argmax(np.where(reached, self.correct, -1)))]


def check_beta(beta: float) -> float:
    """Check the weight of recall in an F score.

    Raises:
        InvalidTypeError: Not a number.
        InvalidValueError: Not above 0 and finite.
    """
    weight = _check_number("beta", beta)
    if not 0 < weight < math.inf:
        raise InvalidValueError(f"beta must be above 0 and finite, got {beta}")
    return weight


def _check_number(name: str, value: object) -> float:
    """A number as float; infinity for one that is too large."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidTypeError(f"{name} must be a number, got {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:  # an int of more than 308 digits
        return math.inf if value > 0 else -math.inf
