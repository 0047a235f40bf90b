"""The nearest of what a join proposes, by all numbers of the points.

Points are never further apart by their principal numbers than by all. So the rest of a list, which
is in the order of the former, need not be looked at when its next entry is too far by those.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine.vectors import LANES, cosine_of
from imagededup.search.knn.distances import Points, rounding_of, squared_gap
from imagededup.search.knn.options import Distance
from imagededup.search.knn.self_join import SelfJoin
from imagededup.utils.jit import compiled
from imagededup.utils.parallel import ordered_map

__all__ = ["nearest_joined"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Numbers = NDArray[np.int32]

_POINTS_AT_ONCE = 1024


def nearest_joined(
    points: Points, join: SelfJoin, k: int, workers: int, advance: Callable[[int], None]
) -> tuple[Indices, Features]:
    """The k nearest of each point's list and their costs, as `costs_between` gives them.

    Args:
        points: n points.
        join: Of these.
        k: 1 or more.
        workers: Number of threads; they change nothing in the result.
        advance: Called with the number of points that are done with.

    Returns:
        int64 and float32 of shape (n, k), best first, equals by lower number; -1 and inf where the
        list is shorter.
    """
    places = np.full((len(points), k), -1, np.int64)
    costs = np.full((len(points), k), np.inf, np.float32)
    vectors = points.vectors
    kind = points.distance.is_angular, points.distance is Distance.EUCLIDEAN
    slack = rounding_of(points.dimensions)
    largest = float(vectors.norms.max(initial=0))

    def rank(begin: int) -> int:
        chosen = slice(begin, begin + _POINTS_AT_ONCE)
        _rank(
            vectors.descriptors, vectors.rows, vectors.norms, *kind, slack, largest, join.order,
            join.order[chosen], join.lists.near[chosen], join.lists.gap[chosen], places, costs,
        )  # fmt: skip
        return len(join.order[chosen])

    for done in ordered_map(rank, range(0, len(points), _POINTS_AT_ONCE), workers):
        advance(done)
    return places, costs


@compiled
def _rank(
    matrix: Features, rows: Indices, norms: NDArray[np.float64], is_angular: bool, is_rooted: bool,
    slack: float, largest: float, order: Indices, points: Indices, near: Numbers, gap: Features,
    places: Indices, costs: Features,
) -> None:  # fmt: skip
    """Rank the lists of some points, which lie together so that their lists have much in common."""
    lanes = np.empty(LANES)
    for number in range(len(points)):
        point = points[number]
        vector, norm, best = matrix[rows[point]], norms[point], costs[point]
        blur = slack if is_angular else slack * (norm + largest) ** 2
        for rank in range(near.shape[1]):
            if near[number, rank] < 0:
                break
            least = max(np.float64(gap[number, rank]) - blur, 0.0)
            if is_angular:
                least = least / 2 - 1
            elif is_rooted:
                least = np.sqrt(least)
            if least > best[-1]:
                break
            other = order[near[number, rank]]
            candidate = matrix[rows[other]]
            if is_angular:
                cost = np.float32(-cosine_of(vector, candidate, norm, norms[other], lanes))
            else:
                squared = squared_gap(vector, candidate, lanes)
                cost = np.float32(np.sqrt(squared) if is_rooted else squared)
            _put(places[point], best, other, cost)


@compiled
def _put(places: Indices, costs: Features, other: int, cost: np.float32) -> None:
    """Put a candidate in its place if it is among the nearest; equals by lower number."""
    last = len(costs) - 1
    if cost > costs[last] or (cost == costs[last] and other > places[last] >= 0):
        return
    place = last
    while place > 0 and (
        costs[place - 1] > cost or (costs[place - 1] == cost and places[place - 1] > other)
    ):
        costs[place], places[place] = costs[place - 1], places[place - 1]
        place -= 1
    costs[place], places[place] = cost, other
