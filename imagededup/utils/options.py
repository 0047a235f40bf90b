"""Options that are words, and switches."""

from enum import StrEnum
from typing import TypeVar

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = ["check_bool", "check_option"]

Option = TypeVar("Option", bound=StrEnum)


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
