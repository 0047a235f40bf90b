"""Removing duplicates without ever losing the last copy: checks, deleting and moving."""

from imagededup.removal.act import Outcome, carry_out, delete, move_into, only_check

__all__ = ["Outcome", "carry_out", "delete", "move_into", "only_check"]
