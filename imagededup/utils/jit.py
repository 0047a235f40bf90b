"""Numerical loops that numba compiles when they first run; only then is it loaded.

That takes half a second, so a process that has little to do does without: every piece of work asks
`worth_compiling`, which says no until the time lost in this way adds up.
"""

import sys
from collections.abc import Callable
from functools import update_wrapper
from threading import Lock
from typing import Any, TypeVar, cast

__all__ = ["Compiled", "compiled", "expect_work", "unless_quick", "worth_compiling"]

Function = TypeVar("Function", bound=Callable[..., Any])

_loading = Lock()


def compiled(function: Function) -> Function:
    """Compile a function on its first call; it releases the GIL while it runs.

    The machine code is cached on disk, next to the source or in the user's cache folder. Where
    that cannot be read or written, each process compiles again.
    """
    return cast(Function, Compiled(function))


def worth_compiling(seconds: float) -> bool:
    """Whether to run compiled code, or what gives the same without it and takes longer.

    Args:
        seconds: How much longer, about.
    """
    return _patience.ends(seconds)


def expect_work(seconds: float) -> None:
    """Have compiled code run from now on if all that is to come would lose too much without it.

    Args:
        seconds: How much, about.
    """
    _patience.end_for(seconds)


def unless_quick(
    function: Function, seconds: float, otherwise: Callable[..., Any] | None = None
) -> Function:
    """A compiled function, or what does the same where it is not worth compiling.

    Args:
        function: What `compiled` returned.
        seconds: How long the other takes, about.
        otherwise: What does the same; the function as Python runs it where none is given.
    """
    if worth_compiling(seconds):
        return function
    return cast(Function, otherwise or cast(Any, function).in_python)


class Compiled:
    """A function that is compiled when it is first called, also by another such function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.in_python = function
        self._dispatcher: Any = None
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401
        """Run the machine code."""
        return (self._dispatcher or self.dispatcher)(*arguments)

    @property
    def dispatcher(self) -> Any:  # noqa: ANN401
        """What numba makes of it; the function itself where NUMBA_DISABLE_JIT is set."""
        with _loading:
            if self._dispatcher is None:
                from imagededup.utils.machine_code import dispatcher_of

                self._dispatcher = dispatcher_of(self.in_python)
        return self._dispatcher


class _Patience:
    """How much time this process may still lose without compiled code.

    There is no lock: when it ends changes no result.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def ends(self, seconds: float) -> bool:
        """Whether there is not so much left; it is taken."""
        if self._left >= 0 and "numba" not in sys.modules:
            self._left -= seconds
            return self._left < 0
        return True

    def end_for(self, seconds: float) -> None:
        """End at once if there is not so much left; nothing is taken."""
        if seconds > self._left:
            self._left = -1.0


_patience = _Patience(0.25)
