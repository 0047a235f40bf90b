"""The runner over a work folder: features, similarities, outliers and graph statistics.

    from imagededup import fastdup
    fastdup.run(input_dir="photos", work_dir="work")

Parameters, files and columns are those of fastdup's documents.
"""

from typing import TYPE_CHECKING

from imagededup import __version__
from imagededup.fastdup.run import run
from imagededup.utils.handed_on import handed_on

if TYPE_CHECKING:
    from imagededup.fastdup.galleries.components import create_components_gallery
    from imagededup.fastdup.galleries.pairs import (
        create_duplicates_gallery,
        create_outliers_gallery,
        create_similarity_gallery,
        generate_duplicates_gallery,
    )
    from imagededup.fastdup.galleries.stats import create_stats_gallery
    from imagededup.fastdup.graph.components import find_top_components
    from imagededup.fastdup.store.binary_features import (
        load_binary,
        load_binary_feature,
        load_binary_features,
        save_binary_feature,
    )

__all__ = [
    "__version__",
    "create_components_gallery",
    "create_duplicates_gallery",
    "create_outliers_gallery",
    "create_similarity_gallery",
    "create_stats_gallery",
    "find_top_components",
    "generate_duplicates_gallery",
    "load_binary",
    "load_binary_feature",
    "load_binary_features",
    "run",
    "save_binary_feature",
]

_BINARY = "imagededup.fastdup.store.binary_features"
_GALLERIES = "imagededup.fastdup.galleries"
_MODULES = {
    "create_components_gallery": f"{_GALLERIES}.components",
    "create_duplicates_gallery": f"{_GALLERIES}.pairs",
    "create_outliers_gallery": f"{_GALLERIES}.pairs",
    "create_similarity_gallery": f"{_GALLERIES}.pairs",
    "create_stats_gallery": f"{_GALLERIES}.stats",
    "find_top_components": "imagededup.fastdup.graph.components",
    "generate_duplicates_gallery": f"{_GALLERIES}.pairs",
    "load_binary": _BINARY,
    "load_binary_feature": _BINARY,
    "load_binary_features": _BINARY,
    "save_binary_feature": _BINARY,
}

__getattr__ = handed_on(__name__, _MODULES)


def __dir__() -> list[str]:
    return __all__
