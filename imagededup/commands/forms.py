"""The forms of a result: all pairs, or groups, which stay linear in the number of images."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates

__all__ = ["MOST_PAIRS", "Format", "Group", "groups", "json_parts", "write_result"]

MOST_PAIRS = 10_000_000
"""More pairs are only written if --all-pairs asks for them: JSON would take a gigabyte."""


class Format(StrEnum):
    """What is written of a result."""

    PAIRS = "pairs"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True)
class Group:
    """Duplicates of each other, or all that duplicate one image of the other collection.

    Attributes:
        representative: The image that stands for the group, or the image of the other collection.
        members: The other images, with the score to the representative where they match it
            directly and not only through others.
    """

    representative: str
    members: list[tuple[str, float | None]]


def groups(found: "Duplicates") -> list[Group]:
    """The groups of a result; with two collections each image is with its best duplicate."""
    if found.reference_names is not None:
        best: dict[str, list[tuple[str, float | None]]] = {}
        for removal in found.removals():
            best.setdefault(removal.duplicate_of, []).append((removal.name, removal.score))
        return [Group(name, best[name]) for name in sorted(best)]
    clusters = found.clusters()
    direct = found.scores_to_representatives(clusters)
    return [
        Group(
            cluster.representative,
            [
                (name, direct.get(name))
                for name in cluster.members
                if name != cluster.representative
            ],
        )
        for cluster in clusters
    ]


def write_result(path: Path, found: "Duplicates", form: Format, scores: bool) -> None:
    """Write a result as JSON, CSV or JSON lines, by the extension of the file.

    Raises:
        FileOperationError: The file cannot be written.
    """
    from imagededup.utils.files import open_atomically, write_csv

    if path.suffix == ".csv" and form is Format.PAIRS:
        found.write_csv(path)
    elif path.suffix == ".csv":
        write_csv(path, ("group", "representative", "image", found.score_name), _rows(found))
    else:
        lines = path.suffix == ".jsonl"
        with open_atomically(path) as file:
            file.writelines(_json_lines(found, form) if lines else json_parts(found, form, scores))


def json_parts(found: "Duplicates", form: Format, scores: bool) -> Iterator[str]:
    """The JSON text of a result: a dictionary of all images, or a list of groups."""
    from imagededup.utils.files import json_lines, json_object_lines

    if form is Format.PAIRS:
        return json_object_lines(found.entries(scores))
    return json_lines(list(_records(found, form)))


def _json_lines(found: "Duplicates", form: Format) -> Iterator[str]:
    return (f"{json.dumps(record)}\n" for record in _records(found, form))


def _records(found: "Duplicates", form: Format) -> Iterable[dict[str, Any]]:
    score_name = found.score_name
    if form is Format.PAIRS:
        for row in found.rows():
            yield dict(zip(found.row_header, row, strict=True))
        return
    for group in groups(found):
        members = [{"image": name, score_name: score} for name, score in group.members]
        yield {"representative": group.representative, "members": members}


def _rows(found: "Duplicates") -> Iterator[tuple[int, str, str, float | None]]:
    for number, group in enumerate(groups(found), 1):
        for name, score in group.members:
            yield number, group.representative, name, score
