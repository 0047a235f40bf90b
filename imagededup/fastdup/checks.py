"""Checks of single parameters: each takes the name and the value, and returns what it means."""

from collections.abc import Callable
from enum import StrEnum
from numbers import Real
from os import PathLike, fspath
from pathlib import Path
from typing import TypeVar

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.utils.options import check_option, whole_number

__all__ = [
    "at_least",
    "check_fraction",
    "check_integer",
    "check_model",
    "check_path",
    "check_place",
    "check_switch",
    "check_text",
    "number_of",
    "one_of",
]

Option = TypeVar("Option", bound=StrEnum)


def one_of(options: type[Option]) -> Callable[[str, object], Option]:
    """A check for a word that names an option."""
    return lambda name, value: check_option(name, value, options)


def at_least(least: int, unset: int | None = None) -> Callable[[str, object], int]:
    """A check for a whole number of at least `least`, or exactly `unset`."""
    return lambda name, value: check_integer(name, value, least, unset)


def check_fraction(name: str, value: object) -> float:
    """A number from 0 to 1, also as a word.

    Raises:
        InvalidTypeError: Not a number.
        InvalidValueError: Out of range, or a word that is no number.
    """
    if isinstance(value, str):
        value = number_of(name, value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"{name} must be a number, got {type(value).__name__}")
    number = float(value)
    if not 0 <= number <= 1:  # also when it is NaN
        raise InvalidValueError(f"{name} must be a number from 0 to 1, got {value}")
    return number


def check_integer(name: str, value: object, least: int, unset: int | None = None) -> int:
    """A whole number of at least `least`, or exactly `unset`; numpy's count as Python's.

    Raises:
        InvalidTypeError: Not a whole number.
        InvalidValueError: Too small.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    number = whole_number(value)
    if number is None:
        raise InvalidTypeError(f"{name} must be an int, got {value!r}")
    if number < least and number != unset:
        alternative = "" if unset is None else f"{unset} or "
        raise InvalidValueError(f"{name} must be {alternative}at least {least}, got {number}")
    return number


def check_path(name: str, value: object) -> str:
    """A path of str, not empty.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: No file can have this path.
    """
    if not isinstance(value, str | PathLike):
        raise InvalidTypeError(f"{name} must be a path, got {type(value).__name__}")
    path = fspath(value)
    if not isinstance(path, str):
        raise InvalidTypeError(f"{name} must be a path of str, got {type(path).__name__}")
    if not path or "\0" in path:
        raise InvalidValueError(f"{name} must be a path, got {path!r}")
    return path


def check_place(name: str, value: object) -> Path:
    """A path where something is or could be made: the system does not refuse to look there.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: Nothing can have this path, because it is too long.
    """
    path = Path(check_path(name, value))
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return path
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidValueError(
            f"{name} must be a path, got {str(path)!r:.80}: {reason}"
        ) from error
    return path


def check_switch(name: str, value: object) -> bool:
    """1 for yes or 0 for no, or what Python has for them.

    Raises:
        InvalidTypeError: Not a whole number.
        InvalidValueError: Another number.
    """
    number = int(value) if isinstance(value, bool) else whole_number(value)
    if number is None:
        raise InvalidTypeError(f"{name} must be 0 or 1, got {value!r}")
    if number not in (0, 1):
        raise InvalidValueError(f"{name} must be 0 or 1, got {number}")
    return number == 1


def check_text(name: str, value: object) -> str:
    """A str.

    Raises:
        InvalidTypeError: Something else.
    """
    if not isinstance(value, str):
        raise InvalidTypeError(f"{name} must be a str, got {type(value).__name__}")
    return value


def check_model(name: str, value: object) -> Path | None:
    """The path of a model, which must exist, or None.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: There is no such file.
    """
    if value is None:
        return None
    path = check_place(name, value)
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise InvalidValueError(f"{name} must be an ONNX file, {str(path)!r} {problem}")
    return path


def number_of(name: str, word: str) -> float:
    """The number that a word stands for.

    Raises:
        InvalidValueError: It stands for none.
    """
    try:
        return float(word)
    except ValueError:
        raise InvalidValueError(f"{name} must be a number, got {word!r}") from None
