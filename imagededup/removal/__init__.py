"""Removing duplicates without ever losing the last copy: checks, deleting and moving."""

from imagededup.removal.act import Outcome, carry_out, delete, move_into, only_check
from imagededup.removal.marked import MarkedFile, carry_out_marked, read_marked

__all__ = [
    "MarkedFile",
    "Outcome",
    "carry_out",
    "carry_out_marked",
    "delete",
    "move_into",
    "only_check",
    "read_marked",
]
