"""Where a journal lies unless the user says otherwise."""

import os
import sys
from datetime import datetime
from pathlib import Path

from imagededup.errors import FileOperationError
from imagededup.removal.move import numbered

__all__ = ["default_journal"]


def default_journal(move_to: Path | None = None) -> Path:
    """A new name for a journal, absolute; the file is not made.

    With the files that are moved, so that both stay together, under a name that begins with a dot,
    which no listing of images shows; otherwise where the system has the state of programs.

    Args:
        move_to: The folder to which files are moved.

    Raises:
        FileOperationError: There is no home folder.
    """
    name = f"imagededup-removal-{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}.jsonl"
    if move_to is not None:
        wanted = Path(os.path.realpath(move_to)) / f".{name}"
    else:
        wanted = _state_folder() / "imagededup" / name
    return next(place for place in numbered(wanted) if not os.path.lexists(place))


def _state_folder() -> Path:
    try:
        home = Path.home()
    except RuntimeError as error:
        raise FileOperationError("there is no home folder for the journal: say where") from error
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    return state if state.is_absolute() else home / ".local" / "state"
