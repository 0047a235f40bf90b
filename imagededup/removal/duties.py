"""A duplicate that is to go, with all that is known of it, and what became of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagededup.removal.actions import Action
from imagededup.removal.check import SeenFile, reason_to_keep
from imagededup.removal.turns import turn

if TYPE_CHECKING:
    from imagededup.methods.results import Removal

__all__ = ["Duty", "Outcome", "Why", "act"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a duplicate.

    Attributes:
        removal: The duplicate.
        place: Where it was moved; None if it was not, or if only the system knows.
        reason: Why it was kept; None if it was not.
    """

    removal: "Removal"
    place: Path | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """How what goes is related to what stays.

    Attributes:
        relation: Their relation, where they were verified.
        score_name: What the score of the two is called.
    """

    relation: str | None = None
    score_name: str = "score"


@dataclass(frozen=True, slots=True)
class Duty:
    """A duplicate that is to go.

    Attributes:
        removal: Its name, that of what stays, and their score.
        victim: What goes.
        kept: What stays.
        why: How they are related.
    """

    removal: "Removal"
    victim: SeenFile
    kept: SeenFile
    why: Why


def act(duty: Duty, action: Action) -> Outcome:
    """Act on one file if nothing speaks against it."""
    victim, kept = duty.victim, duty.kept
    try:
        with turn(victim.path.parent, kept.path.parent):
            reason = reason_to_keep(victim, kept)
            if reason is not None:
                return Outcome(duty.removal, reason=reason)
            return Outcome(duty.removal, place=action(victim.path, duty.removal.name))
    except OSError as error:
        return Outcome(duty.removal, reason=error.strerror or str(error))
