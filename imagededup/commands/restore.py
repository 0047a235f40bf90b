"""`imagededup restore`."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.removal.restoring import Restoration

__all__ = ["restore"]

_FAILURE = 1


def restore(
    journal: Annotated[
        Path,
        typer.Argument(
            metavar="JOURNAL", help="The journal that `imagededup remove` named at its end."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be put back.")
    ] = False,
) -> None:
    """Undo a removal: put every file back where it was.

    Nothing is overwritten, and only the very bytes that were removed go back. What was deleted
    comes back where the image that stayed has the same bytes. What cannot be put back is named,
    and the exit code is 1 then. A removal that was killed can be undone as well, and a second call
    changes nothing.

    \b
    Examples:
      imagededup restore duplicates/.imagededup-removal-20261121-223000-4711.jsonl --dry-run
      imagededup restore duplicates/.imagededup-removal-20261121-223000-4711.jsonl
    """
    from imagededup.removal.restoring import restore as restore_files

    counts: Counter[str] = Counter()
    try:
        for restoration in restore_files(journal, dry_run):
            counts[restoration.result.value] += 1
            _say(restoration, dry_run)
    except BaseException:
        if counts:
            typer.echo(f"imagededup: stopped: {_summary(counts, dry_run)}", err=True)
        raise
    typer.echo(_summary(counts, dry_run))
    if counts["failed"]:
        raise typer.Exit(_FAILURE)


def _summary(counts: Counter[str], dry_run: bool) -> str:
    back = counts["restored"] + counts["copied"]
    there = counts["there"]
    result = f"{back} of {counted(counts.total(), 'file')} {_would(dry_run)}restored"
    return f"{result}, {there} already there" if there else result


def _say(restoration: "Restoration", dry_run: bool) -> None:
    """A line about a file."""
    path, source = shown(str(restoration.path)), shown(str(restoration.source))
    match restoration.result.value:
        case "failed":
            typer.echo(f"imagededup: not restored: {path}: {restoration.reason}", err=True)
        case "there":
            typer.echo(f"already there: {path}")
        case "copied":
            typer.echo(f"{_would(dry_run)}restored {path} (copied from {source})")
        case _:
            typer.echo(f"{_would(dry_run)}restored {path}")


def _would(dry_run: bool) -> str:
    return "would be " if dry_run else ""
