"""Lists of marked files that a page saves: a line of JSON a file, with what stays for it."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path, PurePath
from typing import Any, TypeGuard

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.methods.results import Removal
from imagededup.removal.act import acted
from imagededup.removal.actions import Action
from imagededup.removal.check import SeenFile, links_on_the_way, real_entry
from imagededup.removal.duties import Duty, Outcome, Why
from imagededup.sources.file_states import FileState
from imagededup.utils.text import shown

__all__ = ["MarkedFile", "carry_out_marked", "read_marked"]

_TEXTS = ("remove", "folder", "state", "keep", "keep_folder", "keep_state")
_STATE = re.compile(r"[0-9]{1,20}(:[0-9]{1,20}){3}")


@dataclass(frozen=True, slots=True)
class MarkedFile:
    """A file that is to go, and one that stays for it, as they were when they were compared.

    Attributes:
        removal: Their names, and their score; 0 where there is none.
        victim: What goes.
        kept: What stays.
        folder: The folder of the victim.
        described: How the two are related: `copy, score 0.998`.
        why: The same in parts.
    """

    removal: Removal
    victim: SeenFile
    kept: SeenFile
    folder: Path
    described: str
    why: Why = field(default_factory=Why)


def read_marked(paths: Sequence[str | PathLike[str]]) -> list[MarkedFile]:
    """Read lists that pages saved; a file that is marked twice counts once.

    Args:
        paths: The lists, JSON Lines.

    Raises:
        InvalidValueError: A line is not one of such a list; the message has its number.
        FileOperationError: A list cannot be read.
    """
    found: dict[Path, MarkedFile] = {}
    for path in paths:
        for number, line in enumerate(_lines(Path(path)), 1):
            if line.strip():
                one = _marked_file(line, f"line {number} of {str(path)!r}")
                found.setdefault(one.victim.path, one)
    if not found:
        raise InvalidValueError(f"the list must name at least one file, {_named(paths)} has none")
    return list(found.values())


def carry_out_marked(
    marked: Sequence[MarkedFile], action: Action, journal: str | PathLike[str] | None = None
) -> Iterator[Outcome]:
    """Act on marked files, as long as the outcomes are asked for, with the checks of `carry_out`.

    A file also stays if the one that should stay for it is marked itself.

    Args:
        marked: What `read_marked` returned.
        action: `delete`, `move_into(folder)`, `trash` or `only_check`.
        journal: A new file that says what is done before it is done, for `restore`; None for none.

    Yields:
        An outcome for each: first those of files that stay for that reason, then symbolic links, so
        that none leads to a file that went before.

    Raises:
        InvalidTypeError: There is no journal of an action of your own.
        InvalidValueError: The journal is there already.
        FileOperationError: The journal cannot be written; nothing is done any more.
    """
    going = {real_entry(one.victim.path) for one in marked}
    duties = []
    for one in marked:
        if real_entry(one.kept.path) in going:
            reason = f"its duplicate {str(one.kept.path)!r} is marked as well"
            yield Outcome(one.removal, reason=reason)
        else:
            duties.append(Duty(one.removal, one.victim, one.kept, one.why))
    duties.sort(key=lambda duty: links_on_the_way(duty.victim), reverse=True)
    yield from acted(duties, action, journal)


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from file
    except OSError as error:
        raise FileOperationError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"a list must be UTF-8 text, {str(path)!r} is not") from error


def _marked_file(line: str, where: str) -> MarkedFile:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise InvalidValueError(f"{where} must be a JSON object that a page saved, got {line:.60}")
    name, folder, state, kept_name, kept_folder, kept_state = (
        _text(row, key, where) for key in _TEXTS
    )
    score = row.get("score")
    removal = Removal(_inside(name, where), kept_name, score if _is_number(score) else 0)
    victim = _seen(name, folder, state, where)
    kept = _seen(kept_name, kept_folder, kept_state, where)
    return MarkedFile(removal, victim, kept, Path(folder), _described(row), _why(row))


def _why(row: dict[str, Any]) -> Why:
    relation, score_name = row.get("relation"), row.get("score_name")
    return Why(
        relation if isinstance(relation, str) else None,
        score_name if isinstance(score_name, str) else "score",
    )


def _described(row: dict[str, Any]) -> str:
    """How two files are related, as the page says: `copy, score 0.998`."""
    relation, score = row.get("relation"), row.get("score")
    words = [relation] if isinstance(relation, str) and relation else []
    if _is_number(score):
        number = str(score) if isinstance(score, int) else f"{score:.3f}"
        words.append(f"{row.get('score_name') or 'score'} {number}")
    return shown(", ".join(words))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise InvalidValueError(f"{where} must have a text {key!r}, got {value!r:.60}")
    return value


def _seen(name: str, folder: str, state: str, where: str) -> SeenFile:
    if not os.path.isabs(folder):  # noqa: PTH117 - a text
        raise InvalidValueError(f"{where} must have absolute folders, got {folder!r:.60}")
    own, _, file = state.partition("/")
    return SeenFile(Path(folder) / name, _state(own, where), _state(file or own, where))


def _state(text: str, where: str) -> FileState:
    if not _STATE.fullmatch(text):
        raise InvalidValueError(f"{where} must have states of four numbers, got {text!r:.60}")
    return FileState(*map(int, text.split(":")))


def _inside(name: str, where: str) -> str:
    """The name below the folder to move to, which it cannot leave."""
    path = PurePath(name)
    if ".." in path.parts:
        raise InvalidValueError(f"{where} must have names without '..', got {name!r:.60}")
    return str(path.relative_to(path.anchor)) if path.anchor else name


def _named(paths: Sequence[str | PathLike[str]]) -> str:
    return ", ".join(repr(str(path)) for path in paths)
