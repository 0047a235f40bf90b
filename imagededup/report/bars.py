"""Distributions as bars: sides, file sizes and scores."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagededup.images.quality import Columns
from imagededup.methods.results import Duplicates
from imagededup.pages import BarSection
from imagededup.plots.found import score_counts

__all__ = ["score_bars", "size_bars"]

Bars = list[tuple[str, int]]

_SIDES = (128, 256, 512, 1024, 2048, 4096)
_BYTES = (10**4, 3 * 10**4, 10**5, 3 * 10**5, 10**6, 3 * 10**6, 10**7)
_SCORE_BARS = 10
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
"""How much scores of one bar may differ; cosines are -1 to 1."""


def size_bars(columns: Columns) -> list[BarSection]:
    """How long the longer sides are, and how large the files."""
    longer, sizes = np.maximum(columns["width"], columns["height"]), columns["file_size"]
    return [
        BarSection("Longer side in pixels", _bars(longer, _SIDES, [f"{n:,}" for n in _SIDES])),
        BarSection("File size", _bars(sizes[sizes > 0], _BYTES, [_bytes(n) for n in _BYTES])),
    ]


def score_bars(found: Duplicates) -> BarSection:
    """How many pairs have which score; those of equal images count as well."""
    scores, counts = score_counts(found)
    title = f"{found.score_name.capitalize()} of pairs"
    if not found.matches.descending:
        heights = np.bincount(scores.astype(np.int64), counts).astype(np.int64)
        return BarSection(title, [(str(n), count) for n, count in enumerate(heights.tolist())])
    spread = round(1 - float(scores.min()), 4)
    width = next(step for step in _STEPS if step * _SCORE_BARS >= spread)
    edges = 1 - width * np.arange(max(np.ceil(spread / width), 1), -1, -1)
    heights = np.histogram(np.clip(scores, edges[0], 1), edges, weights=counts)[0].astype(np.int64)
    labels = [f"{begin:.3g} to {end:.3g}" for begin, end in pairwise(edges.tolist())]
    return BarSection(title, list(zip(labels, heights.tolist(), strict=True)))


def _bars(values: NDArray[np.int64], limits: Sequence[int], words: Sequence[str]) -> Bars:
    """How many values are up to each limit; empty bars at both ends are left out."""
    heights = np.bincount(np.searchsorted(limits, values), minlength=len(limits) + 1)
    labels = [*(f"up to {word}" for word in words), f"more than {words[-1]}"]
    used = np.flatnonzero(heights)
    ends = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0)
    return list(zip(labels, heights.tolist(), strict=True))[ends]


def _bytes(size: int) -> str:
    return f"{size // 10**6} MB" if size >= 10**6 else f"{size // 1000} kB"
