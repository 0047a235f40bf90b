"""The result of a search: groups of equal codes, and the pairs between the groups.

Equal codes are searched once. A hundred thousand identical images are one group here, not five
billion pairs; pairs of images are made only where they are asked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagededup.utils.jit import compiled, unless_quick

__all__ = [
    "Matches",
    "Pairs",
    "components_of_few",
    "concatenate",
    "connected_components",
    "each_once",
]

Indices = NDArray[np.int64]
Scores = NDArray[np.int64] | NDArray[np.float32]

_ROWS_AT_ONCE = 1 << 20

_FEW = 50_000
"""Items and links whose components Python finds in less time than it takes to load their code."""

_SECONDS_A_STEP = 3e-7


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of items with their score, sorted by `left`, then by `right`.

    Attributes:
        left: int64 of shape (n,).
        right: int64 of shape (n,). Within one collection `left < right`, each pair once.
        score: Hamming distance (int64) or cosine similarity (float32) of shape (n,).
    """

    left: Indices
    right: Indices
    score: Scores

    def __len__(self) -> int:
        return len(self.left)


def concatenate(found: Sequence[Pairs], score_type: DTypeLike = np.int64) -> Pairs:
    """All pairs of some blocks; `score_type` is the type of their scores."""
    nothing = np.empty(0, np.int64)
    return Pairs(
        np.concatenate([nothing, *(pairs.left for pairs in found)]),
        np.concatenate([nothing, *(pairs.right for pairs in found)]),
        np.concatenate([np.empty(0, score_type), *(pairs.score for pairs in found)]),
    )


