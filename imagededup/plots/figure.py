"""Figures that belong to nobody: made, saved and shown without a trace in pyplot's state.

Importing this module imports matplotlib.
"""

import importlib
import sys
from contextlib import suppress
from io import BytesIO
from os import PathLike
from pathlib import Path

import matplotlib
from matplotlib.backend_bases import FigureCanvasBase, NonGuiException
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine, PlaceHolderLayoutEngine

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.plots.labels import DOTS_PER_INCH
from imagededup.utils.files import check_output, open_atomically
from imagededup.utils.notebook import notebook_shell

__all__ = ["PlotFigure", "check_image_output", "finished"]

_SCATTERED_FORMATS = {"pgf"}  # need further files beside the one that was asked for


class PlotFigure(Figure):
    """A figure that notebooks show, whether or not pyplot was ever imported."""

    _finished_in: int | None = None

    def __init__(self, width: float, height: float, arranged: bool = False) -> None:
        """Make an empty figure.

        Args:
            width: In inches.
            height: In inches.
            arranged: Whether matplotlib finds room for axes, labels and legends; otherwise all
                stays where it is put, whatever layout the user prefers.
        """
        layout = ConstrainedLayoutEngine() if arranged else PlaceHolderLayoutEngine(True, True)
        super().__init__(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout)
        FigureCanvasAgg(self)

    def finish_in_notebook(self, display: bool) -> None:
        """Show the figure below the running cell, or not; as the cell's value it is not shown."""
        if display:
            importlib.import_module("IPython.display").display(self)
        self._finished_in = _running_cell()

    def _repr_png_(self) -> bytes:
        """The figure as IPython shows it."""
        png = BytesIO()
        self.savefig(png, format="png")
        return png.getvalue()

    def _ipython_display_(self) -> None:
        """Show nothing in the cell that finished the figure; elsewhere IPython goes on."""
        if self._finished_in is None or self._finished_in != _running_cell():
            raise NotImplementedError


def check_image_output(outfile: str | PathLike[str] | None) -> Path | None:
    """Check before the work begins that a figure can be written there.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: The folder of the file does not exist, the path is a folder, or its
            ending is none that matplotlib writes.
    """
    if outfile is None:
        return None
    path = check_output(outfile)
    endings = sorted(set(FigureCanvasBase.get_supported_filetypes()) - _SCATTERED_FORMATS)
    if _ending(path) not in endings:
        raise InvalidValueError(
            f"outfile must end in one of {', '.join(f'.{ending}' for ending in endings)}, "
            f"got {str(path)!r}"
        )
    return path


def finished(figure: PlotFigure, outfile: Path | None) -> PlotFigure:
    """Save a figure, or show it if there is somebody to see it.

    Args:
        figure: The complete figure.
        outfile: As `check_image_output` gives it; None shows the figure in a notebook and, where
            pyplot is in use with windows, in an interactive session.

    Returns:
        The same figure.

    Raises:
        FileOperationError: The file cannot be written.
    """
    if outfile is not None:
        _save(figure, outfile)
    if _running_cell() is not None:
        figure.finish_in_notebook(display=outfile is None)
    elif outfile is None:
        _show_window(figure)
    return figure


def _save(figure: PlotFigure, path: Path) -> None:
    written = BytesIO()
    try:
        figure.savefig(written, format=_ending(path))
    except Exception as error:  # what the writers of the formats happen to raise
        raise FileOperationError(f"cannot write {str(path)!r}: {error}") from error
    with open_atomically(path, binary=True) as file:
        file.write(written.getbuffer())


def _show_window(figure: PlotFigure) -> None:
    """Open a window of its own, of which pyplot does not know."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not (matplotlib.is_interactive() or hasattr(sys, "ps1")):
        return
    number = max(pyplot.get_fignums(), default=0) + 1
    manager = pyplot.new_figure_manager(number, FigureClass=lambda: figure)
    with suppress(NonGuiException):
        manager.show()


def _running_cell() -> int | None:
    """The number of the notebook's cell that runs; None outside notebooks."""
    shell = notebook_shell()
    return None if shell is None else int(getattr(shell, "execution_count", 0))


def _ending(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")
