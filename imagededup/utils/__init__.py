"""Help that all parts share; `plot_duplicates` and `CustomModel` are handed on from here.

The plots live in `imagededup.plots`, the models in `imagededup.models`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagededup.models import CustomModel
    from imagededup.plots import (
        plot_clusters,
        plot_duplicates,
        plot_precision_recall,
        plot_similarity_histogram,
    )

__all__ = [
    "CustomModel",
    "plot_clusters",
    "plot_duplicates",
    "plot_precision_recall",
    "plot_similarity_histogram",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Hand on a name of the plots or models when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = "imagededup.models" if name == "CustomModel" else "imagededup.plots"
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
