"""From the different features to the rows that have them, and back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled

__all__ = ["DistinctRows", "expand"]

Indices = NDArray[np.int64]
Costs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DistinctRows:
    """The different features of the rows; they are numbered by their first rows on either side.

    Attributes:
        query: The feature of every row, int64 of shape (n,).
        query_rows: The first row of every feature, int64 of shape (g,).
        twins: The target with the same feature as a query, or -1; int64 of shape (g,).
        target_rows: The first reference row of every target, int64 of shape (t,).
        members: The reference rows by target, ascending in each; int64 of shape (m,).
        start: Where the rows of each target begin in `members`, int64 of shape (t + 1,).
        symmetric: Whether rows are searched among themselves.
    """

    query: Indices
    query_rows: Indices
    twins: Indices
    target_rows: Indices
    members: Indices
    start: Indices
    symmetric: bool

    @classmethod
    def of(cls, groups: Indices, reference_groups: Indices, symmetric: bool) -> "DistinctRows":
        """Arrange the groups that `group_identical` gives."""
        numbers, query_rows, query = np.unique(groups, return_index=True, return_inverse=True)
        reference_groups = groups if symmetric else reference_groups
        target_numbers, first, count = np.unique(
            reference_groups, return_index=True, return_counts=True
        )
        order = np.argsort(first)
        place = np.full(int(max(numbers.max(initial=-1), target_numbers.max(initial=-1))) + 1, -1)
        place[target_numbers[order]] = np.arange(len(order))
        members = np.argsort(place[reference_groups], kind="stable")
        start = np.concatenate([[0], np.cumsum(count[order])])
        return cls(query, query_rows, place[numbers], first[order], members, start, symmetric)


def expand(
    distinct: DistinctRows, places: Indices, costs: Costs, k: int, identical: float
) -> tuple[Indices, Costs]:
    """The k nearest reference rows of every row: exact copies first, then by cost and number.

    Args:
        distinct: The rows and their features.
        places: The nearest targets of every feature, its own not among them, int64 of shape (g, c);
            -1 where there are no more.
        costs: Their costs, ascending, float32 of shape (g, c).
        k: Number of neighbours.
        identical: Cost of an exact copy.

    Returns:
        Rows and costs of shape (n, k); -1 and inf where there are no more.
    """
    return _expand(
        distinct.query, distinct.twins, places, costs, distinct.members, distinct.start,
        k, np.float32(identical), distinct.symmetric,
    )  # fmt: skip


@compiled
def _expand(
    query: Indices, twins: Indices, places: Indices, costs: Costs, members: Indices,
    start: Indices, k: int, identical: np.float32, symmetric: bool,
) -> tuple[Indices, Costs]:  # fmt: skip
    found = np.full((len(query), k), -1, np.int64)
    cost = np.full((len(query), k), np.float32(np.inf), np.float32)
    for row in range(len(query)):
        twin, count = twins[query[row]], 0
        if twin >= 0:
            copies = members[start[twin] : start[twin + 1]][: k + 1]
            copies = (copies[copies != row] if symmetric else copies)[:k]
            count = len(copies)
            found[row, :count], cost[row, :count] = copies, identical
        near, its_costs = places[query[row]], costs[query[row]]
        begin = 0
        while count < k and begin < len(near) and near[begin] >= 0:
            end = _end_of_equals(near, its_costs, begin)
            for member in _lowest_members(near[begin:end], members, start, k)[: k - count]:
                found[row, count], cost[row, count] = member, its_costs[begin]
                count += 1
            begin = end
    return found, cost


@compiled
def _end_of_equals(near: Indices, costs: Costs, begin: int) -> int:
    end = begin + 1
    while end < len(near) and near[end] >= 0 and costs[end] == costs[begin]:
        end += 1
    return end


@compiled
def _lowest_members(targets: Indices, members: Indices, start: Indices, k: int) -> Indices:
    """At least the k lowest rows of some targets, ascending."""
    most = 0
    for target in targets:
        most += min(start[target + 1] - start[target], k)
    gathered, size = np.empty(most, np.int64), 0
    for target in targets:
        for member in members[start[target] : start[target + 1]][:k]:
            gathered[size] = member
            size += 1
    return np.sort(gathered[:size])
