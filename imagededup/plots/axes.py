"""What all diagrams share: sizes, labels, and a legend below the axes."""

from typing import TYPE_CHECKING, Any

from imagededup.plots.labels import text_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["HEIGHT", "LINE", "SIZE", "WIDTH", "add_legend", "dress"]

SIZE = 9.5
"""Font size, in points."""
WIDTH, HEIGHT = 6.0, 4.2
"""Of a diagram without its legend, in inches."""
LINE = 0.21
"""Height of a line of the legend, in inches."""


def dress(axes: "Axes", across: str, upward: str) -> None:
    """Label the axes and draw the grid."""
    axes.set_xlabel(across, **text_style(SIZE))
    axes.set_ylabel(upward, **text_style(SIZE))
    axes.tick_params(labelsize=SIZE - 1)
    axes.grid(True, color="0.8", linewidth=0.5)
    axes.set_axisbelow(True)


def add_legend(figure: "Figure", handles: Any, texts: list[str]) -> None:  # noqa: ANN401
    """A legend below the axes; its texts come last, because names may begin with '_'."""
    legend = figure.legend(
        list(handles), ["." for _ in texts], loc="outside lower left", frameon=False, ncols=1
    )
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.update(text_style(SIZE) | {"text": text})
