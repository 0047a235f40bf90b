"""Which pairs are verified: those that codes propose, at most so many an image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.search.cosine.choose import CosineMethod
from imagededup.search.hamming.nearest import nearest_codes
from imagededup.search.knn.above import nearest_above
from imagededup.verification.candidates import candidate_pairs

codes = st.lists(st.sampled_from([0, 1, 3, 7, 255, 2**63, 2**64 - 1]), max_size=12)


def columns(pairs):
    return list(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.score.tolist(), strict=True))


@settings(deadline=None, max_examples=50)
@given(codes, st.none() | codes, st.integers(1, 5), st.integers(0, 64), st.integers(1, 2))
def test_nearest_codes_as_a_plain_double_loop(left, right, count, most, workers):
    expected = []
    for i, one in enumerate(left):
        others = enumerate(left if right is None else right)
        near = [((one ^ x).bit_count(), j) for j, x in others if right is not None or i != j]
        near = sorted(pair for pair in near if pair[0] <= most)[:count]
        expected += [(i, j, distance) for distance, j in near]
    targets = None if right is None else np.array(right, np.uint64)
    found = nearest_codes(np.array(left, np.uint64), targets, count, most, workers)
    assert columns(found) == expected


def test_nearest_codes_do_not_depend_on_blocks_and_workers(monkeypatch):
    many = np.random.default_rng(0).integers(0, 2**16, 500, dtype=np.uint64)
    expected = columns(nearest_codes(many, None, 7, 5))
    monkeypatch.setattr("imagededup.search.hamming.nearest._COMPARISONS_AT_ONCE", 20_000)
    done = []
    assert columns(nearest_codes(many, None, 7, 5, 2, done.append)) == expected
    assert sum(done) == 1000


vectors = st.lists(
    st.tuples(*[st.integers(-2, 2)] * 3).filter(any).map(lambda row: np.array(row, np.float32)),
    max_size=9,
)


@settings(deadline=None, max_examples=50)
@given(vectors, st.none() | vectors, st.integers(1, 4), st.sampled_from([-1.0, 0.0, 0.5, 0.9]))
def test_nearest_descriptors_as_a_plain_double_loop(left, right, count, least):
    def matrix(rows):
        return np.array(rows, np.float32).reshape(-1, 3)

    expected = []
    for i, one in enumerate(left):
        near = []
        for j, other in enumerate(left if right is None else right):
            one64, other64 = one.astype(np.float64), other.astype(np.float64)
            cosine = one64 @ other64 / np.linalg.norm(one64) / np.linalg.norm(other64)
            equal = np.array_equal(one, other)
            if right is not None or i != j:
                near.append((not equal, -np.float32(cosine), j))
        near = [(cost, j) for _, cost, j in sorted(near)[:count] if -cost >= np.float32(least)]
        expected += [(i, j, pytest.approx(-cost, abs=1e-6)) for cost, j in near]
    targets = None if right is None else matrix(right)
    assert columns(nearest_above(matrix(left), targets, count, least)) == expected


@pytest.mark.parametrize("method", ["auto", "exact", "ivf", "hnsw"])
def test_every_method_finds_the_nearest_of_few(method):
    rows = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    rows[200:] = rows[:100] + 0.01
    found = nearest_above(rows, None, 3, 0.99, CosineMethod(method))
    assert {(i, i + 200) for i in range(100)} <= set(zip(found.left, found.right, strict=True))


def all_alike(first, others, count):
    """Proposes the lowest places, as where all codes are equal."""
    targets = None if others is None else np.zeros(len(others), np.uint64)
    return nearest_codes(np.zeros(len(first), np.uint64), targets, count, 64)


def test_no_more_pairs_than_candidates_times_images_where_all_are_alike():
    found = candidate_pairs(np.arange(2000), None, 10, all_alike)
    assert 1990 * 10 <= len(found.left) <= 2000 * 10
    assert (found.left < found.right).all()
    assert len(set(zip(found.left.tolist(), found.right.tolist(), strict=True))) == len(found.left)


def test_one_image_stands_for_its_group():
    found = candidate_pairs(np.array([0, 1, 0, 2, 1]), None, 10, all_alike)
    assert [array.tolist() for array in found.items()] == [[0, 0, 1], [1, 3, 3]]
    assert [found.left.tolist(), found.right.tolist()] == [[0, 0, 1], [1, 2, 2]]


def test_a_pair_that_only_one_proposes():
    codes = np.array([0, 1, 2**20 - 1], np.uint64)  # the nearest of the last is no mutual one

    def nearest(first, _, count):
        return nearest_codes(codes[first], None, count, 64)

    found = candidate_pairs(np.arange(3), None, 1, nearest)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 1), (1, 2)]


def test_between_two_collections_a_group_is_no_candidate_of_itself():
    """Items 0 to 2 are compared with items 3 to 6; 3 has the pixels of 0, 5 those of 4."""
    groups = np.array([0, 1, 2, 0, 3, 3, 4])
    found = candidate_pairs(groups, 3, 2, all_alike)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [
        (0, 3), (0, 4), (1, 0), (1, 3), (2, 0), (2, 3),
    ]  # fmt: skip
    assert found.items()[1].tolist() == [4, 6, 0, 4, 0, 4]


def test_nothing_to_compare():
    for border in (None, 0):
        found = candidate_pairs(np.empty(0, np.int64), border, 10, all_alike)
        assert (len(found.left), len(found.right)) == (0, 0)
