"""Which verified duplicates go, so that what goes is shown by an image that stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from imagededup.methods.verified import with_relations
from imagededup.search.matches import Matches, Pairs, concatenate
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdicts

__all__ = ["Removable"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Removable:
    """Matches, and which of a pair may go because of the other: of a part and its whole the part.

    Attributes:
        matches: Groups of equal pixels, and pairs of them.
        left_may_go: Of every pair, whether its left group is no whole of the right one.
        right_may_go: The same of the right group.
    """

    matches: Matches
    left_may_go: NDArray[np.bool_]
    right_may_go: NDArray[np.bool_]

    @classmethod
    def of(cls, matches: Matches, verdicts: Verdicts, relations: Sequence[Relation]) -> "Removable":
        """The pairs of some relations."""
        matches, verdicts = with_relations(matches, verdicts, relations)
        is_part = verdicts.among([Relation.PART])
        left_less = verdicts.rows["left_covered"] >= verdicts.rows["right_covered"]
        return cls(matches, ~(is_part & ~left_less), ~(is_part & left_less))

    def towards_what_may_stay(self) -> Matches:
        """Links from what may go to what it may go for."""
        pairs, references = self.matches.pairs, self.matches.reference_groups
        chosen = self.left_may_go
        directed = Pairs(pairs.left[chosen], pairs.right[chosen], pairs.score[chosen])
        if references is None:
            references, chosen = self.matches.groups, self.right_may_go
            back = Pairs(pairs.right[chosen], pairs.left[chosen], pairs.score[chosen])
            directed = concatenate([directed, back], np.float32)
        return Matches(self.matches.groups, references, directed, 1.0, descending=True)

    def walk(self, order: Indices) -> Indices:
        """Walk items of one collection, wholes before their parts, and say which are kept.

        An item is kept unless it may go because of one that was kept before. So each that goes has
        one that stays, matches it directly and is no part of it.

        Args:
            order: Items in the order of preference, int64 of shape (k,).

        Returns:
            The kept items, int64.
        """
        groups, first = np.unique(self.matches.groups[order], return_index=True)
        rank = np.full(int(self.matches.groups.max(initial=-1)) + 1, len(order))
        rank[groups] = first
        gone = self._gone(rank)
        kept: Indices = order[first[~np.isin(groups, list(gone))]]
        return kept

    def _gone(self, rank: Indices) -> set[int]:
        """The groups of which no image stays; only those that are in a pair can be."""
        pairs = self.matches.pairs
        may_go: dict[int, list[int]] = {}
        columns = (pairs.left, pairs.right, self.left_may_go, self.right_may_go)
        for left, right, left_may, right_may in zip(*(c.tolist() for c in columns), strict=True):
            may_go.setdefault(left, []).extend([right] if right_may else [])
            may_go.setdefault(right, []).extend([left] if left_may else [])
        kept: set[int] = set()
        gone: set[int] = set()
        for group in self._wholes_first(sorted(may_go), rank):
            if group not in gone:
                kept.add(group)
                gone.update(other for other in may_go[group] if other not in kept)
        return gone

    def _wholes_first(self, groups: Sequence[int], rank: Indices) -> Sequence[int]:
        """Groups by rank, yet after all whose parts they are; those of a circle by rank alone."""
        pairs = self.matches.pairs
        whole = np.where(self.left_may_go, pairs.right, pairs.left)
        part = np.where(self.left_may_go, pairs.left, pairs.right)
        strict = self.left_may_go != self.right_may_go
        whole, part = whole[strict], part[strict]
        circle = _circles(whole, part, len(rank))
        apart = circle[whole] != circle[part]
        parts: dict[int, list[int]] = {}
        waiting = dict.fromkeys(groups, 0)
        for one, other in zip(whole[apart].tolist(), part[apart].tolist(), strict=True):
            parts.setdefault(one, []).append(other)
            waiting[other] += 1
        return _in_order(groups, parts, waiting, lambda group: int(rank[group]))


def _in_order(
    groups: Sequence[int],
    parts: dict[int, list[int]],
    waiting: dict[int, int],
    rank: Callable[[int], int],
) -> list[int]:
    """The order of lowest ranks in which every group comes before its parts (Kahn 1962)."""
    ready = [(rank(group), group) for group in groups if not waiting[group]]
    heapify(ready)
    order = []
    while ready:
        _, group = heappop(ready)
        order.append(group)
        for part in parts.get(group, ()):
            waiting[part] -= 1
            if not waiting[part]:
                heappush(ready, (rank(part), part))
    return order


def _circles(whole: Indices, part: Indices, count: int) -> Indices:
    """The circle of every group: what is, by errors, a part of its own part shares one."""
    if len(whole) == 0:
        return np.arange(count)
    from scipy.sparse import coo_matrix, csgraph

    graph = coo_matrix((np.ones(len(whole), np.bool_), (whole, part)), (count, count))
    labels: Indices = csgraph.connected_components(graph, connection="strong")[1]
    return labels
