"""Curves of precision over recall."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation.operating_points import PrecisionRecallCurve
from imagededup.plots.axes import HEIGHT, LINE, SIZE, WIDTH, add_legend, dress
from imagededup.plots.labels import fitting
from imagededup.plots.numbers import Floats, check_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_precision_recall"]

_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True, slots=True)
class _Curve:
    precision: Floats
    recall: Floats
    thresholds: Floats | None


def plot_precision_recall(
    curves: Mapping[str, Any] | PrecisionRecallCurve | Sequence[Any],
    outfile: str | PathLike[str] | None = None,
) -> "Figure":
    """Draw precision over recall; the legend gives the highest F1 score of every curve.

    Args:
        curves: A curve, or several by label. A curve is a tuple of precision and recall, arrays of
            shape (k,) with values from 0 to 1, and, if at hand, the thresholds, of shape (k,) or
            (k - 1,); or what `precision_recall_curve` returns.
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
    height = HEIGHT + LINE * len(checked)
    figure = PlotFigure(WIDTH, height, arranged=True)
    axes = figure.add_subplot()
    lines = [_draw_curve(axes, curve, number) for number, curve in enumerate(checked.values())]
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    dress(axes, "recall", "precision")
    add_legend(figure, lines, [_legend(label, curve) for label, curve in checked.items()])
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


def _legend(label: str, curve: _Curve) -> str:
    if len(curve.recall) == 0:
        note = "nothing retrieved"
    else:
        f1 = _f1(curve)
        best = int(f1.argmax())
        note = f"best F1 {f1[best]:.3f}"
        if curve.thresholds is not None and best < len(curve.thresholds):
            note += f" at threshold {curve.thresholds[best]:.4g}"
    return f"{fitting(label.strip(), 2.4, SIZE)}: {note}" if label else note


def _f1(curve: _Curve) -> Floats:
    total = curve.precision + curve.recall
    return np.divide(
        2 * curve.precision * curve.recall, total, out=np.zeros_like(total), where=total > 0
    )


def _check_curves(curves: object) -> dict[str, _Curve]:
    if isinstance(curves, PrecisionRecallCurve) or _is_tuple(curves):
        return {"": _check_curve("", curves)}
    if not isinstance(curves, Mapping):
        raise InvalidTypeError(
            f"curves must be a curve or a dict of curves, got {type(curves).__name__}"
        )
    if not curves:
        raise InvalidValueError("curves must hold at least one curve, got none")
    return {_check_label(label): _check_curve(label, curve) for label, curve in curves.items()}


def _check_label(label: object) -> str:
    if not isinstance(label, str):
        raise InvalidTypeError(f"curves must have labels of type str, got {label!r}")
    return label


def _check_curve(label: str, curve: Any) -> _Curve:  # noqa: ANN401
    if isinstance(curve, PrecisionRecallCurve):
        curve = (curve.precision, curve.recall, curve.threshold)
    if not _is_tuple(curve):
        raise InvalidTypeError(
            f"curves must hold tuples of precision, recall and, if at hand, thresholds, "
            f"got {type(curve).__name__} for {label!r}"
        )
    precision, recall = (check_numbers(_place(label), values) for values in curve[:2])
    thresholds = check_numbers(_place(label), curve[2]) if len(curve) == 3 else None
    count = len(precision)
    if len(recall) != count or (
        thresholds is not None and len(thresholds) not in (count, count - 1)
    ):
        lengths = ", ".join(str(len(values)) for values in curve)
        raise InvalidValueError(
            f"curves must hold arrays of one length, got {lengths} for {_place(label)}"
        )
    both = np.concatenate([precision, recall])
    if not ((both >= 0) & (both <= 1)).all():
        raise InvalidValueError(f"curves must have values from 0 to 1, {_place(label)} has others")
    return _Curve(precision, recall, thresholds)


def _is_tuple(curve: object) -> bool:
    """Whether it is precision, recall and perhaps thresholds."""
    return isinstance(curve, tuple | list) and len(curve) in (2, 3)


def _place(label: str) -> str:
    return f"curves[{label!r}]" if label else "the curve"
