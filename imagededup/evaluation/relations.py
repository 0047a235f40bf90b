"""Maps of duplicates as arrays of numbers, which all metrics are computed from."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import connected_components

__all__ = ["DuplicateRelation", "Indices", "Scores", "in_sorted"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of relations.

    Attributes:
        values: Integers or floats of shape (m,).
        descending: Whether the best is the highest (a similarity) or the lowest (a distance).
    """

    values: NDArray[Any]
    descending: bool

    @property
    def cost(self) -> NDArray[Any]:
        """The values such that lower is better, of shape (m,)."""
        return -self.values if self.descending else self.values

    def __getitem__(self, rows: Indices) -> "Scores":
        return Scores(self.values[rows], self.descending)


@dataclass(frozen=True)
class DuplicateRelation:
    """Which images are given for which: row i says that `item[i]` is given for `query[i]`.

    No row comes twice, and within one collection none gives an image for itself.

    Attributes:
        names: The images, sorted; images are numbered by their place here.
        query: int64 of shape (m,), ascending.
        item: int64 of shape (m,); within a query in the order of the ranks.
        scores: Scores of the rows, where there are any.
        references: The images that `item` numbers, sorted, if they are of another collection.
    """

    names: list[str]
    query: Indices
    item: Indices
    scores: Scores | None = None
    references: list[str] | None = None

    def __len__(self) -> int:
        return len(self.query)

    @property
    def items(self) -> list[str]:
        """The images that `item` numbers."""
        return self.names if self.references is None else self.references

    @property
    def possible_pairs(self) -> int:
        """How many pairs there can be: of different images, or of an image and a reference."""
        size = len(self.names)
        return size * (size - 1) // 2 if self.references is None else size * len(self.references)

    @cached_property
    def keys(self) -> Indices:
        """One number a row, the same for the same query and item, of shape (m,)."""
        return self.query * len(self.items) + self.item

    @cached_property
    def pairs(self) -> Indices:
        """One number a pair, ascending, of shape (p,).

        A pair of one collection counts once, whether one image is given for the other or both for
        each other.
        """
        return np.unique(self._pair_keys())

    def scored_pairs(self) -> tuple[Indices, Scores]:
        """The numbers of `pairs` with their scores, the better where both directions have one."""
        if self.scores is None:
            raise TypeError("the relation has no scores")
        keys = self._pair_keys()
        order = np.lexsort((self.scores.cost, keys))
        pairs, first = np.unique(keys[order], return_index=True)
        return pairs, self.scores[order[first]]

    def components(self) -> Indices:
        """The connected component of every image, of shape (n,); of n + r with r references."""
        size = len(self.names)
        if self.references is None:
            return connected_components(self.query, self.item, size)
        return connected_components(self.query, size + self.item, size + len(self.references))

    def _pair_keys(self) -> Indices:
        if self.references is not None:
            return self.keys
        low, high = np.minimum(self.query, self.item), np.maximum(self.query, self.item)
        return low * len(self.names) + high


def in_sorted(values: Indices, ascending: Indices) -> NDArray[np.bool_]:
    """Whether each value is among ascending ones.

    Examples:
        >>> in_sorted(np.array([3, 5]), np.array([1, 3, 9])).tolist()
        [True, False]
    """
    if len(ascending) == 0:
        return np.zeros(len(values), np.bool_)
    place = np.searchsorted(ascending, values)
    return np.asarray(ascending[np.minimum(place, len(ascending) - 1)] == values)
