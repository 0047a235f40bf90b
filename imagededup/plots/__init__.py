"""Pictures for papers and notebooks: duplicates, clusters, curves and histograms; a page."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagededup.plots.curves import plot_precision_recall
    from imagededup.plots.duplicates import plot_clusters, plot_duplicates
    from imagededup.plots.histogram import plot_similarity_histogram
    from imagededup.plots.page import gallery

__all__ = [
    "gallery",
    "plot_clusters",
    "plot_duplicates",
    "plot_precision_recall",
    "plot_similarity_histogram",
]

_MODULES = {
    "gallery": "imagededup.plots.page",
    "plot_clusters": "imagededup.plots.duplicates",
    "plot_duplicates": "imagededup.plots.duplicates",
    "plot_precision_recall": "imagededup.plots.curves",
    "plot_similarity_histogram": "imagededup.plots.histogram",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a plot function when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
