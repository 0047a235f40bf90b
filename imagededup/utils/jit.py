"""Compilation of numerical loops with numba."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba import types
from numba.extending import intrinsic

__all__ = ["compiled", "popcount"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a function on its first call; it releases the GIL while it runs.

    The machine code is cached on disk, next to the source or in the user's cache folder. Where
    neither can be written, each process compiles anew.
    """
    try:
        return cast(Function, numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast(Function, numba.njit(nogil=True)(function))


@intrinsic  # type: ignore[misc, unused-ignore]
def _ctpop(typing_context: Any, value: Any) -> Any:  # noqa: ANN401, ARG001
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401, ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


popcount: Callable[[Any], int] = cast(Any, _ctpop)
"""The number of one bits of a uint64; callable from compiled code only."""
