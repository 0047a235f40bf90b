"""What verification says of the pairs of a result, from whichever side they are looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import Matches, Pairs, concatenate
from imagededup.verification.identical import IDENTICAL
from imagededup.verification.relation import Relation
from imagededup.verification.swap import swapped_rows
from imagededup.verification.verdict import Verdict, Verdicts

__all__ = ["DETAIL_HEADER", "VerdictTable", "with_relations"]

Indices = NDArray[np.int64]

DETAIL_HEADER = (
    "relation",
    "rotation",
    "scale",
    "mirrored",
    "image_covered",
    "duplicate_covered",
    "differing",
)
"""What the rows of a verified result have behind the score."""

_FIELDS = ("rotation", "scale", "mirrored", "left_covered", "right_covered", "differing")
_WORDS = np.array([relation.value for relation in Relation], object)


@dataclass(frozen=True, slots=True)
class VerdictTable:
    """Matches whose groups have equal pixels, with a verdict for each pair of groups.

    Attributes:
        matches: The groups and their pairs, which are sorted.
        verdicts: One a pair.
    """

    matches: Matches
    verdicts: Verdicts

    def rows(self, left: Indices, right: Indices) -> NDArray[Any]:
        """Rows of verdicts of items that match, the left one seen from the left.

        Args:
            left: Items, int64 of shape (n,).
            right: Items of the same collection, or of the reference collection, of shape (n,).
        """
        place, turned = self._places(left, right)
        result = np.repeat(Verdicts.of([IDENTICAL]).rows, len(place))
        result[place >= 0] = self.verdicts.rows[place[place >= 0]]
        result[turned] = swapped_rows(result[turned])
        return result

    def details(self, left: Indices, right: Indices) -> dict[str, NDArray[Any]]:
        """The columns of `DETAIL_HEADER` of items that match."""
        rows = self.rows(left, right)
        columns = [_WORDS[rows["relation"]], *(rows[field] for field in _FIELDS)]
        return dict(zip(DETAIL_HEADER, columns, strict=True))

    def between(self, left: int, right: int) -> tuple[Verdict, bool] | None:
        """The stored verdict of two items, and whether its left picture is the right one of these.

        None where they do not match.
        """
        matches, pairs = self.matches, self.matches.pairs
        within = matches.reference_groups is None
        low, high = matches.groups[left], self._right_groups()[right]
        if low == high:
            return IDENTICAL, False
        turned = bool(within and low > high)
        low, high = (high, low) if turned else (low, high)
        begin, end = np.searchsorted(pairs.left, [low, low + 1])
        place = int(begin + np.searchsorted(pairs.right[begin:end], high))
        if place == end or pairs.right[place] != high:
            return None
        return self.verdicts[place], turned

    def counts(self) -> dict[Relation, int]:
        """How many pairs of items have each relation, of those that any has."""
        sizes = np.bincount(self.matches.groups, minlength=len(self._sizes()))
        others = self._sizes()
        pairs = self.matches.pairs
        weights = sizes[pairs.left] * others[pairs.right]
        codes = self.verdicts.rows["relation"]
        counts = np.bincount(codes, weights, len(Relation)).astype(np.int64)
        counts[0] += self.matches.pair_count() - weights.sum()  # within groups
        every = zip(Relation, counts.tolist(), strict=True)
        return {relation: count for relation, count in every if count}

    def _places(self, left: Indices, right: Indices) -> tuple[Indices, NDArray[np.bool_]]:
        """The pair of groups of each two items, -1 in one group, and whether it is turned."""
        matches, pairs = self.matches, self.matches.pairs
        one, other = matches.groups[left], self._right_groups()[right]
        turned = (one > other) & (matches.reference_groups is None)
        low, high = np.where(turned, other, one), np.where(turned, one, other)
        size = int(max(pairs.left.max(initial=0), pairs.right.max(initial=0), high.max(initial=0)))
        keys, wanted = pairs.left * (size + 1) + pairs.right, low * (size + 1) + high
        place = np.where(one == other, -1, np.searchsorted(keys, wanted))
        return place, turned

    def _right_groups(self) -> Indices:
        references = self.matches.reference_groups
        return self.matches.groups if references is None else references

    def _sizes(self) -> Indices:
        """How many items on the right each group has."""
        every = int(max(self.matches.groups.max(initial=-1), self._right_groups().max(initial=-1)))
        return np.bincount(self._right_groups(), minlength=every + 1)


def with_relations(
    matches: Matches,
    verdicts: Verdicts,
    relations: Sequence[Relation],
    among: NDArray[np.bool_] | None = None,
) -> tuple[Matches, Verdicts]:
    """The pairs of some relations; without `IDENTICAL` every image is a group of its own.

    Args:
        matches: Groups of equal pixels, and pairs of them.
        verdicts: One a pair.
        relations: Those that stay.
        among: Which pairs may stay, of shape (n,); None means all.
    """
    kept = verdicts.among(relations)
    if among is not None:
        kept &= among
    pairs = Pairs(matches.pairs.left[kept], matches.pairs.right[kept], matches.pairs.score[kept])
    fewer = Matches(matches.groups, matches.reference_groups, pairs, 1.0, descending=True)
    verdicts = verdicts.take(kept)
    return (fewer, verdicts) if Relation.IDENTICAL in relations else _apart(fewer, verdicts)


def _apart(matches: Matches, verdicts: Verdicts) -> tuple[Matches, Verdicts]:
    """Every image as a group, and the pairs of the groups as pairs of images."""
    pairs = concatenate(list(_different(matches)), np.float32)
    rows = VerdictTable(matches, verdicts).rows(pairs.left, pairs.right)
    groups, references = np.arange(len(matches.groups)), None
    if matches.reference_groups is not None:
        references = np.arange(len(matches.reference_groups)) + len(groups)
        pairs = Pairs(pairs.left, pairs.right + len(groups), pairs.score)
    order = np.lexsort((pairs.right, pairs.left))
    pairs = Pairs(pairs.left[order], pairs.right[order], pairs.score[order])
    return Matches(groups, references, pairs, 1.0, descending=True), Verdicts(rows[order])


def _different(matches: Matches) -> Iterator[Pairs]:
    """The pairs of items of different groups."""
    references = matches.reference_groups
    of_right = matches.groups if references is None else references
    for block in matches.pair_blocks(both_directions=False):
        differ = matches.groups[block.left] != of_right[block.right]
        yield Pairs(block.left[differ], block.right[differ], block.score[differ])
