"""Whether the process serves a notebook."""

import sys
from typing import Any

__all__ = ["notebook_shell"]


def notebook_shell() -> Any:  # noqa: ANN401
    """IPython's shell where it is the one of a notebook's kernel, otherwise None.

    A program that only starts kernels, such as one that runs notebooks, has none.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None
