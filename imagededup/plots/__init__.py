"""Pictures for papers and notebooks: duplicates, clusters, curves and histograms; a page."""

from typing import TYPE_CHECKING

from imagededup.utils.handed_on import handed_on

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

__getattr__ = handed_on(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