def each_once(found: list[Pairs], targets: int, symmetric: bool) -> Pairs:
    """Every pair once, sorted; those of one collection with `left < right`, none with itself.

    Args:
        found: Pairs in any order and, within one collection, in any direction.
        targets: Number of targets.
        symmetric: Whether the pairs are of one collection.
    """
    pairs = concatenate(found, np.float32)
    left, right = pairs.left, pairs.right
    if symmetric:
        left, right = np.minimum(left, right), np.maximum(left, right)
    _, place = np.unique(left * targets + right, return_index=True)
    kept: NDArray[np.int64] = place[left[place] != right[place]] if symmetric else place
    return Pairs(left[kept], right[kept], pairs.score[kept])


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Which items of a collection match each other, or items of a reference collection.

    Attributes:
        groups: int64 of shape (n,): the group of every item. Items with equal codes share one.
        reference_groups: The same of the reference collection, numbered alike; None where the
            items of one collection are compared with each other.
        pairs: Pairs of different groups. With a reference collection `left` is a group of the
            items and `right` one of the references.
        identical: The score of equal codes.
        descending: Whether the best score is the highest (a similarity) or the lowest (a distance).
    """

    groups: Indices
    reference_groups: Indices | None
    pairs: Pairs
    identical: float
    descending: bool

    def __eq__(self, other: object) -> bool:
        """Whether the same items match with the same scores, however groups are numbered."""
        if not isinstance(other, Matches):
            return NotImplemented
        if (self.reference_groups is None) != (other.reference_groups is None):
            return False
        pairs = zip(self._numbered_by_item(), other._numbered_by_item(), strict=True)
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    def links(self) -> Pairs:
        """Every group with every group that it matches, itself included, in both directions."""
        loops = np.flatnonzero(_sizes(self.groups))
        left = [self.pairs.left, loops]
        right = [self.pairs.right, loops]
        score = [self.pairs.score, np.full(len(loops), self.identical, self.pairs.score.dtype)]
        if self.reference_groups is None:
            left.append(self.pairs.right)
            right.append(self.pairs.left)
            score.append(self.pairs.score)
        return Pairs(np.concatenate(left), np.concatenate(right), np.concatenate(score))

    def pair_blocks(self, both_directions: bool = True) -> Iterator[Pairs]:
        """Pairs of items in blocks of about a million, by item, best score first.

        With `both_directions` every pair of one collection comes twice, once for either item.
        """
        members = _Members.of(
            self.groups if self.reference_groups is None else self.reference_groups
        )
        links = _LinkTable.of(self.links(), members, self.descending)
        for items in links.blocks(self.groups):
            block = links.expand(items, self.groups, members)
            if self.reference_groups is None:
                keep = block.left != block.right if both_directions else block.left < block.right
                block = Pairs(block.left[keep], block.right[keep], block.score[keep])
            yield block

    def pair_count(self) -> int:
        """How many pairs there are, each once; none of them is made."""
        left, right = self._sizes()
        if self.reference_groups is None:
            equal = left * (left - 1) // 2
        else:
            equal = left * _counts(right, np.arange(len(left)))
        return int(equal.sum() + self.pair_counts().sum())

    def pair_counts(self) -> Indices:
        """How many pairs of items each of `pairs` stands for, int64 of shape (number of pairs,)."""
        left, right = self._sizes()
        return _counts(left, self.pairs.left) * _counts(right, self.pairs.right)

    def best_links(self, items: Indices, targets: Indices) -> Pairs:
        """For items that match any of some targets, the best of them; equals by lowest target.

        Args:
            items: int64 of shape (k,), none of them a target.
            targets: Items of the same collection, or of the reference collection where there is
                one; int64, ascending.

        Returns:
            Item, target and score; items without such a match are left out.
        """
        target_groups = (self.groups if self.reference_groups is None else self.reference_groups)[
            targets
        ]
        size = int(max(self.groups.max(initial=-1), target_groups.max(initial=-1))) + 1
        first_target = np.full(size, -1, np.int64)
        first_target[target_groups[::-1]] = targets[::-1]
        links = self.links()
        reached = first_target[np.minimum(links.right, size - 1)]
        reached[links.right >= size] = -1
        usable = reached >= 0
        left, right, score = links.left[usable], reached[usable], links.score[usable]
        order = np.lexsort((right, -score if self.descending else score, left))
        groups, place = np.unique(left[order], return_index=True)
        best = np.full(size, -1, np.int64)
        best[groups] = order[place]
        chosen = best[self.groups[items]]
        found = chosen >= 0
        return Pairs(items[found], right[chosen[found]], score[chosen[found]])

    def has_match(self) -> NDArray[np.bool_]:
        """Whether each item has any match, of shape (n,)."""
        links = self.links()
        if self.reference_groups is None:
            sizes = np.bincount(self.groups)
            sizes[links.left[links.left != links.right]] += 1
            result: NDArray[np.bool_] = sizes[self.groups] > 1
            return result
        present = links.left[np.isin(links.right, self.reference_groups)]
        return np.isin(self.groups, present)

    def independent(self, order: Indices) -> Indices:
        """Walk items of one collection: keep one unless it matches an item kept before.

        Args:
            order: Items in the order of the walk, int64 of shape (k,).

        Returns:
            The kept items, int64, in the order of the walk.
        """
        from imagededup.search.greedy import independent_groups

        links = self.links()
        by_group = np.argsort(links.left, kind="stable")
        start = np.searchsorted(
            links.left[by_group], np.arange(int(self.groups.max(initial=-1)) + 2)
        )
        groups, first = np.unique(self.groups[order], return_index=True)
        walk = np.argsort(first)
        seconds = (len(groups) + len(links)) * _SECONDS_A_STEP
        choose = unless_quick(independent_groups, seconds)
        kept = choose(groups[walk], start, links.right[by_group])
        return order[first[walk][kept]]

    def _sizes(self) -> tuple[Indices, Indices]:
        """How many items every group has, and how many references, of shape (groups,)."""
        left = _sizes(self.groups)
        return left, left if self.reference_groups is None else _sizes(self.reference_groups)

    def _numbered_by_item(self) -> tuple[Indices, Indices, Indices, Scores]:
        """Groups numbered by their first items, and the pairs between them, sorted."""
        others = self.groups[:0] if self.reference_groups is None else self.reference_groups
        every = np.concatenate([self.groups, others])
        groups, first, number = np.unique(every, return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))
        left = rank[np.searchsorted(groups, self.pairs.left)]
        right = rank[np.searchsorted(groups, self.pairs.right)]
        if self.reference_groups is None:
            left, right = np.minimum(left, right), np.maximum(left, right)
        order = np.lexsort((right, left))
        return rank[number], left[order], right[order], self.pairs.score[order]

    def components(self) -> Indices:
        """The connected component of every item of one collection, int64 of shape (n,)."""
        groups = int(self.groups.max(initial=-1)) + 1
        return connected_components(self.pairs.left, self.pairs.right, groups)[self.groups]


def connected_components(left: Indices, right: Indices, count: int) -> Indices:
    """The connected component of each of `count` items that are linked in pairs.

    Returns:
        Numbers from 0 in the order of the first items, int64 of shape (count,).
    """
    if len(left) + count <= _FEW:
        return components_of_few(left, right, count)
    seconds = (len(left) + count) * _SECONDS_A_STEP
    return unless_quick(_components, seconds, components_of_few)(left, right, count)


def components_of_few(left: Indices, right: Indices, count: int) -> Indices:
    """As `connected_components`; it takes less time than to load compiled code."""
    parent = list(range(count))  # each item's is itself or one before it

    def first(item: int) -> int:
        while parent[item] != item:
            parent[item] = item = parent[parent[item]]
        return item

    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        low, high = sorted((first(one), first(other)))
        parent[high] = low
    for item in range(count):
        parent[item] = parent[parent[item]]
    return np.unique(np.array(parent, np.int64), return_inverse=True)[1].astype(np.int64)


@compiled
def _components(left: Indices, right: Indices, count: int) -> Indices:
    parent = np.arange(count)  # each item's is itself or one before it
    for link in range(len(left)):
        one, other = left[link], right[link]
        while parent[one] != one:
            parent[one] = one = parent[parent[one]]
        while parent[other] != other:
            parent[other] = other = parent[parent[other]]
        parent[max(one, other)] = min(one, other)
    component, number = np.empty(count, np.int64), 0
    for item in range(count):
        if parent[item] == item:
            component[item] = number
            number += 1
        else:
            component[item] = component[parent[item]]
    return component


@dataclass(frozen=True, slots=True)
class _Members:
    """The items of every group: `items[start[g] : start[g] + size[g]]`, ascending."""

    items: Indices
    start: Indices
    size: Indices

    @classmethod
    def of(cls, groups: Indices) -> "_Members":
        size = _sizes(groups)
        return cls(np.argsort(groups, kind="stable"), np.cumsum(size) - size, size)

    def count(self, groups: Indices) -> Indices:
        """Sizes of groups; 0 for a group that has no item here."""
        return _counts(self.size, groups)


def _sizes(groups: Indices) -> Indices:
    """The sizes of the groups of some items, by group."""
    return np.bincount(groups, minlength=1).astype(np.int64)


def _counts(sizes: Indices, groups: Indices) -> Indices:
    """The sizes of some groups; 0 for one that is not known."""
    known = groups < len(sizes)
    return np.where(known, sizes[np.where(known, groups, 0)], 0)


@dataclass(frozen=True, slots=True)
class _LinkTable:
    """Links sorted by group: those of group g are at `start[g]` to `start[g + 1]`."""

    start: Indices
    right: Indices
    score: Scores
    matches: Indices
    descending: bool

    @classmethod
    def of(cls, links: Pairs, members: _Members, descending: bool) -> "_LinkTable":
        order = np.argsort(links.left, kind="stable")
        left, right = links.left[order], links.right[order]
        size = int(left.max(initial=-1)) + 1
        matches = np.bincount(left, members.count(right), size + 1).astype(np.int64)
        start = np.searchsorted(left, np.arange(size + 1))
        return cls(start, right, links.score[order], matches, descending)

    def blocks(self, groups: Indices) -> Iterator[slice]:
        """Consecutive items that together have about as many matches as fit in a block."""
        total = np.cumsum(self.matches[groups])
        begin = 0
        while begin < len(groups):
            done = total[begin - 1] if begin else 0
            end = int(np.searchsorted(total, done + _ROWS_AT_ONCE, side="right"))
            end = max(end, begin + 1)
            yield slice(begin, end)
            begin = end

    def expand(self, items: slice, groups: Indices, members: _Members) -> Pairs:
        """All matches of some items."""
        of_items = groups[items]
        links, item = _ranges(self.start[of_items], self.start[of_items + 1])
        count = members.count(self.right[links])
        links, item = links[count > 0], item[count > 0]
        begin = members.start[self.right[links]]
        member, link = _ranges(begin, begin + members.size[self.right[links]])
        left, right = item[link] + items.start, members.items[member]
        score = self.score[links][link]
        order = np.lexsort((right, -score if self.descending else score, left))
        return Pairs(left[order], right[order], score[order])


def _ranges(start: Indices, stop: Indices) -> tuple[Indices, Indices]:
    """All numbers of the ranges one after the other, and the range that each belongs to."""
    length = stop - start
    owner = np.repeat(np.arange(len(length)), length)
    offset = np.cumsum(length) - length
    return np.arange(len(owner)) - offset[owner] + start[owner], owner
