"""Runs in turns, and figures beside their targets."""

import time
from collections.abc import Callable

__all__ = ["best_times", "report", "seconds_of"]


def best_times(functions: list[Callable[[], object]], repeat: int) -> list[float]:
    """Seconds of each function, the best of some runs in turns."""
    times = [[seconds_of(function) for function in functions] for _ in range(repeat)]
    return [min(column) for column in zip(*times, strict=True)]


def seconds_of(function: Callable[[], object]) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def report(name: str, figure: float, target: float, unit: str, at_least: bool = False) -> None:
    """Print a figure and whether it meets its target."""
    met = figure >= target if at_least else figure <= target
    sign = ">=" if at_least else "<="
    print(f"{name:58s} {figure:9.3f} {unit:6s} {sign} {target:g}: {'met' if met else 'MISSED'}")
