"""What a process must make for itself."""

import os
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["PerProcess"]

Value = TypeVar("Value")


class PerProcess(Generic[Value]):
    """A value that is made at its first use in a process.

    A forked child makes one of its own, because sessions and locks do not survive a fork; so does
    a copy and what is unpickled. Several threads get the same value.

    Args:
        make: Makes the value; picklable where this is to be pickled.

    Examples:
        >>> values = PerProcess(list)
        >>> values.get() is values.get()
        True
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._values: dict[int, Value] = {}
        self._locks: dict[int, Lock] = {}

    def get(self) -> Value:
        """The value of this process."""
        process = os.getpid()
        if process not in self._values:
            with self._locks.setdefault(process, Lock()):
                if process not in self._values:
                    self._values[process] = self._make()
        return self._values[process]

    def __reduce__(self) -> tuple[type["PerProcess[Value]"], tuple[Callable[[], Value]]]:
        return PerProcess, (self._make,)
