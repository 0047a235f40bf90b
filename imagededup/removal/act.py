"""Acting on the duplicates that a search found, each checked just before."""

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.removal.actions import Action, PlannedAction, only_check
from imagededup.removal.check import SeenFile, links_on_the_way
from imagededup.removal.duties import Duty, Outcome, Why, act
from imagededup.removal.journal import check_journal

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal
    from imagededup.sources.folders import ImageFolder

__all__ = ["acted", "carry_out"]


def carry_out(
    found: "Duplicates",
    removals: Sequence["Removal"],
    action: Action,
    journal: str | PathLike[str] | None = None,
) -> Iterator[Outcome]:
    """Act on duplicates, as long as the outcomes are asked for.

    A file is kept if it, or the image that stays in its place, is not exactly as it was when the
    search listed it (device, inode, size and time of modification), or if both are one file.

    Args:
        found: The result of a search of a folder.
        removals: Those of its `removals()` that are to go.
        action: `delete`, `move_into(folder)`, `trash` or `only_check`.
        journal: A new file that says what is done before it is done, for `restore`; None for none.

    Yields:
        An outcome for each: symbolic links first, so that none leads to a file that went before.

    Raises:
        InvalidTypeError: There is no journal of an action of your own.
        InvalidValueError: The images, or those that stay, were given as codes without their files;
            or the journal is there already.
        FileOperationError: The journal cannot be written; nothing is done any more.
    """
    folder = found.folder
    kept_folder = folder if found.reference_names is None else found.reference_folder
    if folder is None or kept_folder is None:
        raise InvalidValueError("only images of a folder can be removed, got codes without files")
    why = _why(found, removals) if journal is not None else [Why()] * len(removals)
    duties = []
    for removal, reason in zip(removals, why, strict=True):
        kept = kept_folder.file(removal.duplicate_of)
        if not folder.is_file(removal.name):
            yield Outcome(removal, reason="it is no file of its own")
        elif kept is None:
            yield Outcome(removal, reason="its duplicate is not on this machine")
        else:
            stays = SeenFile(kept, *kept_folder.state(removal.duplicate_of))
            duties.append(Duty(removal, _seen(folder, removal.name), stays, reason))
    duties.sort(key=lambda duty: links_on_the_way(duty.victim), reverse=True)
    yield from acted(duties, action, journal)


def acted(
    duties: Sequence[Duty], action: Action, journal: str | PathLike[str] | None
) -> Iterator[Outcome]:
    """The outcomes of acts in this order, as long as they are asked for."""
    if journal is None or action is only_check:
        for duty in duties:
            yield act(duty, action)
        return
    if not isinstance(action, PlannedAction):
        raise InvalidTypeError("a journal is kept of delete, move_into(folder) and trash only")
    from imagededup.removal.journaled import act_with_journal

    yield from act_with_journal(duties, action, check_journal(journal))


def _why(found: "Duplicates", removals: Sequence["Removal"]) -> list[Why]:
    from imagededup.removal.why import relations_of_removals

    relations = relations_of_removals(found, removals)
    return [Why(relations[removal.name], found.score_name) for removal in removals]


def _seen(folder: "ImageFolder", name: str) -> SeenFile:
    return SeenFile(folder.path(name), *folder.state(name))
