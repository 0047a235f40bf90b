"""Histograms of scores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagededup.errors import InvalidValueError
from imagededup.evaluation.entries import read_entries
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import DuplicateRelation
from imagededup.evaluation.scores import read_scores
from imagededup.methods.results import Duplicates
from imagededup.plots.axes import HEIGHT, LINE, WIDTH, add_legend, dress
from imagededup.plots.found import score_counts
from imagededup.plots.numbers import Floats, check_numbers, check_size
from imagededup.utils.options import check_option

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_similarity_histogram"]

_BINS = 60


@dataclass(frozen=True, slots=True)
class _Sample:
    """Scores, how often each occurs, and whether they are distances."""

    values: Floats
    counts: NDArray[np.int64]
    distance: bool


def plot_similarity_histogram(
    scores: ArrayLike | Mapping[str, Any] | Duplicates,
    threshold: float,
    outfile: str | PathLike[str] | None = None,
    score_name: str = "auto",
) -> "Figure":
    """Draw how often scores occur, with the threshold and the share on either side of it.

    The axis of the counts is logarithmic if the bars of one side would be too low to be seen.

    Args:
        scores: Shape (k,), k at least 1, finite; or the dictionary that `find_duplicates` returns
            with scores; or the result of `search`, of which no pairs are made. Of both, every pair
            of images counts once.
        threshold: Similarities from here up, or distances up to here, are within.
        outfile: Where to save the figure; without it the figure is shown as `plot_duplicates` does.
        score_name: 'similarity' or 'distance'. With 'auto' a result says what its scores are, int
            in a dictionary are distances, and all else are similarities.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: No scores or another shape, values that are not finite or beyond 1e100, a
            score name that does not exist or contradicts a result, or `outfile` cannot be written.
        FileOperationError: Writing `outfile` failed.

    Examples:
        >>> figure = plot_similarity_histogram([0.2, 0.5, 0.7, 0.95], threshold=0.9)
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['within, 0.9 or more: 1 of 4 (25.0 %)', 'outside, less than 0.9: 3 of 4 (75.0 %)']
        >>> found = {"a": [("b", 3)], "b": [("a", 3)], "c": []}
        >>> plot_similarity_histogram(found, threshold=10).legends[0].get_texts()[0].get_text()
        'within, 10 or less: 1 of 1 (100.0 %)'
    """
    from imagededup.plots.figure import PlotFigure, check_image_output, finished

    sample = _read(scores, check_option("score_name", score_name, ScoreName))
    limit = check_size("threshold", threshold)
    path = check_image_output(outfile)
    values, distance = sample.values, sample.distance
    within = values <= limit if distance else values >= limit
    figure = PlotFigure(WIDTH, HEIGHT + 2 * LINE, arranged=True)
    axes = figure.add_subplot()
    below, above = _bins(values, limit, distance)
    bars = _draw_bars(axes, sample, within, (below, above) if distance else (above, below))
    axes.axvline(above[0], color="tab:red", linestyle="--", linewidth=1.5)
    dress(axes, "distance" if distance else "similarity", "count")
    sides = ("or less", "more than") if distance else ("or more", "less than")
    add_legend(figure, bars, _shares(within, sample.counts, f"{limit:g}", *sides))
    return finished(figure, path)


def _read(scores: Any, score_name: ScoreName) -> _Sample:  # noqa: ANN401
    if isinstance(scores, Duplicates):
        sample = _of_result(scores, score_name)
    elif isinstance(scores, Mapping):
        sample = _of_map(scores, score_name)
    else:
        values = check_numbers("scores", scores)
        ones = np.ones(len(values), np.int64)
        sample = _Sample(values, ones, score_name is ScoreName.DISTANCE)
    if len(sample.values) == 0:
        raise InvalidValueError("scores must hold at least one score, got none")
    if not np.isfinite(sample.values).all():
        raise InvalidValueError("scores must be finite, got NaN or infinity")
    check_size("scores", np.abs(sample.values).max())
    return sample


def _of_result(found: Duplicates, score_name: ScoreName) -> _Sample:
    if score_name not in (ScoreName.AUTO, found.score_name):
        raise InvalidValueError(
            f"score_name must be {found.score_name!r} for this result, got {score_name.value!r}"
        )
    return _Sample(*score_counts(found), not found.matches.descending)


def _of_map(mapping: Mapping[str, Any], score_name: ScoreName) -> _Sample:
    """The scores of a dictionary, each pair of images once."""
    entries = read_entries("scores", mapping, (list, tuple))
    if not entries.found:
        return _Sample(np.zeros(0), np.zeros(0, np.int64), False)
    if entries.scores is None:
        raise InvalidValueError(
            "scores must hold tuples of name and score, got names only; find_duplicates returns "
            "them with scores=True"
        )
    given = read_scores("the map", entries.scores, score_name)
    names = sorted({*entries.names, *entries.found})
    numbers = {name: number for number, name in enumerate(names)}
    keys = np.array([numbers[name] for name in entries.names], np.int64)
    query, item = keys[entries.query], np.array([numbers[name] for name in entries.found])
    # Only in another collection can an image's duplicate have its own name.
    references = names if (query == item).any() else None
    relation = DuplicateRelation(names, query, item, given, references)
    scores = relation.scored_pairs()[1]
    ones = np.ones(len(scores.values), np.int64)
    return _Sample(scores.values.astype(np.float64), ones, not scores.descending)


def _draw_bars(
    axes: "Axes", sample: _Sample, within: NDArray[np.bool_], bins: tuple[Floats, Floats]
) -> tuple[Any, Any]:
    """Draw the bars within and outside, given the edges of the bins of either side."""
    near, far = bins
    inside, outside = (
        np.histogram(sample.values[side], edges, weights=sample.counts[side])[0]
        for side, edges in ((within, near), (~within, far))
    )
    tops = sorted((inside.max(), outside.max()))
    if 0 < tops[0] < 0.02 * tops[1]:
        axes.set_yscale("log")
    return (
        axes.bar(near[:-1], inside, np.diff(near), align="edge", color="tab:blue"),
        axes.bar(far[:-1], outside, np.diff(far), align="edge", color="0.65"),
    )


def _bins(values: Floats, threshold: float, distance: bool) -> tuple[Floats, Floats]:
    """The edges of the bins below the threshold and of those above, at least one bin each."""
    low, high = min(values.min(), threshold), max(values.max(), threshold)
    if distance and high - low <= 2 * _BINS and bool((values == np.rint(values)).all()):
        middle = math.floor(threshold) + 0.5
        below = np.arange(math.floor(low) - 0.5, middle + 0.5)
        return below, np.arange(middle, max(math.ceil(high), middle + 0.5) + 1)
    width = (high - low) / _BINS or 0.1
    return (
        np.linspace(min(low, threshold - width), threshold, _count(threshold - low, width) + 1),
        np.linspace(threshold, max(high, threshold + width), _count(high - threshold, width) + 1),
    )


def _count(length: float, width: float) -> int:
    return max(1, round(length / width))


def _shares(
    within: NDArray[np.bool_], counts: NDArray[np.int64], threshold: str, near: str, far: str
) -> list[str]:
    total, inside = int(counts.sum()), int(counts[within].sum())
    shares = [
        (f"within, {threshold} {near}", inside),
        (f"outside, {far} {threshold}", total - inside),
    ]
    return [
        f"{name}: {part:,} of {total:,} ({part / total:.1%})".replace("%", " %")
        for name, part in shares
    ]
