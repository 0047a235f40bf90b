"""Acting on duplicates with a journal that is ahead of what is done.

Before the first act of a batch the intents of the whole batch are on the disk, so that the journal
is ahead of every act, and a disk that takes its time is waited for once a batch. Batches grow from
one file to 64.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from imagededup.errors import FileOperationError
from imagededup.removal.actions import PlannedAction
from imagededup.removal.check import real_entry
from imagededup.removal.digests import digest_of_state
from imagededup.removal.duties import Duty, Outcome, act
from imagededup.removal.journal import RemovalJournal
from imagededup.removal.records import Intent, KeptRecord
from imagededup.sources.file_states import FileState

__all__ = ["act_with_journal"]

_LARGEST_BATCH = 64
_KNOWN_DIGESTS = 4096


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done to a file, and where it goes as its place is called by the caller."""

    intent: Intent
    place: Path | None


class _TakenError(Exception):
    """Something has come to lie where a file was to go."""


def act_with_journal(
    duties: Sequence[Duty], action: PlannedAction, path: Path
) -> Iterator[Outcome]:
    """Act on duplicates, one after the other, as long as the outcomes are asked for.

    Args:
        duties: The duplicates.
        action: What is done to them.
        path: The journal, a new file.

    Yields:
        An outcome for each.

    Raises:
        FileOperationError: The journal cannot be written; nothing is done any more.
    """
    digest = lru_cache(_KNOWN_DIGESTS)(digest_of_state)
    begin, size = 0, 1
    with RemovalJournal(path, action.kind) as journal:
        while begin < len(duties):
            batch = duties[begin : begin + size]
            plans = list(_plans(batch, begin, action, digest))
            intents = [plan.intent for plan in plans if isinstance(plan, _Plan)]
            if intents:
                journal.intend(intents)
            for duty, plan in zip(batch, plans, strict=True):
                yield from _settled(duty, plan, action, journal)
            begin, size = begin + len(batch), min(2 * size, _LARGEST_BATCH)


def _plans(
    batch: Sequence[Duty],
    first: int,
    action: PlannedAction,
    digest: Callable[[Path, FileState], str],
) -> Iterator[_Plan | OSError]:
    """What is to be done to each file, or why that cannot be said."""
    taken: set[Path | None] = set()
    for entry, duty in enumerate(batch, first):
        try:
            kept = _kept_record(duty, digest)
            places = action.places(duty.victim.path, duty.removal.name)
            place = next(place for place in places if place is None or place not in taken)
            taken.add(place)
            yield _Plan(_intent(entry, duty, action, place, kept), place)
        except OSError as error:
            yield error


def _kept_record(duty: Duty, digest: Callable[[Path, FileState], str]) -> KeptRecord:
    path, state = duty.kept.path, duty.kept.file
    return KeptRecord(real_entry(path), state, digest(path, state))


def _intent(
    entry: int, duty: Duty, action: PlannedAction, place: Path | None, kept: KeptRecord
) -> Intent:
    path, state = duty.victim.path, duty.victim.own
    is_link = path.is_symlink()
    return Intent(
        entry,
        action.kind,
        duty.removal.name,
        real_entry(path),
        state,
        path.lstat().st_mode,
        None if is_link else digest_of_state(path, state),
        os.readlink(path) if is_link else None,  # noqa: PTH115 - as it is, a Path would mend it
        _real_place(place),
        kept,
        duty.why.relation,
        duty.removal.score,
        duty.why.score_name,
    )


def _settled(
    duty: Duty, plan: _Plan | OSError, action: PlannedAction, journal: RemovalJournal
) -> Iterator[Outcome]:
    """The outcome of one act, told to the journal before anybody else."""
    if isinstance(plan, OSError):
        yield act(duty, _refusing(plan))
        return
    outcome = _acted(duty, plan, action, journal)
    try:
        journal.settle(plan.intent.entry, outcome)
    except FileOperationError:
        yield outcome
        raise
    yield outcome


def _acted(duty: Duty, plan: _Plan, action: PlannedAction, journal: RemovalJournal) -> Outcome:
    """Act on a file; where its place is taken by now, after saying to which other one it goes."""
    place = plan.place
    while True:
        try:
            return act(duty, _exactly(action, place))
        except _TakenError:
            pass
        try:
            place = next(iter(action.places(duty.victim.path, duty.removal.name)))
        except OSError as error:
            return act(duty, _refusing(error))
        journal.intend([replace(plan.intent, place=_real_place(place))])


def _exactly(action: PlannedAction, place: Path | None) -> Callable[[Path, str], Path | None]:
    def act_once(path: Path, _: str) -> Path | None:
        if not action.act(path, place):
            raise _TakenError
        return place

    return act_once


def _refusing(error: OSError) -> Callable[[Path, str], Path | None]:
    """An action that fails; the checks before it may know a better reason."""

    def refuse(*_: object) -> Path | None:
        raise error

    return refuse


def _real_place(place: Path | None) -> Path | None:
    return None if place is None else real_entry(place)
