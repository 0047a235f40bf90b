"""The figures of copy detection, of one set or of the pool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from codes import DEFAULTS, similar_pairs
from edits import EDITS, FOURTEEN, SIXTEEN, STRONG, TURNED
from numpy.typing import NDArray
from ranking import Ranking, rank
from verified import VerifiedPairs
from wrong_removal import taken_by_codes, taken_by_relation

from imagededup.verification.relation import RELATED, REMOVABLE, Relation

__all__ = [
    "VERIFIED",
    "AtThreshold",
    "Figures",
    "Relations",
    "figures_of_codes",
    "figures_of_verified",
    "pictures_by_relation",
    "relations_of",
]

Array = NDArray[Any]

VERIFIED = "verified"

_NUMBER = {name: number for number, name in enumerate(EDITS)}
_GROUPS: Mapping[str, list[int]] = {
    name: [_NUMBER[edit] for edit in edits]
    for name, edits in {
        "14 edits": FOURTEEN,
        "16 edits": SIXTEEN,
        "strong": STRONG,
        "turned": TURNED,
    }.items()
}
_RELATIONS = tuple(Relation)


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What is found at a threshold, or by the relations that a command takes.

    Attributes:
        threshold: As a user gives it, or the command.
        recall: The share of the copies that are found, by group of edits.
        false_pairs: In ten million pairs of files of different pictures.
        taken: The share of the pictures that a removal takes where no copies are among them.
    """

    threshold: str
    recall: dict[str, float]
    false_pairs: float
    taken: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one encoder, or of verification.

    Attributes:
        encoder: Its name.
        rankings: By group of edits.
        recall_by_edit: At the threshold that gives 99 percent precision among the 16 edits.
        at_thresholds: The default first.
    """

    encoder: str
    rankings: dict[str, Ranking]
    recall_by_edit: dict[str, float]
    at_thresholds: tuple[AtThreshold, ...]


@dataclass(frozen=True, slots=True)
class Relations:
    """What verification says.

    Attributes:
        by_edit: For each edit the share of its copies that have each relation with their picture;
            what is missing to 1 was no candidate.
        of_pictures: Numbers of pairs of different pictures.
        of_related: Numbers of pairs within related sets.
    """

    by_edit: dict[str, dict[str, float]]
    of_pictures: dict[str, int]
    of_related: dict[str, int]


def figures_of_codes(encoder: str, codes: Array, copies: Array, group: Array) -> Figures:
    """Measure an encoder.

    Args:
        encoder: Its name.
        codes: Unit vectors of pictures, (pictures, d).
        copies: Unit vectors of their copies, (pictures, edits, d).
        group: Pairs of pictures of the same group are not counted as false, (pictures,).
    """
    scores: Array = np.einsum("pd,ped->pe", codes, copies)

    def false(chosen: list[int]) -> Iterable[Array]:
        rows = copies[:, chosen].reshape(-1, codes.shape[1])
        owners = group.repeat(len(chosen))
        return similar_pairs(rows, codes, scores[:, chosen].min(), owners, group)

    rankings = {name: rank(scores[:, some], false(some)) for name, some in _GROUPS.items()}
    limits = DEFAULTS[encoder]
    rates = _false_pairs(codes, copies[:, _GROUPS["16 edits"]], group, list(limits.values()))
    at_thresholds = tuple(
        AtThreshold(name, _recall(scores >= limit), rate, taken_by_codes(codes, group, limit))
        for (name, limit), rate in zip(limits.items(), rates, strict=True)
    )
    return Figures(encoder, rankings, _by_edit(scores, rankings), at_thresholds)


def _false_pairs(codes: Array, copies: Array, group: Array, limits: Sequence[float]) -> list[float]:
    """In ten million pairs of files of different pictures, those at each limit or above."""
    files = np.concatenate([codes[:, None], copies], axis=1)
    owners = group.repeat(files.shape[1])
    rows = files.reshape(len(owners), -1)
    counts = np.zeros(len(limits), np.int64)
    for block in similar_pairs(rows, rows, min(limits), owners, owners):
        counts += (block[:, None] >= np.array(limits)).sum(axis=0)
    total = _pairs_of_different_groups(group) * files.shape[1] ** 2
    rates: list[float] = (counts / max(total, 1) * 1e7).tolist()
    return rates


def figures_of_verified(copies: VerifiedPairs, pictures: VerifiedPairs, group: Array) -> Figures:
    """Measure verification.

    Args:
        copies: Pairs of a copy and a picture.
        pictures: Pairs of pictures.
        group: As for `figures_of_codes`.
    """
    own = copies.take(copies.picture == copies.other)
    false = copies.take(group[copies.picture] != group[copies.other])
    false_scores = false.verdicts.rows["score"]
    scores = _table(own, own.verdicts.rows["score"], len(group), -np.inf)
    rankings = {
        name: rank(scores[:, some], [false_scores[np.isin(false.edit, some)]])
        for name, some in _GROUPS.items()
    }
    usual = false.take(np.isin(false.edit, _GROUPS["16 edits"]))
    different = pictures.take(group[pictures.picture] != group[pictures.other])
    total = _pairs_of_different_groups(group) * (len(SIXTEEN) + 1 / 2)
    at_commands = []
    for command, relations in (("find", RELATED), ("remove", REMOVABLE)):
        found = _table(own, own.verdicts.among(relations), len(group), False)
        count = sum(int(pairs.verdicts.among(relations).sum()) for pairs in (usual, different))
        taken = taken_by_relation(pictures, group, relations)
        rate = count / max(total, 1) * 1e7
        at_commands.append(AtThreshold(command, _recall(found), rate, taken))
    return Figures(VERIFIED, rankings, _by_edit(scores, rankings), tuple(at_commands))


def relations_of(copies: VerifiedPairs, pictures: VerifiedPairs, group: Array) -> Relations:
    """What verification says; arguments as for `figures_of_verified`."""
    own = copies.take(copies.picture == copies.other)
    by_edit = {
        edit: {
            relation: count / len(group)
            for relation, count in _counts(own.take(own.edit == number)).items()
        }
        for edit, number in _NUMBER.items()
    }
    return Relations(by_edit, *pictures_by_relation(pictures, group))


def pictures_by_relation(
    pictures: VerifiedPairs, group: Array
) -> tuple[dict[str, int], dict[str, int]]:
    """Numbers of pairs of different pictures by relation, and of pairs within related sets."""
    related = group[pictures.picture] == group[pictures.other]
    return _counts(pictures.take(~related)), _counts(pictures.take(related))


def _counts(pairs: VerifiedPairs) -> dict[str, int]:
    counts = np.bincount(pairs.verdicts.rows["relation"], minlength=len(_RELATIONS))
    return dict(zip(map(str, _RELATIONS), counts.tolist(), strict=True))


def _table(own: VerifiedPairs, values: Array, pictures: int, otherwise: float) -> Array:
    """Values of the pairs of copies and their pictures, (pictures, edits)."""
    table = np.full((pictures, len(EDITS)), otherwise)
    table[own.picture, own.edit] = values
    return table


def _recall(found: Array) -> dict[str, float]:
    return {name: float(found[:, some].mean()) for name, some in _GROUPS.items()}


def _by_edit(scores: Array, rankings: Mapping[str, Ranking]) -> dict[str, float]:
    precise = scores >= rankings["16 edits"].limit_at_99
    return dict(zip(EDITS, precise.mean(axis=0).tolist(), strict=True))


def _pairs_of_different_groups(group: Array) -> int:
    """Ordered pairs of pictures."""
    sizes = np.unique(group, return_counts=True)[1].astype(np.int64)
    return int(len(group) ** 2 - (sizes**2).sum())
