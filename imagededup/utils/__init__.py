"""Decoding, listing, files, plots and other help that the encoders share."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagededup.utils.plot_curves import plot_precision_recall, plot_similarity_histogram
    from imagededup.utils.plotter import plot_clusters, plot_duplicates

__all__ = [
    "plot_clusters",
    "plot_duplicates",
    "plot_precision_recall",
    "plot_similarity_histogram",
]

_MODULES = {
    "plot_clusters": "imagededup.utils.plotter",
    "plot_duplicates": "imagededup.utils.plotter",
    "plot_precision_recall": "imagededup.utils.plot_curves",
    "plot_similarity_histogram": "imagededup.utils.plot_curves",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a plot function when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
