"""`imagededup remove`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from shlex import quote
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
from imagededup.commands.removal_choice import RemovalChoice
from imagededup.commands.removal_report import RemovalReport
from imagededup.errors import InvalidValueError
from imagededup.utils.keep import Keep
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal
    from imagededup.removal.actions import Action
    from imagededup.removal.duties import Outcome

__all__ = ["remove"]

_FAILURE = 1
_WITH_LIST = ("marked", "move_to", "trash", "delete", "yes", "journal")
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
    trash: Annotated[
        bool, typer.Option("--trash", help="Move them to the trash of the system.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; needs --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --delete.")] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="FILE",
            show_default=False,
            help="Where to write the journal for `imagededup restore`: a new file. The default is "
            "a hidden file in the folder of --move-to, or one in the state folder of the user.",
        ),
    ] = None,
    *,
    reading: Reading,
) -> None:
    """Remove duplicates, so that one image of each kind stays.

    Without --move-to, --trash or --delete nothing is changed: the command says what it would do. A
    file stays if it or its duplicate has changed since it was looked at, or if both are one file.
    Every act is written to a journal first, and `imagededup restore` undoes it.

    \b
    Examples:
      imagededup remove photos
      imagededup remove photos --keep largest_resolution --move-to duplicates
      imagededup remove photos --method cnn --trash
      imagededup remove new_photos --against archive --delete --yes
      imagededup remove --list marked.jsonl --move-to duplicates
    """
    choice = RemovalChoice(move_to, trash, delete, yes, journal)
    if marked:
        _check_alone(context)
        choice.check()
        _remove_marked(marked, choice)
        return
    if not folder:
        raise InvalidValueError("FOLDER or --list is needed")
    choice.check()
    for place in folder:
        choice.check_folder(Path(place), recursive)
    verifies = method is Method.CNN if verify is None else verify
    verifying = _removal_verification(verifies, candidates, relations)
    found = search(
        method,
        threshold,
        full_decode,
        reading.cache_dir,
        image_dir=reading.sources(folder, look_inside=False),
        recursive=recursive,
        against=reading.sources(against) if against else None,
        **verifying,
    )
    _remove_found(found, found.removals(keep.value, verifying.get("relations")), choice)


def _remove_found(
    found: "Duplicates", removals: "Sequence[Removal]", choice: RemovalChoice
) -> None:
    """Act on what a search found."""
    from imagededup.removal import carry_out
    from imagededup.removal.why import relations_of_removals

    related = relations_of_removals(found, removals)

    def describe(removal: "Removal") -> str:
        is_what = _PHRASES[related[removal.name]]
        score = found.describe_score(removal.score)
        return f"{is_what} {shown(removal.duplicate_of)}, {score}"

    images = counted(len(found.names), "image")
    _follow(partial(carry_out, found, removals), describe, images, choice)


def _remove_marked(paths: list[Path], choice: RemovalChoice) -> None:
    """Act on lists that pages saved."""
    from imagededup.removal import carry_out_marked, read_marked

    marked = read_marked(paths)
    for folder in dict.fromkeys(one.folder for one in marked):
        choice.check_folder(folder, recursive=True)
    described = {one.removal: one.described for one in marked}

    def describe(removal: "Removal") -> str:
        words = [f"{shown(removal.duplicate_of)} stays", described[removal]]
        return ", ".join(word for word in words if word)

    files = counted(len(marked), "marked file")
    _follow(partial(carry_out_marked, marked), describe, files, choice)


def _follow(
    outcomes: "Callable[[Action, Path | None], Iterator[Outcome]]",
    describe: "Callable[[Removal], str]",
    of_all: str,
    choice: RemovalChoice,
) -> None:
    """Do what the options say, and report it."""
    journal = choice.journal_path()
    report = RemovalReport(describe, of_all, choice.verb, choice.result)
    try:
        report.follow(outcomes(choice.action(), journal))
    except BaseException:
        _name(journal, choice)
        raise
    if report.done:
        _name(journal, choice)
    if not choice.acts:
        typer.echo("To act, add --move-to DIR, --trash or --delete --yes", err=True)
    if report.kept:
        raise typer.Exit(_FAILURE)


def _name(journal: Path | None, choice: RemovalChoice) -> None:
    """Say how to undo what was done."""
    if journal is not None and journal.exists():
        to_undo = "To undo what can be undone" if choice.delete else "To undo"
        typer.echo(f"{to_undo}: imagededup restore {quote(shown(str(journal)))}", err=True)


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
