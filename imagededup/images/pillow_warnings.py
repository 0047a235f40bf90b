"""Pillow's warnings about damaged or large files, which are no business of the user's.

`warnings.catch_warnings` changes the filters of the whole process and is not safe with threads. The
filter of this module stays among the others and applies to threads that decode, as long as they do.
"""

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


_pattern = _PillowInThisThread()
_FILTER = ("ignore", None, Warning, _pattern, 0)
_lock = threading.Lock()


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore the warnings that Pillow gives in this thread, even where warnings are errors."""
    _put_filter_first(cast(list[Any], warnings.filters))
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
