"""The order of what a run writes, where many values are equal."""

import numpy as np
import pytest

from imagededup.fastdup.graph import similar
from imagededup.fastdup.graph.similar import similar_pairs
from imagededup.search.knn.find import Neighbors


def test_equal_pairs_come_in_the_order_of_their_images():
    count = 50
    index = np.stack([np.roll(np.arange(count), -1), np.roll(np.arange(count), -2)], axis=1)
    similarity = np.full((count, 2), 0.5, np.float32)
    similarity[:, 1] = 0.25
    left, right, score = similar_pairs(Neighbors(index, similarity), 0.25)
    found = list(zip(left.tolist(), right.tolist(), strict=True))
    nearest = {(row, (row + step) % count) for row in range(count) for step in (1, -1)}
    others = {(row, (row + step) % count) for row in range(count) for step in (2, -2)}
    assert found == sorted(nearest) + sorted(others)
    assert score.tolist() == [0.5] * len(nearest) + [0.25] * len(others)


def test_a_pair_that_both_images_name_comes_once_in_each_direction():
    neighbors = Neighbors(np.array([[1], [0], [-1]]), np.float32([[0.9], [0.9], [-np.inf]]))
    left, right, score = similar_pairs(neighbors, 0.9)
    assert (left.tolist(), right.tolist()) == ([0, 1], [1, 0])
    assert score.tolist() == np.float32([0.9, 0.9]).tolist()


@pytest.mark.parametrize("count", [1, 2, 7, 300])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_compiled_code_gives_the_pairs_that_numpy_gives(count, k):
    rng = np.random.default_rng(count * k)
    index = rng.integers(-1, count, (count, k))
    index[index == np.arange(count)[:, None]] = -1
    scores = rng.integers(-2, 4, (count, count)).astype(np.float32)
    similarity = np.minimum(scores, scores.T)[np.arange(count)[:, None], index]
    for threshold in (-3, 1):
        found = similar.neighbors_above(Neighbors(index, similarity), threshold)
        expected = similar._both_directions_of_few(*found, count)
        for one, other in zip(similar._both_directions(*found, count), expected, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_pairs_are_ordered_by_scores_of_any_sign():
    score = np.float32([0, -0.0, 1, -1, 0.5, -2, 1, 1e-45, -1e-45, 3e38, -3e38, 0])
    assert similar._highest_first(score).tolist() == np.argsort(-score, kind="stable").tolist()
