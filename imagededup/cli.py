"""The command `imagededup`.

Results go to standard output, everything else to standard error. The exit code is 0 on success,
1 when something could not be done, 2 for wrong usage, 3 when `find --fail-if-found` found
duplicates, and 130 after an interrupt (143 where it was to terminate).
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer

from imagededup import __version__
from imagededup.commands.command import Command
from imagededup.commands.wording import in_shell_words
from imagededup.errors import ImageDedupError, InvalidTypeError, InvalidValueError
from imagededup.utils.advice import with_advice
from imagededup.utils.text import one_line

__all__ = ["app", "run"]

_FAILURE = 1
_WRONG_USAGE = 2
_INTERRUPTED = 130

_COMMANDS = (
    *("find", "report", "remove", "restore", "encode", "evaluate", "sweep", "fastdup"),
    "distributed",
)
"""Functions of modules of the same name, in the order of the help."""

_GROUPS = {"cache": "cache", "plot": "plots"}
"""Commands that have commands: a module, and its object of Typer."""

app: typer.Typer
"""The whole command, made when it is asked for."""


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Make `app`."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _application((*_COMMANDS, *_GROUPS))


@cache
def _application(names: tuple[str, ...]) -> typer.Typer:
    """The command with some of its subcommands; only these are imported."""
    made = typer.Typer(
        name="imagededup",
        help="Find exact and near duplicate images. Nothing is ever sent anywhere.",
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    made.callback(invoke_without_command=True)(_main)
    for name in names:
        module = import_module(f"imagededup.commands.{name}")
        if name in _GROUPS:
            group: typer.Typer = getattr(module, _GROUPS[name])
            made.add_typer(group, name=name, short_help=group.info.help)
        else:
            made.command(cls=Command)(getattr(module, name))
    return made


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        KeyboardInterrupt: The user interrupted.
    """
    try:
        with _logged_to_stderr():
            code = _asked_for(arguments)(
                list(arguments), prog_name="imagededup", standalone_mode=False
            )
    except SystemExit as end:  # shell completion ends so
        code = end.code
    except Exception as error:
        if hasattr(error, "format_message"):  # wrong usage that Typer found
            return _complain(error.format_message().replace("Value error, ", ""), _WRONG_USAGE)
        return _failed(error, arguments)
    if code == _INTERRUPTED:  # Typer has caught the interrupt
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _asked_for(arguments: Sequence[str]) -> typer.Typer:
    """The command with the one subcommand that is called, or the whole of it."""
    called = [word for word in arguments[:1] if word in (*_COMMANDS, *_GROUPS)]
    return _application(tuple(called or (*_COMMANDS, *_GROUPS)))


def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"imagededup {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    """Say in one line what went wrong; what nobody foresaw goes on as it is."""
    match error:
        case MemoryError() | ImportError() | RuntimeError() if _lacks_memory(error):
            return _complain("out of memory", _FAILURE)
        case InvalidValueError() | InvalidTypeError():
            worded = in_shell_words(str(error), _asked_for(arguments), arguments)
            return _complain(worded, _WRONG_USAGE)
        case ImageDedupError() if isinstance(error.__cause__, BrokenPipeError):
            return 0  # the reader of --output /dev/stdout had enough
        case ImageDedupError() | OSError():
            return _complain(with_advice(error), _FAILURE)
    raise error


def _lacks_memory(error: Exception) -> bool:
    """Whether memory is what lacks: for arrays, a thread's stack or a library."""
    signs = ("can't start new thread", "failed to map segment", "cannot allocate memory")
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in signs)


def _complain(error: object, code: int) -> int:
    typer.echo(f"imagededup: {one_line(error)}", err=True)
    return code


@contextmanager
def _logged_to_stderr() -> Iterator[None]:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("imagededup: %(message)s"))
    logger = logging.getLogger("imagededup")
    before = logger.handlers, logger.propagate
    logger.handlers, logger.propagate = [handler], False
    try:
        yield
    finally:
        logger.handlers, logger.propagate = before
