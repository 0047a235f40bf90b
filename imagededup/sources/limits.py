"""What a single image may cost: settings of the process, for decoding happens deep down.

What is over a limit is no error of the run: the image is listed as unreadable, with the limit.
"""

import math
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.utils.options import positive_number
from imagededup.utils.sizes import bytes_in_words
from imagededup.utils.text import counted

__all__ = ["Limits", "limits", "over_limit", "set_limits", "was_another_limit"]

_MEMORY = 1_500_000_000
_MEMORY_PER_CORE = 128_000_000
_PIXEL_BYTES = 8  # of most formats: Pillow's four, three of the result, and a strip of rows
_MARK = ", more than the limit of "
_FORMS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "pixels": ("", lambda pixels: counted(pixels, "pixel")),
    "file_size": ("a file of ", bytes_in_words),
    "seconds": ("a read of ", lambda seconds: f"{seconds:g} s"),
    "memory": ("an image that takes ", bytes_in_words),
}


def _checked_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTypeError(f"seconds must be a number, got {type(value).__name__}")
    if not (math.isfinite(value) and value > 0):
        raise InvalidValueError(f"seconds must be above 0, got {value}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a single image may cost.

    Attributes:
        pixels: Pixels of an image, as its header claims them; the default is Pillow's own limit.
        file_size: Bytes of a file; a longer one is not read. Archives and videos may be longer,
            their images may not.
        seconds: Time that one read of a remote file may take.
        memory: Bytes that decoding takes at the same time, 8 to 20 a pixel by format; an image that
            needs more alone is refused, others wait for one another. None means 1.5 GB for one
            image, or 8 bytes for each of `pixels` if that is more, and for all 128 MB a core.
    """

    pixels: int = 178_956_970
    file_size: int = 2_000_000_000
    seconds: float = 60.0
    memory: int | None = None

    def __post_init__(self) -> None:
        for name in ("pixels", "file_size", "memory"):
            value = getattr(self, name)
            if not (name == "memory" and value is None):
                object.__setattr__(self, name, positive_number(name, value))
        object.__setattr__(self, "seconds", _checked_seconds(self.seconds))

    @property
    def memory_of_one(self) -> int:
        """Bytes that decoding one image may take."""
        return self.memory or max(_MEMORY, _PIXEL_BYTES * self.pixels)

    @property
    def memory_of_all(self) -> int:
        """Bytes that decoding images at the same time may take."""
        return self.memory or max(self.memory_of_one, _MEMORY_PER_CORE * _cores())


@cache
def _cores() -> int:
    """The cores of this machine; the system would be asked for each image."""
    return os.cpu_count() or 1


_current = Limits()
_lock = threading.Lock()


def limits() -> Limits:
    """The limits of this process at present."""
    return _current


def set_limits(new: Limits | None = None, /, **changes: Any) -> Limits:  # noqa: ANN401
    """Change limits of this process, of those that encode for it, and of those that it forks.

    Args:
        new: All limits; by default those at present, apart from the changes.
        changes: Limits by their names in `Limits`.

    Returns:
        The limits before.

    Raises:
        InvalidTypeError: A limit is no number, or there is none of the name.
        InvalidValueError: A limit is not above 0.

    Examples:
        >>> before = set_limits(pixels=50_000_000, file_size=200_000_000)
        >>> limits().pixels
        50000000
        >>> _ = set_limits(before)
    """
    global _current
    if new is not None and not isinstance(new, Limits):
        raise InvalidTypeError(f"limits must be a Limits, got {type(new).__name__}")
    for name in changes:
        if name not in _FORMS:
            raise InvalidTypeError(f"limits are called {', '.join(_FORMS)}, got {name!r}")
    with _lock:
        before = _current
        _current = replace(new or before, **changes)
    return before


def over_limit(name: str, amount: float) -> str | None:
    """Why an image is left out that takes so much; None if that is within the limit.

    Args:
        name: One of the limits.
        amount: Pixels, bytes or seconds.
    """
    if amount <= _limit(name):
        return None
    opening, in_words = _FORMS[name]
    return f"{opening}{in_words(amount)}{_said(name)}"


def was_another_limit(reason: str) -> bool:
    """Whether an image was left out for a limit that is not the one of now."""
    return _MARK in reason and not any(reason.endswith(_said(name)) for name in _FORMS)


def _said(name: str) -> str:
    """What the limit is now, and how to change it."""
    option = "--max-" + name.replace("_", "-")
    return f"{_MARK}{_FORMS[name][1](_limit(name))} ({option}, set_limits({name}=...))"


def _limit(name: str) -> float:
    limit: float = _current.memory_of_one if name == "memory" else getattr(_current, name)
    return limit
