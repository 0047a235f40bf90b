"""Deciding what the scores of a retrieved map are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import Scores

__all__ = ["read_scores"]

_ROUNDING = 1e-3
"""By how much a cosine similarity of float32 or float16 may be outside of -1 to 1."""


def read_scores(name: str, given: Sequence[Any], score_name: ScoreName) -> Scores:
    """Scores as an array, and whether the highest or the lowest is the best.

    With 'auto', int are Hamming distances and float cosine similarities, as all encoders of this
    package give them. What that rule cannot decide is an error: int and float together, int below
    0, and float outside of -1 to 1.

    Args:
        name: What the map is called in errors.
        given: The scores, at least one; Python's or numpy's numbers.
        score_name: What the scores are.

    Raises:
        InvalidTypeError: A score is not a real number.
        InvalidMapError: A score is not finite, or 'auto' cannot decide.

    Examples:
        >>> read_scores("retrieved_map", [3, 0], ScoreName.AUTO).descending
        False
    """
    has_int, has_float = _kinds(name, given)
    values = np.array(given)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        wrong = next((one for one in given if not abs(one) < 2**63), given[0])
        raise InvalidMapError(f"the scores of {name} must be finite numbers, got {wrong!r}")
    if values.dtype.kind == "u":
        values = values.astype(np.float64)
    if score_name is ScoreName.AUTO:
        score_name = _decide(name, values, has_int, has_float)
    return Scores(values, score_name is ScoreName.SIMILARITY)


def _kinds(name: str, given: Sequence[Any]) -> tuple[bool, bool]:
    """Whether there are integers, and whether there are floats."""
    kinds = set(map(type, given))
    for kind in kinds:
        if issubclass(kind, bool) or not issubclass(kind, int | float | np.integer | np.floating):
            wrong = next(one for one in given if type(one) is kind)
            raise InvalidTypeError(f"the scores of {name} must be numbers, got {wrong!r}")
    whole = [issubclass(kind, int | np.integer) for kind in kinds]
    return any(whole), not all(whole)


def _decide(name: str, values: NDArray[Any], has_int: bool, has_float: bool) -> ScoreName:
    low, high = values.min(), values.max()
    if has_int and has_float:
        problem = "int and float together"
    elif has_int and low < 0:
        problem = f"a negative int, {low}"
    elif has_float and (low < -1 - _ROUNDING or high > 1 + _ROUNDING):
        problem = f"float outside of -1 to 1, {low if low < -1 - _ROUNDING else high}"
    else:
        return ScoreName.DISTANCE if has_int else ScoreName.SIMILARITY
    raise InvalidMapError(
        f"the scores of {name} must be all int (distances, 0 or more) or all float (similarities, "
        f"-1 to 1), got {problem}; score_name='distance' or 'similarity' says what they are"
    )
