"""The error of the evaluation."""

from imagededup.errors import InvalidValueError

__all__ = ["InvalidMapError"]


class InvalidMapError(InvalidValueError, AssertionError):
    """A map of duplicates, or a pair of them, that cannot be evaluated.

    It is an `AssertionError` too, for programs that expect one of a ground truth that is not
    symmetric.

    Examples:
        >>> issubclass(InvalidMapError, ValueError) and issubclass(InvalidMapError, AssertionError)
        True
    """
