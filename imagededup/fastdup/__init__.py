"""The runner over a work folder: features, similarities, outliers and graph statistics.

    from imagededup import fastdup
    fastdup.run(input_dir="photos", work_dir="work")

Parameters, files and columns are those of fastdup's documents.
"""

from imagededup import __version__
from imagededup.fastdup.graph.components import find_top_components
from imagededup.fastdup.run import run
from imagededup.fastdup.store.binary_features import (
    load_binary,
    load_binary_feature,
    load_binary_features,
    save_binary_feature,
)

__all__ = [
    "__version__",
    "find_top_components",
    "load_binary",
    "load_binary_feature",
    "load_binary_features",
    "run",
    "save_binary_feature",
]
