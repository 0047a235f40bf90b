"""Checking the numbers that diagrams are drawn of."""

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = ["Floats", "check_numbers", "check_size"]

Floats = NDArray[np.float64]

_LARGEST = 1e100


def check_numbers(name: str, values: Any) -> Floats:  # noqa: ANN401
    """The values as float64 of shape (k,).

    Raises:
        InvalidTypeError: Not numbers.
        InvalidValueError: Another shape.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InvalidTypeError(f"{name} must be an array of numbers") from error
    if array.size and array.dtype.kind not in "uif":
        raise InvalidTypeError(f"{name} must be an array of numbers, got dtype {array.dtype}")
    if array.ndim != 1:
        raise InvalidValueError(f"{name} must have shape (k,), got shape {array.shape}")
    with np.errstate(over="ignore"):  # a longer float becomes infinity
        return array.astype(np.float64)


def check_size(name: str, value: object) -> float:
    """A number of which the distance to others can be computed, as float.

    Raises:
        InvalidTypeError: Not a number.
        InvalidValueError: Not finite, or above 1e100.
    """
    if not isinstance(value, Real) or isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be a number, got {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:  # an int of more than 308 digits
        number = math.inf
    if not abs(number) <= _LARGEST:
        raise InvalidValueError(f"{name} must be finite and at most {_LARGEST:g}, got {number}")
    return number
