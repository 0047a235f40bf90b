import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagededup.fastdup.graph.outliers import find_outliers
from imagededup.search.knn.find import Neighbors


def neighbors_of(similarities):
    """Images whose nearest neighbour is the next one; None has no neighbour."""
    index = [[-1 if value is None else place + 1] for place, value in enumerate(similarities)]
    values = [[-np.inf if value is None else value] for value in similarities]
    shape = len(similarities), 1
    return Neighbors(
        np.array(index, np.int64).reshape(shape), np.array(values, np.float32).reshape(shape)
    )


def outliers(similarities, lower_threshold):
    images, nearest, values = find_outliers(neighbors_of(similarities), lower_threshold)
    assert nearest.tolist() == [image + 1 for image in images]
    assert values.tolist() == [np.float32(similarities[image]) for image in images]
    return images.tolist()


@pytest.mark.parametrize(
    ("lower_threshold", "expected"),
    [(0.0, []), (0.19, []), (0.2, [3]), (0.4, [3, 1]), (0.6, [3, 1, 4])],
)
def test_the_lowest_fraction_comes_most_unusual_first(lower_threshold, expected):
    assert outliers([0.9, 0.4, 0.8, 0.1, 0.5], lower_threshold) == expected


def test_equal_similarities_are_all_in_by_lower_image():
    assert outliers([0.9, 0.4, 0.8, 0.4], 0.25) == [1, 3]


def test_an_image_without_a_neighbour_is_left_out():
    assert outliers([None, 0.4, 0.8, None], 0.5) == [1]
    assert outliers([None], 1.0) == []


@given(st.lists(st.floats(-1, 1, width=32), max_size=30), st.integers(0, 10))
def test_as_many_as_the_fraction_and_none_lower_is_left_out(similarities, tenths):
    found = outliers(similarities, tenths / 10)
    count = tenths * len(similarities) // 10
    limit = sorted(similarities)[count - 1] if count else -2
    expected = [image for image, value in enumerate(similarities) if value <= limit]
    assert found == sorted(expected, key=lambda image: similarities[image])
