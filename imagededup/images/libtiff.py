"""What libtiff writes to the standard error about damaged files; Pillow raises an error as well."""

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from PIL import _imaging

__all__ = ["libtiff_silent"]


class _ErrorHandler:
    """libtiff's handler of errors, which is one for the whole process.

    It is taken away when the first thread begins to decode and given back after the last one.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As in a new process; in a forked one, the threads that decoded are gone."""
        self._lock = threading.Lock()
        self._threads = 0

    def take(self) -> None:
        """Begin a time in which libtiff is silent."""
        with self._lock:
            if self._threads == 0:
                self._taken = _set_error_handler()(None)
            self._threads += 1

    def give_back(self) -> None:
        """End it."""
        with self._lock:
            self._threads = max(0, self._threads - 1)
            if self._threads == 0:
                _set_error_handler()(self._taken)


_handler = _ErrorHandler()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_handler.reset)


@contextmanager
def libtiff_silent() -> Iterator[None]:
    """Keep libtiff from writing to the standard error."""
    _handler.take()
    try:
        yield
    finally:
        _handler.give_back()


@cache
def _set_error_handler() -> Any:  # noqa: ANN401
    """TIFFSetErrorHandler of the library that Pillow is linked to, which returns the old handler.

    Where it is linked statically (Windows), the symbol cannot be found and nothing is changed.
    """
    try:
        function = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        return lambda handler: handler
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p]
    return function
