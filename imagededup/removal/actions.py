"""What can be done to a duplicate: deleting it, moving it, or nothing."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from enum import StrEnum
from os import PathLike
from pathlib import Path, PurePath

from imagededup.errors import FileOperationError
from imagededup.removal.move import delete_file, move_to, numbered

__all__ = [
    "Action",
    "ActionKind",
    "PlannedAction",
    "delete",
    "move_into",
    "only_check",
]

Action = Callable[[Path, str], Path | None]
"""What is done to a file, given its path and its name; returns where it is then."""


class ActionKind(StrEnum):
    """What a journal says of an action."""

    DELETE = "delete"
    MOVE = "move"
    TRASH = "trash"


class PlannedAction(ABC):
    """An action that says beforehand where a file will be, so that a journal can say it too."""

    kind: ActionKind

    @abstractmethod
    def places(self, path: Path, name: str) -> Iterator[Path | None]:
        """Where a file could go, the best place first; None if that cannot be said."""

    @abstractmethod
    def act(self, path: Path, place: Path | None) -> bool:
        """Act on a file; False if the place is taken, and then nothing is done."""

    def __call__(self, path: Path, name: str) -> Path | None:
        """Act on a file, and return where it is then."""
        return next(place for place in self.places(path, name) if self.act(path, place))


class _Deletion(PlannedAction):
    kind = ActionKind.DELETE

    def places(self, path: Path, name: str) -> Iterator[Path | None]:  # noqa: ARG002
        yield None

    def act(self, path: Path, place: Path | None) -> bool:  # noqa: ARG002
        delete_file(path)
        return True


class _Move(PlannedAction):
    kind = ActionKind.MOVE

    def __init__(self, target: str | PathLike[str]) -> None:
        self._target = Path(target)

    def places(self, path: Path, name: str) -> Iterator[Path]:
        target = self._target / _below(name)
        if target.parent.exists() and target.parent.samefile(path.parent):
            raise FileOperationError("the folder to move to is the one where it lies")
        return (place for place in numbered(target) if not os.path.lexists(place))

    def act(self, path: Path, place: Path | None) -> bool:
        return place is not None and move_to(path, place)


delete = _Deletion()
"""Deletes a file."""


def move_into(target: str | PathLike[str]) -> PlannedAction:
    """Move files into a folder, below which they keep their names; nothing is overwritten."""
    return _Move(target)


def only_check(_: Path, __: str) -> None:
    """Leave the file where it is."""


def _below(name: str) -> PurePath:
    """A name that leads nowhere but down: that of a file of several places may be a whole path."""
    path = PurePath(name)
    return PurePath(*(part for part in path.parts if part not in (path.anchor, "..")))
