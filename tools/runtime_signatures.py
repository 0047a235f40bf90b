"""Shows the searches of the encoders and `fastdup.run` as Python does, in the reference.

Their parameters are written once, in one place for all encoders and in the configuration of a run;
signatures and docstrings are made from it when the package is imported. griffe only reads the
sources: this extension of it puts the finished ones in.
"""

import importlib
import inspect
import re
from types import NoneType
from typing import Any, Union, get_args, get_origin

import griffe

_SEARCHES = ("find_duplicates", "find_duplicates_to_remove", "search")
_ENCODERS = ("PHash", "DHash", "AHash", "WHash", "CNN")


def _shown(annotation: Any) -> str:  # noqa: ANN401
    """An annotation, without the modules of its names."""
    if get_origin(annotation) is Union:
        return " | ".join(_shown(choice) for choice in get_args(annotation))
    if annotation is NoneType:
        return "None"
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:[a-z]\w*\.)+(?=[A-Z])", "", text)


def _function(method: Any) -> griffe.Function:  # noqa: ANN401
    """Read a method as it is at run time."""
    signature = inspect.signature(method)
    parameters = [
        griffe.Parameter(
            name,
            annotation=None if name == "self" else _shown(parameter.annotation),
            kind=griffe.ParameterKind[parameter.kind.name.lower()],
            default=None if parameter.default is parameter.empty else repr(parameter.default),
        )
        for name, parameter in signature.parameters.items()
    ]
    function = griffe.Function(
        method.__name__,
        lineno=1,
        parameters=griffe.Parameters(*parameters),
        returns=_shown(signature.return_annotation),
    )
    function.docstring = griffe.Docstring(
        inspect.getdoc(method) or "", parent=function, parser="google"
    )
    return function


class RuntimeSignatures(griffe.Extension):
    """Gives each encoder its searches, and the runner its parameters."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:  # noqa: ANN401
        """Replace what the sources say by what Python shows."""
        methods = importlib.import_module("imagededup.methods")
        for name in _ENCODERS:
            encoder = getattr(methods, name)
            path = f"{encoder.__module__}.{name}".partition(".")[2]
            for search in _SEARCHES:
                pkg[path].set_member(search, _function(getattr(encoder, search)))
        fastdup = importlib.import_module("imagededup.fastdup")
        pkg["fastdup"].set_member("run", _function(fastdup.run))
