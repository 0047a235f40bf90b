"""What all commands that read images share: which of them are read, and at what cost."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from imagededup.sources.places import Sources

__all__ = ["Reading", "reads_images"]

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "include": (
        Annotated[
            list[str] | None,
            typer.Option(
                metavar="PATTERN",
                show_default=False,
                help="Take only images whose names match, such as '*.jpg' or '2024/*'; may be "
                "given several times.",
            ),
        ],
        None,
    ),
    "exclude": (
        Annotated[
            list[str] | None,
            typer.Option(
                metavar="PATTERN",
                show_default=False,
                help="Leave out what matches, such as 'thumbs'; may be given several times.",
            ),
        ],
        None,
    ),
    "frames_per_second": (
        Annotated[
            float,
            typer.Option(metavar="NUMBER", help="How many frames of a video are taken."),
        ],
        1.0,
    ),
}
"""The options, by the names of the fields of `Reading`, with their defaults."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was asked for by the options that all commands share.

    Attributes:
        include: Patterns of names that are taken.
        exclude: Patterns of names that are left out.
        frames_per_second: How many frames of a video are taken.
    """

    include: list[str] | None
    exclude: list[str] | None
    frames_per_second: float

    @property
    def chooses(self) -> bool:
        """Whether anything was asked for that says which images are read."""
        return bool(self.include or self.exclude) or self.frames_per_second != 1

    def sources(self, places: str | Sequence[str], look_inside: bool = True) -> "Sources":
        """The places of an argument with what is read of them.

        Raises:
            InvalidValueError: The rate is not allowed.
        """
        from imagededup.sources.places import Sources

        return Sources(
            places,
            self.include or (),
            self.exclude or (),
            self.frames_per_second,
            look_inside,
        )


def reads_images(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options; it takes them together, as `reading`."""
    own = inspect.signature(command)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]

    @wraps(command)
    def with_options(**arguments: Any) -> None:  # noqa: ANN401
        reading = Reading(**{name: arguments.pop(name) for name in _OPTIONS})
        command(**arguments, reading=reading)

    parameters = [item for item in own.parameters.values() if item.name != "reading"]
    signature = own.replace(parameters=[*parameters, *shared])
    with_options.__signature__ = signature  # type: ignore[attr-defined]
    with_options.__annotations__ = {
        name: item.annotation for name, item in signature.parameters.items()
    }
    del with_options.__wrapped__
    return with_options
