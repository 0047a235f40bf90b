"""`imagededup remove`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.commands.options import (
    Against,
    Candidates,
    Folder,
    FullDecode,
    Method,
    MethodOption,
    Recursive,
    Threshold,
    search,
    verification,
)
from imagededup.commands.related import relations_of_removals
from imagededup.commands.streams import PatientStream
from imagededup.errors import InvalidValueError
from imagededup.utils.keep import Keep
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal
    from imagededup.removal.act import Action, Outcome

__all__ = ["remove"]

_FAILURE = 1
_PHRASES = {
    None: "duplicate of",
    "identical": "identical to",
    "copy": "copy of",
    "part": "part of",
    "variant": "variant of",
    "overlap": "overlaps with",
}
"""What is said of an image that goes, by its relation to the one that stays."""


def remove(
    folder: Folder,
    method: MethodOption = Method.PHASH,
    threshold: Threshold = None,
    recursive: Recursive = False,
    against: Against = None,
    keep: Annotated[
        Keep,
        typer.Option(
            metavar="RULE",
            help="Which image of several duplicates stays: first (by name), largest_resolution, "
            "largest_file or oldest.",
        ),
    ] = Keep.FIRST,
    full_decode: FullDecode = False,
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            show_default=False,
            help="Look at both images of each candidate pair, and remove only what is an edited "
            "copy of what stays; of a part and its whole the whole stays. The default with cnn.",
        ),
    ] = None,
    candidates: Candidates = None,
    relations: Annotated[
        str | None,
        typer.Option(
            "--relations",
            metavar="LIST",
            show_default=False,
            help="Of which relations of verified pairs an image goes: identical, copy and part by "
            "default; also variant and overlap.",
        ),
    ] = None,
    move_to: Annotated[
        Path | None,
        typer.Option("--move-to", metavar="DIR", help="Move the duplicates into this folder."),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; needs --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --delete.")] = False,
) -> None:
    """Remove duplicates, so that one image of each kind stays.

    Without --move-to or --delete nothing is changed: the command says what it would do. A file
    stays if it or its duplicate has changed since it was looked at, or if both are one file.

    \b
    Examples:
      imagededup remove photos
      imagededup remove photos --keep largest_resolution --move-to duplicates
      imagededup remove new_photos --against archive --delete --yes
    """
    from imagededup.removal import delete as delete_file
    from imagededup.removal import move_into, only_check

    _check_action(folder, recursive, move_to, delete, yes)
    verifies = method is Method.CNN if verify is None else verify
    verifying = _removal_verification(verifies, candidates, relations)
    found = search(
        method,
        threshold,
        full_decode,
        image_dir=folder,
        recursive=recursive,
        against=against,
        **verifying,
    )
    removals = found.removals(keep.value, verifying.get("relations"))
    if move_to is not None:
        report = _Report(found, removals, "moved")
        report.act(move_into(move_to))
    elif delete:
        report = _Report(found, removals, "deleted")
        report.act(delete_file)
    else:
        report = _Report(found, removals, "would remove", "would be removed; nothing was changed")
        report.act(only_check)
        typer.echo("To act, add --move-to DIR or --delete --yes", err=True)
    if report.kept:
        raise typer.Exit(_FAILURE)


class _OutputLostError(Exception):
    """Standard output takes no more."""


class _Report:
    """Says what is done, and ends the work when that cannot be said.

    Args:
        found: The duplicates.
        removals: Those that are to go.
        verb: What happens to one of them.
        result: What has happened to all of them.
    """

    def __init__(
        self,
        found: "Duplicates",
        removals: "Sequence[Removal]",
        verb: str,
        result: str | None = None,
    ) -> None:
        self._found = found
        self._removals = removals
        self._relations = relations_of_removals(found, removals)
        self._verb = verb
        self._result = result or verb
        self._done = 0
        self.kept = 0

    def act(self, action: "Action") -> None:
        """Act on all duplicates.

        Raises:
            Exit: Standard output is full, closed or left by its reader.
        """
        from imagededup.removal import carry_out

        try:
            _check_output()
            for outcome in carry_out(self._found, self._removals, action):
                self._say(outcome)
            _say(self._summary())
        except _OutputLostError as error:
            typer.echo(f"imagededup: stopped, {error}: {self._summary()}", err=True)
            raise typer.Exit(_FAILURE) from error
        except KeyboardInterrupt:
            typer.echo(f"imagededup: stopped: {self._summary()}", err=True)
            raise

    def _say(self, outcome: "Outcome") -> None:
        name = shown(outcome.removal.name)
        if outcome.reason is not None:
            self.kept += 1
            typer.echo(f"imagededup: kept {name}: {outcome.reason}", err=True)
            return
        self._done += 1
        place = "" if outcome.place is None else f" to {shown(str(outcome.place))}"
        score = self._found.describe_score(outcome.removal.score)
        is_what = _PHRASES[self._relations[outcome.removal.name]]
        original = shown(outcome.removal.duplicate_of)
        _say(f"{self._verb} {name}{place} ({is_what} {original}, {score})")

    def _summary(self) -> str:
        return f"{self._done} of {counted(len(self._found.names), 'image')} {self._result}"


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


def _removal_verification(
    verify: bool, candidates: int | None, relations: str | None
) -> dict[str, Any]:
    """The arguments of the search that say how to verify; the pairs are those that are acted on."""
    arguments = verification(verify, candidates, relations)
    if verify:
        from imagededup.verification.relation import ACTED_ON, REMOVABLE, check_relations

        arguments["relations"] = check_relations(arguments.get("relations", REMOVABLE), ACTED_ON)
    return arguments


def _check_action(
    folder: Path, recursive: bool, move_to: Path | None, delete: bool, yes: bool
) -> None:
    if delete and move_to is not None:
        raise InvalidValueError("--move-to and --delete exclude each other")
    if delete and not yes:
        raise InvalidValueError("--delete needs --yes")
    if yes and not delete:
        raise InvalidValueError("--yes goes with --delete")
    if move_to is None:
        return
    if move_to.exists() and not move_to.is_dir():
        raise InvalidValueError(f"--move-to must be a folder, {str(move_to)!r} is a file")
    if _lies_in(move_to, folder, recursive):
        raise InvalidValueError(f"--move-to must lie outside {str(folder)!r}")


def _lies_in(target: Path, folder: Path, recursive: bool) -> bool:
    """Whether a folder is another one, or within it, by whatever link or mount."""
    real = target.resolve()
    places = [real, *real.parents] if recursive else [real]
    return folder.exists() and any(place.exists() and place.samefile(folder) for place in places)
