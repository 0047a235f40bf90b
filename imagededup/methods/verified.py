"""What verification says of the pairs of a result, from whichever side they are looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import Matches, Pairs
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
        pairs = self.matches.pair_counts()
        codes = self.verdicts.rows["relation"]
        counts = dict.fromkeys(Relation, 0)
        for code, relation in enumerate(Relation):
            counts[relation] = int(pairs[codes == code].sum())
        counts[Relation.IDENTICAL] += self.matches.pair_count() - int(pairs.sum())
        return {relation: count for relation, count in counts.items() if count}

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


class _Grouped(NamedTuple):
    """Items by group, where those of each group begin, and how many they are."""

    items: Indices
    start: Indices
    size: Indices

    @classmethod
    def of(cls, groups: Indices) -> "_Grouped":
        size = np.bincount(groups)
        return cls(np.argsort(groups, kind="stable"), np.cumsum(size) - size, size)


def _apart(matches: Matches, verdicts: Verdicts) -> tuple[Matches, Verdicts]:
    """Every image as a group, and the pairs of the groups as pairs of images."""
    pairs, references = matches.pairs, matches.reference_groups
    lefts = _Grouped.of(matches.groups)
    rights = lefts if references is None else _Grouped.of(references)
    counts = lefts.size[pairs.left] * rights.size[pairs.right]
    pair = np.repeat(np.arange(len(pairs)), counts)
    place = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(place, rights.size[pairs.right][pair])
    left = lefts.items[lefts.start[pairs.left][pair] + row]
    right = rights.items[rights.start[pairs.right][pair] + column]
    rows, groups = verdicts.rows[pair], np.arange(len(matches.groups))
    if references is None:
        turned = left > right
        left, right = np.minimum(left, right), np.maximum(left, right)
        rows[turned] = swapped_rows(rows[turned])
    else:
        references = np.arange(len(references)) + len(groups)
        right = right + len(groups)
    order = np.lexsort((right, left))
    expanded = Pairs(left[order], right[order], pairs.score[pair][order])
    return Matches(groups, references, expanded, 1.0, descending=True), Verdicts(rows[order])
