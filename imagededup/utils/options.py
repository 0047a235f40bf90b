"""Options that are words, in Python and in the shell, and switches; importing them is fast."""

import operator
from enum import StrEnum
from typing import TypeVar

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = [
    "EmptyQueries",
    "Metric",
    "check_bool",
    "check_option",
    "positive_number",
    "whole_number",
]

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


def check_option(name: str, value: object, options: type[Option]) -> Option:
    """The option that a word names.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: None of the options.

    Examples:
        >>> class Size(StrEnum):
        ...     SMALL = "small"
        ...     LARGE = "large"
        >>> check_option("size", "small", Size)
        <Size.SMALL: 'small'>
    """
    if not isinstance(value, str):
        raise InvalidTypeError(f"{name} must be a str, got {type(value).__name__}")
    try:
        return options(value)
    except ValueError:
        words = ", ".join(repr(option.value) for option in options)
        raise InvalidValueError(f"{name} must be one of {words}, got {value!r}") from None


def check_bool(name: str, value: object) -> bool:
    """True or False and nothing else.

    Raises:
        InvalidTypeError: Something else.
    """
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be a bool, got {value!r}")
    return value


def whole_number(value: object) -> int | None:
    """An int of any kind, numpy's too, as int; None for everything else, True and False too.

    Examples:
        >>> import numpy as np
        >>> whole_number(np.int64(3)), whole_number(3.0), whole_number(True)
        (3, None, None)
    """
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def positive_number(name: str, value: object) -> int:
    """An int of at least 1.

    Raises:
        InvalidTypeError: Not an int.
        InvalidValueError: Less than 1.
    """
    number = whole_number(value)
    if number is None:
        raise InvalidTypeError(f"{name} must be an int, got {type(value).__name__}")
    if number < 1:
        raise InvalidValueError(f"{name} must be 1 or more, got {number}")
    return number
