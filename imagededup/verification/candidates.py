"""Which pairs are worth to be verified: those that the codes propose."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import Pairs

__all__ = ["Candidates", "Nearest", "candidate_pairs"]

Indices = NDArray[np.int64]

Nearest = Callable[[Indices, Indices | None, int], Pairs]
"""Given items, reference items or None, and a count: the best references, or other items, of each.

The pairs are of places in what was given, by left, best first, equals by lower place.
"""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of groups to verify, sorted, and an item of each.

    Attributes:
        left: Groups, int64 of shape (n,); within one collection below `right`.
        right: Groups, int64 of shape (n,).
        first: The first item of every group; it stands for all of them.
    """

    left: Indices
    right: Indices
    first: Indices

    def items(self) -> tuple[Indices, Indices]:
        """The items to look at, int64 of shape (n,) each."""
        return self.first[self.left], self.first[self.right]


def candidate_pairs(
    groups: Indices, references_from: int | None, count: int, nearest: Nearest
) -> Candidates:
    """Pairs of groups of which either proposes the other; at most `count` times the groups.

    Between two collections the items propose references.

    Args:
        groups: The group of every item, numbered by first items; int64 of shape (n,).
        references_from: The first item of the reference collection, where there is one.
        count: How many others each group proposes at most.
        nearest: Says which.
    """
    first = np.unique(groups, return_index=True)[1]
    if references_from is None:
        found = nearest(first, None, count)
        left, right = found.left, found.right
    else:
        left, right = _between(groups, references_from, count, nearest)
    if references_from is None:
        left, right = np.minimum(left, right), np.maximum(left, right)
    keys = np.unique(left * len(first) + right)
    return Candidates(keys // max(len(first), 1), keys % max(len(first), 1), first)


def _between(groups: Indices, border: int, count: int, nearest: Nearest) -> tuple[Indices, Indices]:
    """Groups of items with groups of references; a group is no candidate of itself."""
    own, items = np.unique(groups[:border], return_index=True)
    others, references = np.unique(groups[border:], return_index=True)
    found = nearest(items, references + border, count + 1)
    different = own[found.left] != others[found.right]
    left, right = found.left[different], found.right[different]
    rank = np.arange(len(left)) - np.searchsorted(left, left)
    return own[left[rank < count]], others[right[rank < count]]
