"""The options that are given as words."""

from enum import StrEnum
from typing import TypeVar

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = ["EmptyQueries", "Metric", "ScoreName", "check_option"]

Option = TypeVar("Option", bound=StrEnum)


class Metric(StrEnum):
    """What `evaluate` computes."""

    MAP = "map"
    NDCG = "ndcg"
    JACCARD = "jaccard"
    CLASSIFICATION = "classification"
    ALL = "all"


class EmptyQueries(StrEnum):
    """What becomes of images without duplicates for which none was retrieved."""

    PERFECT = "perfect"
    SKIP = "skip"


class ScoreName(StrEnum):
    """What scores are; 'auto' decides by their type."""

    AUTO = "auto"
    DISTANCE = "distance"
    SIMILARITY = "similarity"


def check_option(name: str, value: object, options: type[Option]) -> Option:
    """The option that a word names.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: None of the options.

    Example:
        >>> check_option("metric", "ndcg", Metric)
        <Metric.NDCG: 'ndcg'>
    """
    if not isinstance(value, str):
        raise InvalidTypeError(f"{name} must be a str, got {type(value).__name__}")
    try:
        return options(value)
    except ValueError:
        words = ", ".join(repr(option.value) for option in options)
        raise InvalidValueError(f"{name} must be one of {words}, got {value!r}") from None
