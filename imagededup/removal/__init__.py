"""Removing duplicates without ever losing the last copy: checks, acts, a journal, and undoing."""

from imagededup.removal.act import carry_out
from imagededup.removal.actions import delete, move_into, only_check
from imagededup.removal.duties import Outcome
from imagededup.removal.marked import MarkedFile, carry_out_marked, read_marked
from imagededup.removal.restoring import Restoration, RestoreResult, restore
from imagededup.removal.trashing import trash

__all__ = [
    "MarkedFile",
    "Outcome",
    "Restoration",
    "RestoreResult",
    "carry_out",
    "carry_out_marked",
    "delete",
    "move_into",
    "only_check",
    "read_marked",
    "restore",
    "trash",
]
