"""`imagededup remove`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagededup.commands.options import (
    Against,
    Folder,
    Method,
    MethodOption,
    Recursive,
    Threshold,
    search,
)
from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal

__all__ = ["remove"]

_FAILURE = 1


class Keep(StrEnum):
    """Which image of several duplicates stays."""

    FIRST = "first"
    LARGEST_RESOLUTION = "largest_resolution"
    LARGEST_FILE = "largest_file"
    OLDEST = "oldest"


def remove(
    folder: Folder,
    method: MethodOption = Method.PHASH,
    threshold: Threshold = None,
    recursive: Recursive = False,
    against: Against = None,
    keep: Annotated[
        Keep, typer.Option(help="Which image of several duplicates stays.")
    ] = Keep.FIRST,
    move_to: Annotated[
        Path | None, typer.Option("--move-to", help="Move the duplicates into this folder.")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; needs --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --delete.")] = False,
) -> None:
    """Remove duplicates, so that one image of each kind stays.

    Without --move-to or --delete nothing is changed: the command says what it would do.

    \b
    Examples:
      imagededup remove photos
      imagededup remove photos --keep largest_resolution --move-to duplicates
      imagededup remove new_photos --against archive --delete --yes
    """
    _check_action(folder, recursive, move_to, delete, yes)
    found = search(method, threshold, image_dir=folder, recursive=recursive, against=against)
    removals = found.removals(keep.value)
    failed = 0
    for removal in removals:
        try:
            done = _apply(found, removal, move_to, delete)
        except FileOperationError as error:
            failed += 1
            typer.echo(f"imagededup: {error}", err=True)
        else:
            detail = found.describe_score(removal.score)
            typer.echo(f"{done} (duplicate of {shown(removal.duplicate_of)}, {detail})")
    count = f"{len(removals) - failed} of {counted(len(found.names), 'image')}"
    if move_to is not None or delete:
        typer.echo(f"{count} {'deleted' if delete else 'moved'}")
    else:
        typer.echo(f"{count} would be removed; nothing was changed")
        typer.echo("To act, add --move-to DIR or --delete --yes", err=True)
    if failed:
        raise typer.Exit(_FAILURE)


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
    inside = folder.resolve() == move_to.resolve() or (
        recursive and folder.resolve() in move_to.resolve().parents
    )
    if inside:
        raise InvalidValueError(f"--move-to must lie outside {str(folder)!r}")


def _apply(found: "Duplicates", removal: "Removal", move_to: Path | None, delete: bool) -> str:
    """Act on one duplicate and say what was done."""
    from imagededup.utils.files import delete_file, move_without_overwriting

    name = shown(removal.name)
    if found.root is None or (move_to is None and not delete):
        return f"would remove {name}"
    kept = (found.reference_root or found.root) / removal.duplicate_of
    if not kept.exists():
        raise FileOperationError(f"kept {name}: {str(kept)!r} has gone in the meantime")
    if move_to is None:
        delete_file(found.root / removal.name)
        return f"deleted {name}"
    target = move_without_overwriting(found.root / removal.name, move_to / removal.name)
    return f"moved {name} to {target}"
