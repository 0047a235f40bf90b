"""The runner over a work folder: features, similarities, outliers and graph statistics.

    from imagededup import fastdup
    fastdup.run(input_dir="photos", work_dir="work")

Parameters, files and columns are those of fastdup's documents.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imagededup import __version__
from imagededup.fastdup.run import run

if TYPE_CHECKING:
    from imagededup.fastdup.graph.components import find_top_components
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

_BINARY = "imagededup.fastdup.store.binary_features"
_MODULES = {
    "find_top_components": "imagededup.fastdup.graph.components",
    "load_binary": _BINARY,
    "load_binary_feature": _BINARY,
    "load_binary_features": _BINARY,
    "save_binary_feature": _BINARY,
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a helper when it is first asked for: the command needs the parameters only."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
