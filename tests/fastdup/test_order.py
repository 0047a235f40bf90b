"""The order of what a run writes, where many values are equal."""

import numpy as np

from imagededup.fastdup.phases import similar_pairs
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
