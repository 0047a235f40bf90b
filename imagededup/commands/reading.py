"""What all commands that read images share: which of them are read, and at what cost."""

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.cache.place import user_cache_folder
from imagededup.errors import InvalidValueError

if TYPE_CHECKING:
    from imagededup.sources.places import Sources

__all__ = ["Reading", "reads_images"]

logger = logging.getLogger("imagededup")

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
    "cache": (
        Annotated[
            bool,
            typer.Option(
                "--cache/--no-cache",
                help="Take the codes of files that have not changed from the cache, and keep "
                "those of the others there; see imagededup cache info.",
            ),
        ],
        True,
    ),
}
"""The options, by the names of the fields of `Reading`, with their defaults."""


def _limit(metavar: str, kind: Any, text: str) -> Any:  # noqa: ANN401
    return Annotated[kind | None, typer.Option(metavar=metavar, show_default=False, help=text)]


_LIMITS: dict[str, Any] = {
    "max_pixels": _limit("N", int, "Leave out images of more pixels, default 178956970."),
    "max_file_size": _limit("SIZE", str, "Leave out files that are longer, default 2G."),
    "max_memory": _limit(
        "SIZE", str, "Memory that decoding may take, default 1.5G and 128M for each core above 11."
    ),
    "max_seconds": _limit("NUMBER", float, "Time that a remote read may take, default 60."),
}
"""The options that set `Limits`; None leaves what is set."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was asked for by the options that all commands share.

    Attributes:
        include: Patterns of names that are taken.
        exclude: Patterns of names that are left out.
        frames_per_second: How many frames of a video are taken.
        cache: Whether codes are kept from run to run.
    """

    include: list[str] | None
    exclude: list[str] | None
    frames_per_second: float
    cache: bool = False

    @property
    def chooses(self) -> bool:
        """Whether anything was asked for that says which images are read."""
        return bool(self.include or self.exclude) or self.frames_per_second != 1

    @property
    def cache_dir(self) -> Path | None:
        """Where codes are kept; None for nowhere."""
        if not self.cache:
            return None
        try:
            return user_cache_folder()
        except RuntimeError as error:
            logger.warning("there is no cache (%s); images are encoded without it", error)
            return None

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


def reads_images(command: Callable[..., None], without: Sequence[str] = ()) -> Callable[..., None]:
    """Give a command the shared options; it takes them together, as `reading`.

    Args:
        command: A function.
        without: Options that it does not have.
    """
    own = inspect.signature(command)
    options = {name: option for name, option in _OPTIONS.items() if name not in without}
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in [
            *options.items(),
            *((name, (kind, None)) for name, kind in _LIMITS.items()),
        ]
    ]

    @wraps(command)
    def with_options(**arguments: Any) -> None:  # noqa: ANN401
        reading = Reading(**{name: arguments.pop(name) for name in options})
        with _limited({name: arguments.pop(name) for name in _LIMITS}):
            command(**arguments, reading=reading)

    parameters = [item for item in own.parameters.values() if item.name != "reading"]
    signature = own.replace(parameters=[*parameters, *shared])
    with_options.__signature__ = signature  # type: ignore[attr-defined]
    with_options.__annotations__ = {
        name: item.annotation for name, item in signature.parameters.items()
    }
    del with_options.__wrapped__
    return with_options


@contextmanager
def _limited(options: dict[str, Any]) -> Iterator[None]:
    """Set the limits that were asked for, as long as the command runs.

    Raises:
        InvalidValueError: One is none; the message names the option.
    """
    from imagededup.sources.limits import limits, set_limits

    before = limits()
    for name, value in options.items():
        if value is not None:
            _set(name, value)
    try:
        yield
    finally:
        set_limits(before)


def _set(name: str, value: Any) -> None:  # noqa: ANN401
    from imagededup.sources.limits import set_limits
    from imagededup.utils.sizes import size_in_bytes

    try:
        amount = size_in_bytes(value) if isinstance(value, str) else value
        set_limits(**{name.removeprefix("max_"): amount})
    except InvalidValueError as error:
        option = f"--{name.replace('_', '-')}"
        raise InvalidValueError(f"{option}: {error}") from error
