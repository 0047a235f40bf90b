import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagededup import fastdup
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


def outliers(similarities, lower_threshold, threshold=0.85):
    found = find_outliers(neighbors_of(similarities), lower_threshold, threshold)
    images, nearest, values = found
    assert nearest.tolist() == [image + 1 for image in images]
    assert values.tolist() == [np.float32(similarities[image]) for image in images]
    return images.tolist()


@pytest.mark.parametrize(
    ("lower_threshold", "expected"),
    [(0.0, []), (0.19, []), (0.2, [3]), (0.4, [3, 1]), (0.6, [3, 1, 4]), (1.0, [3, 1, 4, 2])],
)
def test_the_lowest_fraction_comes_most_unusual_first(lower_threshold, expected):
    assert outliers([0.9, 0.4, 0.8, 0.1, 0.5], lower_threshold) == expected


def test_of_equal_similarities_only_as_many_as_the_fraction_by_lower_image():
    assert outliers([0.9, 0.4, 0.8, 0.4], 0.25) == [1]
    assert outliers([0.5] * 10, 0.3) == [0, 1, 2]


@pytest.mark.parametrize(("threshold", "expected"), [(0.8, [1]), (0.81, [1, 2]), (0.4, [])])
def test_an_image_with_a_similar_one_is_none(threshold, expected):
    assert outliers([0.9, 0.4, 0.8], 1.0, threshold) == expected


def test_an_image_without_a_neighbour_is_left_out():
    assert outliers([None, 0.4, 0.8, None], 0.5) == [1]
    assert outliers([None], 1.0) == []


@given(
    st.lists(st.floats(-1, 1, width=32), max_size=30),
    st.integers(0, 10),
    st.floats(0, 1, width=32),
)
def test_as_many_as_the_fraction_and_the_lowest_of_them(similarities, tenths, threshold):
    ranked = sorted(range(len(similarities)), key=lambda image: (similarities[image], image))
    expected = [image for image in ranked if similarities[image] < threshold]
    count = tenths * len(similarities) // 10
    assert outliers(similarities, tenths / 10, threshold) == expected[:count]


def test_copies_of_one_picture_are_no_outliers(tmp_path):
    copies = np.tile(np.float32([3, 4]), (500, 1))
    fastdup.save_binary_feature(tmp_path, [f"{n:03}.png" for n in range(500)], copies)
    assert fastdup.run(work_dir=tmp_path, run_mode=2) == 0
    assert (tmp_path / "outliers.csv").read_text().splitlines() == ["from,to,distance"]


def test_tied_descriptors_give_the_fraction_whatever_the_threads(tmp_path):
    apart = np.eye(20, dtype=np.float32)
    fastdup.save_binary_feature(tmp_path, [f"{n:02}.png" for n in range(20)], apart)
    for threads in (1, 3):
        assert fastdup.run(work_dir=tmp_path, run_mode=2, num_threads=threads) == 0
        rows = (tmp_path / "outliers.csv").read_text().splitlines()[1:]
        assert [row.split(",")[0] for row in rows] == [f"{n:02}.png" for n in range(6)]
