"""Saying what is removed, while it is removed."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

from imagededup.commands.streams import PatientStream
from imagededup.errors import FileOperationError
from imagededup.utils.text import shown

if TYPE_CHECKING:
    from imagededup.methods.results import Removal
    from imagededup.removal.duties import Outcome

__all__ = ["RemovalReport"]

_FAILURE = 1


class _OutputLostError(Exception):
    """Standard output takes no more."""


class RemovalReport:
    """Says what is done, and ends the work when that cannot be said.

    Args:
        describe: Why a file goes, in a few words.
        of_all: What the files are some of: `120 images`.
        verb: What happens to one of them.
        result: What has happened to all of them.
    """

    def __init__(
        self,
        describe: "Callable[[Removal], str]",
        of_all: str,
        verb: str,
        result: str,
    ) -> None:
        self._describe = describe
        self._of_all = of_all
        self._verb = verb
        self._result = result
        self.done = 0
        self.kept = 0

    def follow(self, outcomes: "Iterable[Outcome]") -> None:
        """Have all files acted on.

        Raises:
            Exit: Standard output is full, closed or left by its reader.
            FileOperationError: The journal cannot be written.
        """
        try:
            _check_output()
            for outcome in outcomes:
                self._say(outcome)
            _say(self._summary())
        except _OutputLostError as error:
            typer.echo(f"imagededup: stopped, {error}: {self._summary()}", err=True)
            raise typer.Exit(_FAILURE) from error
        except (KeyboardInterrupt, FileOperationError):
            typer.echo(f"imagededup: stopped: {self._summary()}", err=True)
            raise

    def _say(self, outcome: "Outcome") -> None:
        name = shown(outcome.removal.name)
        if outcome.reason is not None:
            self.kept += 1
            typer.echo(f"imagededup: kept {name}: {outcome.reason}", err=True)
            return
        self.done += 1
        place = "" if outcome.place is None else f" to {shown(str(outcome.place))}"
        _say(f"{self._verb} {name}{place} ({self._describe(outcome.removal)})")

    def _summary(self) -> str:
        return f"{self.done} of {self._of_all} {self._result}"


def _say(line: str) -> None:
    """Write a line to standard output.

    Raises:
        _OutputLostError: It does not arrive.
    """
    typer.echo(line)
    _check_output()


def _check_output() -> None:
    """Raise if standard output is full, closed or left by its reader."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    reason = raw.end() if isinstance(raw, PatientStream) else None
    if reason is not None:
        raise _OutputLostError(f"standard output: {reason}")
