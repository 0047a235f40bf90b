"""The figures of copy detection as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codes import DEFAULTS
from copy_figures import VERIFIED, Figures, Relations, pictures_by_relation
from edits import EDITS
from numpy.typing import NDArray
from targets import targets_of
from verified import VerifiedPairs
from wrong_removal import taken_by_codes, taken_by_relation

from imagededup.verification.relation import REMOVABLE, Relation

Array = NDArray[Any]

__all__ = ["SetFigures", "pictures_text", "text_of"]


@dataclass(frozen=True, slots=True)
class SetFigures:
    """The figures of one set or of the pool.

    Attributes:
        name: Its name.
        pictures: How many pictures it has.
        figures: By encoder.
        relations: What verification says, None without verification.
        related: Whether no pair of it is false, so that its rankings say nothing.
    """

    name: str
    pictures: int
    figures: Mapping[str, Figures]
    relations: Relations | None
    related: bool


def text_of(measured: SetFigures) -> str:
    """The tables and the targets of a set."""
    count = measured.pictures
    note = ", related: no pair is false" if measured.related else ""
    parts = [f"== {measured.name}: {count} pictures, {count * len(EDITS)} copies{note} =="]
    figures = list(measured.figures.values())
    parts += [_aligned(_rankings(figures)), _aligned(_defaults(figures)), _aligned(_edits(figures))]
    if measured.relations is not None:
        relations = measured.relations
        parts += [
            _aligned(_relations(relations)),
            _pictures(relations.of_pictures, relations.of_related),
        ]
    parts.append("\n".join(map(str, targets_of(measured.name, measured.figures, measured.related))))
    return "\n\n".join(parts)


def pictures_text(name: str, codes: Mapping[str, Array], pairs: VerifiedPairs, group: Array) -> str:
    """What is found in a set without copies.

    Args:
        name: The set.
        codes: The codes of its pictures by encoder.
        pairs: Its verified pairs.
        group: Pairs of pictures of the same group are not counted as false.
    """
    taken = {
        encoder: taken_by_codes(rows, group, next(iter(DEFAULTS[encoder].values())))
        for encoder, rows in codes.items()
    }
    taken[VERIFIED] = taken_by_relation(pairs, group, REMOVABLE)
    shares = ", ".join(f"{encoder} {share:.2%}" for encoder, share in taken.items())
    return f"== {name}: {len(group)} pictures ==\nremoved: {shares}\n" + _pictures(
        *pictures_by_relation(pairs, group)
    )


def _rankings(figures: Sequence[Figures]) -> list[list[str]]:
    head = ["uAP / R@P99 / R@P99.9", *next(iter(figures)).rankings]
    return [head] + [
        [each.encoder]
        + [
            f"{ranking.average_precision:.4f} / {ranking.recall_at_99:.4f} / "
            f"{ranking.recall_at_999:.4f}"
            for ranking in each.rankings.values()
        ]
        for each in figures
    ]


def _defaults(figures: Sequence[Figures]) -> list[list[str]]:
    groups = list(next(iter(figures)).rankings)
    head = ["recall at a threshold", "", *groups, "false in ten million", "pictures taken"]
    return [head] + [
        [each.encoder, at.threshold]
        + [f"{at.recall[group]:.4f}" for group in groups]
        + [f"{at.false_pairs:.1f}", f"{at.taken:.2%}"]
        for each in figures
        for at in each.at_thresholds
    ]


def _edits(figures: Sequence[Figures]) -> list[list[str]]:
    head = ["recall at 99 % precision", *(each.encoder for each in figures)]
    return [head] + [
        [edit, *(f"{each.recall_by_edit[edit]:.3f}" for each in figures)] for edit in EDITS
    ]


def _relations(relations: Relations) -> list[list[str]]:
    head = ["relation to its picture", *Relation, "no candidate"]
    rows = [
        [edit, *(f"{share:.3f}" for share in shares.values()), f"{1 - sum(shares.values()):.3f}"]
        for edit, shares in relations.by_edit.items()
    ]
    return [head, *rows]


def _pictures(different: Mapping[str, int], related: Mapping[str, int]) -> str:
    lines = [f"pairs of different pictures: {_counts(different)}"]
    if any(related.values()):
        lines.append(f"pairs of related pictures: {_counts(related)}")
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {relation}" for relation, n in counts.items() if n) or "none verified"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)
