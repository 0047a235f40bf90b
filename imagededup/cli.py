"""The command `imagededup`.

Results go to standard output, everything else to standard error. The exit code is 0 on success,
1 when something could not be done, 2 for wrong usage, and 130 after an interrupt.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from imagededup import __version__
from imagededup.commands.encode import encode
from imagededup.commands.evaluate import evaluate, sweep
from imagededup.commands.fastdup import fastdup
from imagededup.commands.find import find
from imagededup.commands.plot import plots
from imagededup.commands.remove import remove
from imagededup.errors import ImageDedupError, InvalidTypeError, InvalidValueError

__all__ = ["app", "run"]

_FAILURE = 1
_WRONG_USAGE = 2
_INTERRUPTED = 130

app = typer.Typer(
    name="imagededup",
    help="Find exact and near duplicate images. Nothing is ever sent anywhere.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (find, remove, encode, evaluate, sweep, fastdup):
    app.command()(command)
app.add_typer(plots, name="plot")


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        KeyboardInterrupt: The user interrupted.
    """
    _log_to_stderr()
    try:
        code = app(list(arguments), prog_name="imagededup", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except (InvalidValueError, InvalidTypeError) as error:
        return _complain(error, _WRONG_USAGE)
    except ImageDedupError as error:
        return _complain(error, _FAILURE)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not wrong usage that Typer found
            raise
        return _complain(error.format_message(), _WRONG_USAGE)
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


def _complain(error: Any, code: int) -> int:  # noqa: ANN401
    typer.echo(f"imagededup: {' '.join(str(error).split())}", err=True)
    return code


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("imagededup: %(message)s"))
    logger = logging.getLogger("imagededup")
    logger.handlers = [handler]
    logger.propagate = False
