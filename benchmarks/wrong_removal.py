"""How many pictures a removal takes from a set in which no picture is a copy of another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from codes import similarities
from numpy.typing import NDArray
from verified import VerifiedPairs

from imagededup.verification.relation import Relation

__all__ = ["taken_by_codes", "taken_by_relation"]

Array = NDArray[Any]


def taken_by_codes(codes: Array, group: Array, limit: float) -> float:
    """The share of pictures that a removal takes by their codes.

    Args:
        codes: Unit vectors, (pictures, d).
        group: Pairs of pictures of the same group are left alone, (pictures,), ascending.
        limit: The least cosine of duplicates.
    """
    rows, columns = [], []
    for block, cosines in similarities(codes, codes):
        row, column = np.nonzero((cosines >= limit) & (group[block, None] < group))
        rows.append(row + block.start)
        columns.append(column)
    return _share_taken(np.concatenate(rows), np.concatenate(columns), len(codes))


def taken_by_relation(
    pictures: VerifiedPairs, group: Array, relations: Sequence[Relation]
) -> float:
    """The share of pictures that a removal of pairs of some relations takes."""
    different = group[pictures.picture] != group[pictures.other]
    pairs = pictures.take(different & pictures.verdicts.among(relations))
    return _share_taken(pairs.picture, pairs.other, len(group))


def _share_taken(left: Array, right: Array, count: int) -> float:
    """The share of pictures that go, where one stays unless an earlier one that stays has it."""
    earlier: dict[int, set[int]] = {}
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        earlier.setdefault(max(one, other), set()).add(min(one, other))
    gone: set[int] = set()
    for picture in sorted(earlier):
        if earlier[picture] - gone:
            gone.add(picture)
    return len(gone) / count
