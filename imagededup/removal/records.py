"""The lines of a journal: what is to happen to a file, and what did."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagededup.removal.actions import ActionKind
from imagededup.sources.file_states import FileState

__all__ = ["Intent", "KeptRecord", "intent_of", "journal_line", "line_content", "row_of"]

_CHECK_BYTES = 8


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """What stays for a file that goes.

    Attributes:
        path: Where it lies, absolute.
        state: What it is like.
        digest: BLAKE2b-256 of its bytes, hex digits.
    """

    path: Path
    state: FileState
    digest: str


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to happen to a file.

    Attributes:
        entry: The number of the file in the journal.
        action: What is to be done to it.
        name: Its name in the folder that was searched.
        path: Where it lies: absolute, its folder without symbolic links.
        state: What it is like, a symbolic link itself.
        mode: Its kind and permissions, as `st_mode`.
        digest: BLAKE2b-256 of its bytes, hex digits; None for a symbolic link.
        link: The text of a symbolic link; None for a file.
        place: Where it will be, absolute; None if it is deleted, or if only the system knows.
        kept: What stays for it.
        relation: How it is related to what stays, where that was verified.
        score: The score of the two.
        score_name: What the score is called.
    """

    entry: int
    action: ActionKind
    name: str
    path: Path
    state: FileState
    mode: int
    digest: str | None
    link: str | None
    place: Path | None
    kept: KeptRecord
    relation: str | None
    score: float
    score_name: str


def journal_line(row: dict[str, Any]) -> bytes:
    """A line of a journal, which ends with a checksum of what stands before it."""
    text = json.dumps(row)[:-1].encode()
    return b'%s, "check": "%s"}\n' % (text, _check(text))


def line_content(line: bytes) -> dict[str, Any] | None:
    """What a line says; None if it is torn, or is not as it was written."""
    text, separator, check = line.rpartition(b', "check": "')
    if not separator or check != _check(text) + b'"}\n':
        return None
    try:
        row = json.loads(text + b"}")
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def row_of(intent: Intent) -> dict[str, Any]:
    """An intent as it is written."""
    return {
        "entry": intent.entry,
        "intent": intent.action.value,
        "name": intent.name,
        "path": str(intent.path),
        "state": list(intent.state),
        "mode": intent.mode,
        "digest": intent.digest,
        "link": intent.link,
        "place": None if intent.place is None else str(intent.place),
        "relation": intent.relation,
        "score": intent.score,
        "score_name": intent.score_name,
        "kept": str(intent.kept.path),
        "kept_state": list(intent.kept.state),
        "kept_digest": intent.kept.digest,
    }


def intent_of(row: dict[str, Any]) -> Intent:
    """The intent that a line says.

    Raises:
        ValueError: It is not one, or names a path that leads out of its folder.
    """
    try:
        kept = KeptRecord(
            _path(row["kept"]), FileState(*map(int, row["kept_state"])), str(row["kept_digest"])
        )
        return Intent(
            int(row["entry"]),
            ActionKind(row["intent"]),
            str(row["name"]),
            _path(row["path"]),
            FileState(*map(int, row["state"])),
            int(row["mode"]),
            _text(row["digest"]),
            _text(row["link"]),
            None if row["place"] is None else _path(row["place"]),
            kept,
            _text(row["relation"]),
            row["score"],
            str(row["score_name"]),
        )
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"not an entry of a journal: {error!r}") from error


def _check(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_CHECK_BYTES).hexdigest().encode()


def _path(text: object) -> Path:
    """A path that says plainly where it leads."""
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(f"not a path: {text!r:.60}")
    path = Path(text)
    if not path.is_absolute() or str(path) != os.path.normpath(text):
        raise ValueError(f"not an absolute path without '..': {text!r:.60}")
    return path


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"not a text: {value!r:.60}")
    return value
