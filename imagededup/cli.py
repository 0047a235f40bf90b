"""The command `imagededup`.

Results go to standard output, everything else to standard error. The exit code is 0 on success,
1 when something could not be done, 2 for wrong usage, 3 when `find --fail-if-found` found
duplicates, and 130 after an interrupt (143 where it was to terminate).
"""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from imagededup import __version__
from imagededup.commands.cache import cache
from imagededup.commands.command import Command
from imagededup.commands.distributed import distributed
from imagededup.commands.encode import encode
from imagededup.commands.evaluate import evaluate
from imagededup.commands.fastdup import fastdup
from imagededup.commands.find import find
from imagededup.commands.plot import plots
from imagededup.commands.remove import remove
from imagededup.commands.report import report
from imagededup.commands.restore import restore
from imagededup.commands.sweep import sweep
from imagededup.commands.wording import in_shell_words
from imagededup.errors import ImageDedupError, InvalidTypeError, InvalidValueError
from imagededup.utils.advice import with_advice
from imagededup.utils.text import one_line

__all__ = ["app", "run"]

_FAILURE = 1
_WRONG_USAGE = 2
_INTERRUPTED = 130

app = typer.Typer(
    name="imagededup",
    help="Find exact and near duplicate images. Nothing is ever sent anywhere.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (find, report, remove, restore, encode, evaluate, sweep, fastdup, distributed):
    app.command(cls=Command)(command)
app.add_typer(cache, name="cache", short_help=cache.info.help)
app.add_typer(plots, name="plot", short_help=plots.info.help)


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        KeyboardInterrupt: The user interrupted.
    """
    _log_to_stderr()
    try:
        code = app(list(arguments), prog_name="imagededup", standalone_mode=False)
    except SystemExit as end:  # shell completion ends so
        code = end.code
    except Exception as error:
        if hasattr(error, "format_message"):  # wrong usage that Typer found
            return _complain(error.format_message().replace("Value error, ", ""), _WRONG_USAGE)
        return _failed(error, arguments)
    if code == _INTERRUPTED:  # Typer has caught the interrupt
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
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
            return _complain(in_shell_words(str(error), app, arguments), _WRONG_USAGE)
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


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("imagededup: %(message)s"))
    logger = logging.getLogger("imagededup")
    logger.handlers = [handler]
    logger.propagate = False
