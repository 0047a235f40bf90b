"""Pillow's warnings and log about damaged or large files, which are no business of the user's.

`warnings.catch_warnings` changes the filters of the whole process and is not safe with threads. The
filters of this module stay among the others and apply to threads that decode, as long as they do.
"""

import logging
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

__all__ = ["pillow_warnings_ignored"]


class _PillowInThisThread(threading.local):
    """Takes the place of the pattern that a filter matches with the warning module's name."""

    decoding = False

    def match(self, module: str) -> bool:
        return self.decoding and module.startswith("PIL.")

    def filter(self, _record: logging.LogRecord) -> bool:
        """Whether a record of one of Pillow's loggers is passed on."""
        return not self.decoding


_pattern = _PillowInThisThread()
_FILTER = ("ignore", None, Warning, _pattern, 0)
_LOGGERS = [
    logging.getLogger(f"PIL.{module}")
    for module in ("Image", "ImageFile", "PcxImagePlugin", "PngImagePlugin", "TiffImagePlugin")
]
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # another thread may hold it at that time
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore what Pillow warns of and logs in this thread, even where warnings are errors."""
    _put_filter_first(cast(list[Any], warnings.filters))
    for logger in _LOGGERS:
        logger.addFilter(_pattern)
    before, _pattern.decoding = _pattern.decoding, True
    try:
        yield
    finally:
        _pattern.decoding = before


def _put_filter_first(filters: list[Any]) -> None:
    if filters and filters[0] is _FILTER:
        return
    with _lock:
        filters.insert(0, _FILTER)
        for place in range(len(filters) - 1, 0, -1):
            if filters[place] is _FILTER:
                del filters[place]
