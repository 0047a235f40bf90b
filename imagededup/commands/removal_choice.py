"""What the options of `imagededup remove` say is to be done to a file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagededup.errors import InvalidValueError

if TYPE_CHECKING:
    from imagededup.removal.actions import Action

__all__ = ["RemovalChoice"]


@dataclass(frozen=True, slots=True)
class RemovalChoice:
    """The options that say what is done; a dry run if none does.

    Attributes:
        move_to: The folder to move files to.
        trash: Whether to move them to the trash.
        delete: Whether to delete them.
        yes: Whether that is confirmed.
        journal: Where the journal is to be.
    """

    move_to: Path | None
    trash: bool
    delete: bool
    yes: bool
    journal: Path | None

    @property
    def acts(self) -> bool:
        """Whether anything is done."""
        return self.move_to is not None or self.trash or self.delete

    @property
    def verb(self) -> str:
        """What happens to a file."""
        if self.move_to is not None or self.trash:
            return "moved"
        return "deleted" if self.delete else "would remove"

    @property
    def result(self) -> str:
        """What has happened to all of them."""
        if not self.acts:
            return "would be removed; nothing was changed"
        return "moved to the trash" if self.trash else self.verb

    def action(self) -> "Action":
        """What is done to a file."""
        from imagededup.removal import delete, move_into, only_check, trash

        if self.move_to is not None:
            return move_into(self.move_to)
        if self.trash:
            return trash
        return delete if self.delete else only_check

    def journal_path(self) -> Path | None:
        """Where the journal will be; None in a dry run."""
        if not self.acts:
            return None
        if self.journal is not None:
            return Path(os.path.realpath(self.journal.parent)) / self.journal.name
        from imagededup.removal.journal_places import default_journal

        return default_journal(self.move_to)

    def check(self) -> None:
        """Check that the options go together, before any work.

        Raises:
            InvalidValueError: They do not.
        """
        given = [
            name
            for name, is_given in (
                ("--move-to", self.move_to is not None),
                ("--trash", self.trash),
                ("--delete", self.delete),
            )
            if is_given
        ]
        if len(given) > 1:
            raise InvalidValueError(f"{given[0]} and {given[1]} exclude each other")
        if self.delete and not self.yes:
            raise InvalidValueError("--delete needs --yes")
        if self.yes and not self.delete:
            raise InvalidValueError("--yes goes with --delete")
        if self.journal is not None:
            self._check_journal(self.journal)

    def check_folder(self, folder: Path, recursive: bool) -> None:
        """Check that nothing is put among the images of a folder.

        Raises:
            InvalidValueError: Something would be.
        """
        if self.move_to is not None:
            if self.move_to.exists() and not self.move_to.is_dir():
                raise InvalidValueError(
                    f"--move-to must be a folder, {str(self.move_to)!r} is a file"
                )
            if _lies_in(self.move_to, folder, recursive):
                raise InvalidValueError(f"--move-to must lie outside {str(folder)!r}")
        if self.journal is None or self.journal.name.startswith("."):
            return
        if _lies_in(self.journal.parent, folder, recursive):
            raise InvalidValueError(
                f"--journal must lie outside {str(folder)!r}, or have a name that begins with a "
                "dot, or else it would be taken for an image"
            )

    def _check_journal(self, journal: Path) -> None:
        if not self.acts:
            raise InvalidValueError("--journal goes with --move-to, --trash or --delete")
        if os.path.lexists(journal):
            raise InvalidValueError(
                f"--journal must be a new file, {str(journal)!r} is there already"
            )


def _lies_in(target: Path, folder: Path, recursive: bool) -> bool:
    """Whether a folder is another one, or within it, by whatever link or mount."""
    real = target.resolve()
    places = [real, *real.parents] if recursive else [real]
    return folder.exists() and any(place.exists() and place.samefile(folder) for place in places)
