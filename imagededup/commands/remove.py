"""`imagededup remove`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.commands.options import (
    Against,
    Candidates,
    FullDecode,
    Method,
    MethodOption,
    Recursive,
    Threshold,
    search,
    verification,
)
from imagededup.commands.reading import Reading, reads_images
from imagededup.commands.related import relations_of_removals
from imagededup.commands.removal_report import RemovalReport
from imagededup.errors import InvalidValueError
from imagededup.utils.keep import Keep
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal
    from imagededup.removal.act import Action, Outcome

__all__ = ["remove"]

_FAILURE = 1
_WITH_LIST = ("marked", "move_to", "delete", "yes")
_PHRASES = {
    None: "duplicate of",
    "identical": "identical to",
    "copy": "copy of",
    "part": "part of",
    "variant": "variant of",
    "overlap": "overlaps with",
}
"""What is said of an image that goes, by its relation to the one that stays."""


@reads_images
def remove(
    context: typer.Context,
    folder: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FOLDER",
            show_default=False,
            help="Folder with the images, or a text file with a path in each row. Several are "
            "taken together.",
        ),
    ] = None,
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
    marked: Annotated[
        list[Path] | None,
        typer.Option(
            "--list",
            metavar="FILE",
            show_default=False,
            help="Instead of a search: what was marked in a page, as it saved it.",
        ),
    ] = None,
    move_to: Annotated[
        Path | None,
        typer.Option("--move-to", metavar="DIR", help="Move the duplicates into this folder."),
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; needs --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --delete.")] = False,
    *,
    reading: Reading,
) -> None:
    """Remove duplicates, so that one image of each kind stays.

    Without --move-to or --delete nothing is changed: the command says what it would do. A file
    stays if it or its duplicate has changed since it was looked at, or if both are one file.

    \b
    Examples:
      imagededup remove photos
      imagededup remove photos --keep largest_resolution --move-to duplicates
      imagededup remove new_photos --against archive --delete --yes
      imagededup remove --list marked.jsonl --move-to duplicates
    """
    if marked:
        _check_alone(context)
        _check_action(delete, yes, move_to)
        _remove_marked(marked, move_to, delete)
        return
    if not folder:
        raise InvalidValueError("FOLDER or --list is needed")
    _check_action(delete, yes, move_to)
    for place in folder:
        _check_place(move_to, Path(place), recursive)
    verifies = method is Method.CNN if verify is None else verify
    verifying = _removal_verification(verifies, candidates, relations)
    found = search(
        method,
        threshold,
        full_decode,
        image_dir=reading.sources(folder, look_inside=False),
        recursive=recursive,
        against=reading.sources(against) if against else None,
        **verifying,
    )
    _remove_found(found, found.removals(keep.value, verifying.get("relations")), move_to, delete)


def _remove_found(
    found: "Duplicates", removals: "Sequence[Removal]", move_to: Path | None, delete: bool
) -> None:
    """Act on what a search found."""
    from imagededup.removal import carry_out

    related = relations_of_removals(found, removals)

    def describe(removal: "Removal") -> str:
        is_what = _PHRASES[related[removal.name]]
        score = found.describe_score(removal.score)
        return f"{is_what} {shown(removal.duplicate_of)}, {score}"

    images = counted(len(found.names), "image")
    _follow(partial(carry_out, found, removals), describe, images, move_to, delete)


def _remove_marked(paths: list[Path], move_to: Path | None, delete: bool) -> None:
    """Act on lists that pages saved."""
    from imagededup.removal import carry_out_marked, read_marked

    marked = read_marked(paths)
    for folder in dict.fromkeys(one.folder for one in marked):
        _check_place(move_to, folder, recursive=True)
    described = {one.removal: one.described for one in marked}

    def describe(removal: "Removal") -> str:
        words = [f"{shown(removal.duplicate_of)} stays", described[removal]]
        return ", ".join(word for word in words if word)

    files = counted(len(marked), "marked file")
    _follow(partial(carry_out_marked, marked), describe, files, move_to, delete)


def _follow(
    outcomes: "Callable[[Action], Iterator[Outcome]]",
    describe: "Callable[[Removal], str]",
    of_all: str,
    move_to: Path | None,
    delete: bool,
) -> None:
    """Do what the options say, and report it."""
    from imagededup.removal import delete as delete_file
    from imagededup.removal import move_into, only_check

    if move_to is not None:
        report = RemovalReport(describe, of_all, "moved")
        report.follow(outcomes(move_into(move_to)))
    elif delete:
        report = RemovalReport(describe, of_all, "deleted")
        report.follow(outcomes(delete_file))
    else:
        result = "would be removed; nothing was changed"
        report = RemovalReport(describe, of_all, "would remove", result)
        report.follow(outcomes(only_check))
        typer.echo("To act, add --move-to DIR or --delete --yes", err=True)
    if report.kept:
        raise typer.Exit(_FAILURE)


def _removal_verification(
    verify: bool, candidates: int | None, relations: str | None
) -> dict[str, Any]:
    """The arguments of the search that say how to verify; the pairs are those that are acted on."""
    arguments = verification(verify, candidates, relations)
    if verify:
        from imagededup.verification.relation import ACTED_ON, REMOVABLE, check_relations

        arguments["relations"] = check_relations(arguments.get("relations", REMOVABLE), ACTED_ON)
    return arguments


def _check_alone(context: typer.Context) -> None:
    """Check that nothing is given with --list that is of a search."""
    for item in context.command.params:
        name = item.name or ""
        source = context.get_parameter_source(name)
        if name not in _WITH_LIST and source is not None and source.name == "COMMANDLINE":
            given = "FOLDER" if name == "folder" else item.opts[0]
            raise InvalidValueError(f"{given} does not go with --list, whose lines name the files")


def _check_action(delete: bool, yes: bool, move_to: Path | None) -> None:
    if delete and move_to is not None:
        raise InvalidValueError("--move-to and --delete exclude each other")
    if delete and not yes:
        raise InvalidValueError("--delete needs --yes")
    if yes and not delete:
        raise InvalidValueError("--yes goes with --delete")


def _check_place(move_to: Path | None, folder: Path, recursive: bool) -> None:
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
