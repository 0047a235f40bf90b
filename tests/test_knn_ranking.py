"""The nearest of joined lists: as if all of each list were compared by all numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.search.knn.distances import Points, costs_between
from imagededup.search.knn.options import Distance
from imagededup.search.knn.projection import Projection
from imagededup.search.knn.ranking import nearest_joined
from imagededup.search.knn.self_join import SelfJoin

DISTANCES = [Distance.COSINE, Distance.EUCLIDEAN, Distance.SQUARED_EUCLIDEAN]


def joined(features, distance):
    points = Points.of(features, np.arange(len(features)), distance, 1)
    return points, SelfJoin.of(points, Projection.of(points), 1, lambda _: None)


def ranked(points, join, k):
    """Whole lists, ranked one by one."""
    places, costs = np.full((len(points), k), -1), np.full((len(points), k), np.inf, np.float32)
    for point, near in zip(join.order, join.lists.near, strict=True):
        others = join.order[near[near >= 0]]
        cost = costs_between(points, np.full(len(others), point), points, others)
        best = np.lexsort((others, cost))[:k]
        places[point, : len(best)], costs[point, : len(best)] = others[best], cost[best]
    return places, costs


def assert_as_whole_lists(features, distance, k, workers=1):
    points, join = joined(features, distance)
    places, costs = nearest_joined(points, join, k, workers, lambda _: None)
    expected = ranked(points, join, k)
    np.testing.assert_array_equal(places, expected[0])
    np.testing.assert_array_equal(costs, expected[1])


@pytest.mark.parametrize("distance", DISTANCES)
@given(rows=st.integers(1, 60), levels=st.integers(2, 5), k=st.integers(1, 5), seed=st.integers(0))
@settings(max_examples=30, deadline=None)
def test_few_numbers_with_many_equals(distance, rows, levels, k, seed):
    generator = np.random.default_rng(seed)
    features = np.unique(generator.integers(0, levels, (rows, 6)), axis=0).astype(np.float32)
    assert_as_whole_lists(features, distance, k)


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("workers", [1, 3])
def test_many_numbers_of_which_few_are_principal(distance, workers):
    generator = np.random.default_rng(1)
    centres = generator.standard_normal((500, 16)) @ generator.standard_normal((16, 200))
    features = np.repeat(centres, 5, axis=0)
    features += generator.choice([0.01, 0.3], (2500, 1)) * generator.standard_normal((2500, 200))
    assert_as_whole_lists(features.astype(np.float32), distance, 3, workers)


def test_what_is_too_far_by_principal_numbers_is_not_looked_at():
    generator = np.random.default_rng(2)
    features = generator.standard_normal((200, 8)).astype(np.float32)
    points, join = joined(features, Distance.EUCLIDEAN)
    nearest, second, fifth = join.lists.near[:, [0, 1, 4]].T.copy()
    join.lists.near[:, 0], join.lists.near[:, 4] = fifth, nearest  # under the other's distance
    places, _ = nearest_joined(points, join, 1, 1, lambda _: None)
    np.testing.assert_array_equal(places[join.order, 0], join.order[second])


def test_the_points_that_are_done_with_are_counted():
    points, join = joined(np.random.default_rng(3).random((2500, 8), np.float32), Distance.COSINE)
    done = []
    nearest_joined(points, join, 2, 2, done.append)
    assert done == [1024, 1024, 452]
