"""Acting on duplicates, one after the other, each checked just before."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.removal.check import SeenFile, links_on_the_way, reason_to_keep
from imagededup.removal.move import delete_file, move_without_overwriting
from imagededup.removal.turns import turn

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates, Removal
    from imagededup.sources.folders import ImageFolder

__all__ = ["Action", "Outcome", "act", "carry_out", "delete", "move_into", "only_check"]

Action = Callable[[Path, str], Path | None]
"""What is done to a file, given its path and its name; returns where it is then."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a duplicate.

    Attributes:
        removal: The duplicate.
        place: Where it was moved.
        reason: Why it was kept; None if it was not.
    """

    removal: "Removal"
    place: Path | None = None
    reason: str | None = None


def carry_out(
    found: "Duplicates", removals: Sequence["Removal"], action: Action
) -> Iterator[Outcome]:
    """Act on duplicates, as long as the outcomes are asked for.

    A file is kept if it, or the image that stays in its place, is not exactly as it was when the
    search listed it (device, inode, size and time of modification), or if both are one file.

    Args:
        found: The result of a search of a folder.
        removals: Those of its `removals()` that are to go.
        action: `delete`, `move_into(folder)` or `only_check`.

    Yields:
        An outcome for each: symbolic links first, so that none leads to a file that went before.

    Raises:
        InvalidValueError: The images, or those that stay, were given as codes without their files.
    """
    folder = found.folder
    kept_folder = folder if found.reference_names is None else found.reference_folder
    if folder is None or kept_folder is None:
        raise InvalidValueError("only images of a folder can be removed, got codes without files")
    seen = [(_seen(folder, removal.name), removal) for removal in removals]
    for victim, removal in sorted(seen, key=lambda pair: links_on_the_way(pair[0]), reverse=True):
        yield act(removal, victim, _seen(kept_folder, removal.duplicate_of), action)


def delete(path: Path, _: str) -> None:
    """Delete the file."""
    delete_file(path)


def move_into(target: str | PathLike[str]) -> Action:
    """Move files into a folder, below which they keep their names; nothing is overwritten."""

    def move(path: Path, name: str) -> Path:
        place = Path(target) / name
        if place.parent.exists() and place.parent.samefile(path.parent):
            raise FileOperationError("the folder to move to is the one where it lies")
        return move_without_overwriting(path, place)

    return move


def only_check(_: Path, __: str) -> None:
    """Leave the file where it is."""


def act(removal: "Removal", victim: SeenFile, kept: SeenFile, action: Action) -> Outcome:
    """Act on one file if nothing speaks against it."""
    try:
        with turn(victim.path.parent, kept.path.parent):
            reason = reason_to_keep(victim, kept)
            if reason is not None:
                return Outcome(removal, reason=reason)
            return Outcome(removal, place=action(victim.path, removal.name))
    except OSError as error:
        return Outcome(removal, reason=error.strerror or str(error))


def _seen(folder: "ImageFolder", name: str) -> SeenFile:
    return SeenFile(folder.path(name), *folder.state(name))
