"""Find exact and near duplicate images.

The encoders are in `imagededup.methods`, the runner over a work folder in `imagededup.fastdup`.
They are handed on from here; importing the package loads none of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagededup import fastdup
    from imagededup.methods import CNN, AHash, DHash, Duplicates, PHash, WHash
    from imagededup.sources.limits import Limits, limits, set_limits
    from imagededup.sources.places import Sources

__version__ = "0.1.0"

__all__ = [
    "CNN",
    "AHash",
    "DHash",
    "Duplicates",
    "Limits",
    "PHash",
    "Sources",
    "WHash",
    "__version__",
    "fastdup",
    "limits",
    "set_limits",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what is handed on when it is asked for."""
    import importlib

    if name == "fastdup":
        return importlib.import_module("imagededup.fastdup")
    if name in ("Limits", "limits", "set_limits"):
        return getattr(importlib.import_module("imagededup.sources.limits"), name)
    if name == "Sources":
        return importlib.import_module("imagededup.sources.places").Sources
    if name in __all__:
        return getattr(importlib.import_module("imagededup.methods"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
