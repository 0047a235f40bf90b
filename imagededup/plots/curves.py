"""Curves and histograms of scores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.plots.labels import fitting, text_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_precision_recall", "plot_similarity_histogram"]

Floats = NDArray[np.float64]

_SIZE = 9.5
_WIDTH, _HEIGHT = 6.0, 4.2
_LINE = 0.21
_BINS = 60
_STYLES = ("-", "--", ":", "-.")
_SCORE_NAMES = ("similarity", "distance")


@dataclass(frozen=True, slots=True)
class _Curve:
    precision: Floats
    recall: Floats
    thresholds: Floats | None


def plot_precision_recall(
    curves: Mapping[str, Any], outfile: str | PathLike[str] | None = None
) -> "Figure":
    """Draw precision over recall; the legend gives the highest F1 score of every curve.

    Args:
        curves: By label, tuples of precision and recall, arrays of shape (k,) with values from 0
            to 1, and, if at hand, the thresholds, of shape (k,) or (k - 1,); or the objects that
            `precision_recall_curve` returns.
        outfile: Where to save the figure; without it the figure is shown as `plot_duplicates` does.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: There is no curve, arrays do not go together or have values out of range,
            or `outfile` cannot be written.
        FileOperationError: Writing `outfile` failed.

    Examples:
        >>> figure = plot_precision_recall({"PHash": ([1.0, 0.9], [0.5, 0.8], [2, 10])})
        >>> figure.legends[0].get_texts()[0].get_text()
        'PHash: best F1 0.847 at threshold 10'
    """
    from imagededup.plots.figure import PlotFigure, check_image_output, finished

    checked = _check_curves(curves)
    path = check_image_output(outfile)
    height = _HEIGHT + _LINE * len(checked)
    figure = PlotFigure(_WIDTH, height, arranged=True)
    axes = figure.add_subplot()
    lines = [_draw_curve(axes, curve, number) for number, curve in enumerate(checked.values())]
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    _dress(axes, "recall", "precision")
    _add_legend(figure, lines, [_legend(label, curve) for label, curve in checked.items()])
    return finished(figure, path)


def plot_similarity_histogram(
    scores: ArrayLike,
    threshold: float,
    outfile: str | PathLike[str] | None = None,
    score_name: str = "similarity",
) -> "Figure":
    """Draw how often scores occur, with the threshold and the share on either side of it.

    The axis of the counts is logarithmic if the bars of one side would be too low to be seen.

    Args:
        scores: Shape (k,), k at least 1, finite.
        threshold: Similarities from here up, or distances up to here, are within.
        outfile: Where to save the figure; without it the figure is shown as `plot_duplicates` does.
        score_name: 'similarity' or 'distance'.

    Returns:
        The matplotlib figure. It is not registered with pyplot and needs not be closed.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: No scores or another shape, values that are not finite, a score name that
            does not exist, or `outfile` cannot be written.
        FileOperationError: Writing `outfile` failed.

    Examples:
        >>> figure = plot_similarity_histogram([0.2, 0.5, 0.7, 0.95], threshold=0.9)
        >>> [text.get_text() for text in figure.legends[0].get_texts()]
        ['within, 0.9 or more: 1 of 4 (25.0 %)', 'outside, less than 0.9: 3 of 4 (75.0 %)']
    """
    from imagededup.plots.figure import PlotFigure, check_image_output, finished

    values = _check_scores(scores)
    _check_threshold(threshold)
    if score_name not in _SCORE_NAMES:
        words = " or ".join(map(repr, _SCORE_NAMES))
        raise InvalidValueError(f"score_name must be {words}, got {score_name!r}")
    path = check_image_output(outfile)
    distance = score_name == "distance"
    within = values <= threshold if distance else values >= threshold
    figure = PlotFigure(_WIDTH, _HEIGHT + 2 * _LINE, arranged=True)
    axes = figure.add_subplot()
    below, above = _bins(values, float(threshold), distance)
    bars = _draw_bars(axes, values, within, (below, above) if distance else (above, below))
    axes.axvline(above[0], color="tab:red", linestyle="--", linewidth=1.5)
    _dress(axes, score_name, "count")
    sides = ("or less", "more than") if distance else ("or more", "less than")
    _add_legend(figure, bars, _shares(within, f"{threshold:g}", *sides))
    return finished(figure, path)


def _draw_curve(axes: "Axes", curve: _Curve, number: int) -> Any:  # noqa: ANN401
    recall, precision = curve.recall, curve.precision
    if len(recall) > 1 and recall[0] > recall[-1]:
        recall, precision = recall[::-1], precision[::-1]
    order = np.argsort(recall, kind="stable")
    (line,) = axes.plot(
        recall[order],
        precision[order],
        color=f"C{number % 10}",
        linestyle=_STYLES[number // 10 % len(_STYLES)],
        marker="o" if len(recall) <= 1 else "",
        clip_on=False,
    )
    if len(recall) > 1:
        best = _f1(curve).argmax()
        axes.plot(curve.recall[best], curve.precision[best], "o", color=line.get_color())
    return line


def _draw_bars(
    axes: "Axes", values: Floats, within: NDArray[np.bool_], bins: tuple[Floats, Floats]
) -> tuple[Any, Any]:
    """Draw the bars within and outside, given the edges of the bins of either side."""
    near, far = bins
    inside, outside = np.histogram(values[within], near)[0], np.histogram(values[~within], far)[0]
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


def _shares(within: NDArray[np.bool_], threshold: str, near: str, far: str) -> list[str]:
    total, inside = len(within), int(within.sum())
    shares = [
        (f"within, {threshold} {near}", inside),
        (f"outside, {far} {threshold}", total - inside),
    ]
    return [
        f"{name}: {part:,} of {total:,} ({part / total:.1%})".replace("%", " %")
        for name, part in shares
    ]


def _dress(axes: "Axes", across: str, upward: str) -> None:
    axes.set_xlabel(across, **text_style(_SIZE))
    axes.set_ylabel(upward, **text_style(_SIZE))
    axes.tick_params(labelsize=_SIZE - 1)
    axes.grid(True, color="0.8", linewidth=0.5)
    axes.set_axisbelow(True)


def _add_legend(figure: "Figure", handles: Any, texts: list[str]) -> None:  # noqa: ANN401
    """A legend below the axes; its texts come last, because names may begin with '_'."""
    legend = figure.legend(
        list(handles), ["." for _ in texts], loc="outside lower left", frameon=False, ncols=1
    )
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.update(text_style(_SIZE) | {"text": text})


def _legend(label: str, curve: _Curve) -> str:
    if len(curve.recall) == 0:
        note = "nothing retrieved"
    else:
        f1 = _f1(curve)
        best = int(f1.argmax())
        note = f"best F1 {f1[best]:.3f}"
        if curve.thresholds is not None and best < len(curve.thresholds):
            note += f" at threshold {curve.thresholds[best]:.4g}"
    return f"{fitting(label.strip(), 2.4, _SIZE)}: {note}"


def _f1(curve: _Curve) -> Floats:
    total = curve.precision + curve.recall
    return np.divide(
        2 * curve.precision * curve.recall, total, out=np.zeros_like(total), where=total > 0
    )


def _check_curves(curves: object) -> dict[str, _Curve]:
    if not isinstance(curves, Mapping):
        raise InvalidTypeError(f"curves must be a dict, got {type(curves).__name__}")
    if not curves:
        raise InvalidValueError("curves must hold at least one curve, got none")
    return {_check_label(label): _check_curve(label, curve) for label, curve in curves.items()}


def _check_label(label: object) -> str:
    if not isinstance(label, str):
        raise InvalidTypeError(f"curves must have labels of type str, got {label!r}")
    return label


def _check_curve(label: str, curve: Any) -> _Curve:  # noqa: ANN401
    if hasattr(curve, "precision") and hasattr(curve, "recall"):
        curve = (curve.precision, curve.recall, curve.threshold)
    if not isinstance(curve, tuple | list) or len(curve) not in (2, 3):
        raise InvalidTypeError(
            f"curves must hold tuples of precision, recall and, if at hand, thresholds, "
            f"got {type(curve).__name__} for {label!r}"
        )
    precision, recall = (_numbers(f"curves[{label!r}]", values) for values in curve[:2])
    thresholds = _numbers(f"curves[{label!r}]", curve[2]) if len(curve) == 3 else None
    count = len(precision)
    if len(recall) != count or (
        thresholds is not None and len(thresholds) not in (count, count - 1)
    ):
        lengths = ", ".join(str(len(values)) for values in curve)
        raise InvalidValueError(
            f"curves must hold arrays of one length, got {lengths} for {label!r}"
        )
    both = np.concatenate([precision, recall])
    if not ((both >= 0) & (both <= 1)).all():
        raise InvalidValueError(f"curves must have values from 0 to 1, {label!r} has others")
    return _Curve(precision, recall, thresholds)


def _check_scores(scores: ArrayLike) -> Floats:
    values = _numbers("scores", scores)
    if len(values) == 0:
        raise InvalidValueError("scores must hold at least one score, got none")
    if not np.isfinite(values).all():
        raise InvalidValueError("scores must be finite, got NaN or infinity")
    return values


def _check_threshold(threshold: object) -> None:
    if not isinstance(threshold, Real) or isinstance(threshold, bool):
        raise InvalidTypeError(f"threshold must be a number, got {type(threshold).__name__}")
    if not math.isfinite(threshold):
        raise InvalidValueError(f"threshold must be finite, got {threshold}")


def _numbers(name: str, values: ArrayLike) -> Floats:
    """The values as float64 of shape (k,)."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise InvalidTypeError(f"{name} must be an array of numbers") from error
    if array.size and array.dtype.kind not in "uif":
        raise InvalidTypeError(f"{name} must be an array of numbers, got dtype {array.dtype}")
    if array.ndim != 1:
        raise InvalidValueError(f"{name} must have shape (k,), got shape {array.shape}")
    return array.astype(np.float64)
