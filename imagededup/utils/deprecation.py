"""Warnings of names that are on their way out."""

import sys
import warnings

__all__ = ["warn_deprecated"]


def warn_deprecated(message: str) -> None:
    """Give a DeprecationWarning that names the line of the user's that calls the package."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, DeprecationWarning, stacklevel=level)
