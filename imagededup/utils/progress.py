"""Progress bars on standard error."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from imagededup.utils.notebook import notebook_shell

__all__ = ["Progress", "per_mille"]

_SHARE = "{l_bar}{bar}| [{elapsed}<{remaining}]"
_COUNT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}]"


class Progress:
    """A bar with rate and remaining time; shown on a terminal or in a notebook, nowhere else.

    Args:
        total: Number of units of work; with none of them nothing is shown.
        description: What is done, a word or two.
        unit: What is counted; None for shares of the work, of which only the percentage shows.
        enabled: False shows nothing.
    """

    def __init__(
        self, total: int, description: str, unit: str | None, enabled: bool = True
    ) -> None:
        self._bar: Any = None
        in_notebook = notebook_shell() is not None
        if not enabled or not total or not (in_notebook or _on_terminal()):
            return
        if in_notebook and find_spec("ipywidgets"):
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm

        self._bar = tqdm(
            total=total,
            desc=description,
            unit=f" {unit}",
            unit_scale=total > 10**6,
            bar_format=_SHARE if unit is None else _COUNT,
        )

    def advance(self, count: int) -> None:
        """Count work as done."""
        if self._bar is not None:
            self._bar.update(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()  # None in a program without a console


def per_mille(
    advance: Callable[[int], None], total: int, whole: int = 1000
) -> Callable[[int], None]:
    """Turn counts of finished work into per mille of all of it, handed to `advance`.

    Args:
        advance: Is called with numbers that add up to `whole` when all work is done.
        total: How much work there is, above 0.
        whole: What they add up to, where that is not 1000.
    """
    done = 0

    def finish(count: int) -> None:
        nonlocal done
        before, done = done, done + count
        advance(whole * done // total - whole * before // total)

    return finish
