"""Machine code by numba, for `jit`, which loads this module when the first function runs."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import numba
from numba import types
from numba.extending import intrinsic, typeof_impl

from imagededup.utils.jit import Compiled

__all__ = ["dispatcher_of", "popcount"]


def dispatcher_of(function: Callable[..., Any]) -> Any:  # noqa: ANN401
    """What compiles a function for the types of its arguments, and keeps that on disk."""
    dispatcher: Any = numba.njit(nogil=True)(function)
    # No folder that can be written, and no dispatcher at all where NUMBA_DISABLE_JIT is set.
    with suppress(RuntimeError, OSError, AttributeError):
        dispatcher.enable_caching()
        dispatcher._cache = _ForgivingCache(dispatcher._cache)
    return dispatcher


@typeof_impl.register(Compiled)  # type: ignore[untyped-decorator, unused-ignore]
def _type_of(function: Compiled, context: Any) -> Any:  # noqa: ANN401, ARG001
    """Let compiled code call a function that compiles when it is called."""
    return types.Dispatcher(function.dispatcher)


class _ForgivingCache:
    """numba's cache, which only saves time: its errors never reach the caller.

    The index of a function whose entry is damaged is emptied, so that the next write mends it.

    Args:
        cache: numba's cache of one function.
    """

    def __init__(self, cache: Any) -> None:  # noqa: ANN401
        self._cache = cache

    def load_overload(self, *arguments: Any) -> Any:  # noqa: ANN401
        """The machine code for a signature, or None."""
        try:
            return self._cache.load_overload(*arguments)
        except Exception:  # pickle raises what the damaged bytes happen to provoke
            with suppress(Exception):  # the folder cannot be written
                self._cache.flush()
            return None

    def save_overload(self, *arguments: Any) -> None:  # noqa: ANN401
        """Keep the machine code for a signature if it can be written."""
        with suppress(Exception):  # the disk is full, the folder was removed, ...
            self._cache.save_overload(*arguments)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._cache, name)


@intrinsic  # type: ignore[misc, unused-ignore]
def _ctpop(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401, ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


popcount: Callable[[Any], int] = cast(Any, _ctpop)
"""The number of one bits of a uint64; callable from compiled code only."""
