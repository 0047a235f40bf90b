"""The parameters that every search for duplicates takes, and their names by encoder.

The three public searches are written once, with a `threshold`. Each encoder calls it by the name of
its score, and takes the parameters in the order in which users of imagededup know them: this module
makes the signature, the docstring and the call of every encoder from the one that is written.
"""

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import wraps
from os import PathLike
from textwrap import fill
from typing import Any, TypedDict, TypeVar

from imagededup.errors import InvalidTypeError
from imagededup.sources.places import ImageDir

__all__ = ["DEFAULT", "NamedOptions", "PathType", "SearchNames", "SearchRequest", "named"]

PathType = str | PathLike[str]
Method = TypeVar("Method", bound=Callable[..., Any])

DEFAULT: Any = object()
"""Stands for the threshold where none is given."""

_WIDTH = 100


class SearchOptions(TypedDict, total=False):
    """What a search takes beside images and threshold; `_DEFAULTS` has what is taken otherwise."""

    search_method: str
    recursive: bool
    num_enc_workers: int | None
    num_dist_workers: int | None
    against: ImageDir | Mapping[str, Any] | None
    verify: bool | str
    candidates: int
    relations: Collection[str] | None


class NamedOptions(SearchOptions, total=False):
    """The same with the names of the threshold and of the workers that some encoders have."""

    max_distance_threshold: int
    min_similarity_threshold: float
    num_sim_workers: int | None


_DEFAULTS = SearchOptions(
    search_method="auto",
    recursive=False,
    num_enc_workers=None,
    num_dist_workers=None,
    against=None,
    verify="auto",
    candidates=10,
    relations=None,
)
_BY_NAME_ONLY = ("verify", "candidates", "relations")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """The arguments of a search as the user gave them.

    Attributes:
        floor: The limit of the score of candidates for verification.
        lists_removals: Whether the result lists images to remove.
    """

    image_dir: ImageDir | None
    encoding_map: Mapping[str, Any] | None
    threshold: Any
    search_method: str
    recursive: bool
    num_enc_workers: int | None
    num_dist_workers: int | None
    against: ImageDir | Mapping[str, Any] | None
    verify: bool | str
    candidates: int
    relations: Collection[str] | None
    floor: Any
    lists_removals: bool


@dataclass(frozen=True, slots=True)
class SearchNames:
    """How an encoder calls the parameters of its searches.

    Attributes:
        threshold: The name of the threshold.
        default: Its default.
        floor: The default for candidates that are verified.
        texts: What the docstring says of a parameter, where encoders differ.
        order: The options in the order in which they may be given without a name.
        other_names: Names that also stand for an option.
    """

    threshold: str
    default: float
    floor: float
    texts: Mapping[str, str]
    order: tuple[str, ...]
    other_names: Mapping[str, str]

    def request(
        self,
        image_dir: ImageDir | None,
        encoding_map: Mapping[str, Any] | None,
        threshold: object,
        options: Mapping[str, Any],
        *,
        lists_removals: bool = False,
    ) -> SearchRequest:
        """Complete the arguments of a search by their defaults."""
        default = threshold is DEFAULT
        return SearchRequest(
            image_dir,
            encoding_map,
            self.default if default else threshold,
            floor=self.floor if default else threshold,
            lists_removals=lists_removals,
            **{**_DEFAULTS, **options},
        )


def named(method: Method, names: SearchNames) -> Method:
    """A search with the names, the order and the docstring of an encoder.

    `threshold` is understood as well, so that code for any encoder need not know the name.
    """
    signature = _signature(method, names)
    other_names = {**names.other_names, "threshold": names.threshold}

    @wraps(method)
    def search(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        for other in other_names.keys() & options:
            name = other_names[other]
            if name in options:
                raise InvalidTypeError(f"{other} is another name of {name}: only one may be given")
            options[name] = options.pop(other)
        given = signature.bind(*arguments, **options).arguments
        given["threshold"] = given.pop(names.threshold, DEFAULT)
        return method(**given)

    search.__signature__ = signature  # type: ignore[attr-defined]
    search.__doc__ = _documented(method.__doc__ or "", names)
    return search  # type: ignore[return-value]


def _signature(method: Callable[..., Any], names: SearchNames) -> inspect.Signature:
    """The parameters of a method, its threshold named and its options in order."""
    written = inspect.signature(method)
    types = inspect.get_annotations(SearchOptions)

    def option(name: str, kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD) -> inspect.Parameter:  # noqa: ANN401
        return inspect.Parameter(name, kind, default=_DEFAULTS[name], annotation=types[name])  # type: ignore[literal-required]

    parameters: list[inspect.Parameter] = []
    behind: list[inspect.Parameter] = []
    for parameter in written.parameters.values():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            parameters += [option(name) for name in names.order]
        elif parameter.name == "threshold":
            parameters.append(
                parameter.replace(
                    name=names.threshold, default=names.default, annotation=type(names.default)
                )
            )
        elif parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            behind.append(parameter.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD))
        else:
            parameters.append(parameter)
    named_only = [option(name, inspect.Parameter.KEYWORD_ONLY) for name in _BY_NAME_ONLY]
    return written.replace(parameters=[*parameters, *behind, *named_only])


def _documented(docstring: str, names: SearchNames) -> str:
    """The docstring with the encoder's names and texts."""

    def describe(match: re.Match[str]) -> str:
        indent, name = match.groups()
        shown = names.threshold if name == "threshold" else name
        return fill(
            f"{shown}: {names.texts[name]}",
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=f"{indent}    ",
        )

    words = "|".join(names.texts)
    return re.sub(rf"(?m)^( +)({words}): .*(?:\n\1 +.*)*", describe, docstring)
