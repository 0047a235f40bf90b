"""The forms of a result: all pairs, or groups, which stay linear in the number of images."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagededup.commands.related import (
    Related,
    duplicates_of_each,
    links_to_representatives,
    links_to_the_best,
)

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
    members: list[Related]


def groups(found: "Duplicates") -> list[Group]:
    """The groups of a result; with two collections each image is with its best duplicate."""
    if found.reference_names is not None:
        best: dict[str, list[Related]] = {}
        for name, member in links_to_the_best(found):
            best.setdefault(name, []).append(member)
        return [Group(name, best[name]) for name in sorted(best)]
    clusters = found.clusters()
    direct = links_to_representatives(found, clusters)
    return [
        Group(
            cluster.representative,
            [
                direct.get(name) or Related(name, None)
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
        header = ("group", "representative", "image", found.score_name)
        write_csv(path, (*header, *_relation(found)), _rows(found))
    else:
        lines = path.suffix == ".jsonl"
        with open_atomically(path) as file:
            file.writelines(_json_lines(found, form) if lines else json_parts(found, form, scores))


def json_parts(found: "Duplicates", form: Format, scores: bool) -> Iterator[str]:
    """The JSON text of a result: a dictionary of all images, or a list of groups."""
    from imagededup.utils.files import json_lines, json_object_lines

    if form is Format.GROUPS:
        return json_lines(list(_records(found, form)))
    if not scores or found.verdicts is None:
        return json_object_lines(found.entries(scores))
    return json_object_lines(
        (name, [(one.name, one.score, one.relation) for one in duplicates])
        for name, duplicates in duplicates_of_each(found)
    )


def _json_lines(found: "Duplicates", form: Format) -> Iterator[str]:
    return (f"{json.dumps(record)}\n" for record in _records(found, form))


def _records(found: "Duplicates", form: Format) -> Iterable[dict[str, Any]]:
    if form is Format.PAIRS:
        for row in found.rows():
            yield dict(zip(found.row_header, row, strict=True))
        return
    header = ("image", found.score_name, *_relation(found))
    for group in groups(found):
        members = [
            dict(zip(header, (one.name, one.score, one.relation), strict=False))
            for one in group.members
        ]
        yield {"representative": group.representative, "members": members}


def _rows(found: "Duplicates") -> Iterator[tuple[Any, ...]]:
    for number, group in enumerate(groups(found), 1):
        for one in group.members:
            relation = [one.relation for _ in _relation(found)]
            yield number, group.representative, one.name, one.score, *relation


def _relation(found: "Duplicates") -> tuple[str, ...]:
    """The column that only verified results have."""
    return () if found.verdicts is None else ("relation",)
