"""Every search method gives what a plain double loop in float64 gives."""

import logging
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.search.cosine import hnsw
from imagededup.search.cosine.choose import (
    CosineMethod,
    check_similarity,
    choose_method,
    search_cosine,
)
from imagededup.search.cosine.principal import Screen, _principal_directions, find_directions
from imagededup.search.cosine.vectors import Vectors
from imagededup.search.descriptors import as_descriptors, check_descriptors
from imagededup.search.matches import Pairs

METHODS = list(CosineMethod)
INDEXES = [CosineMethod.HNSW, CosineMethod.IVF]
NUMBERS = st.one_of(
    st.floats(-1, 1, width=32),
    st.sampled_from([0, 1, -1, 0.5, 3]),
    st.floats(-(2.0**99), 2.0**99, width=32),
)
AWAY = 1e-5


@st.composite
def collections(draw, dimensions=None):
    """Descriptors without rows of zeros; some rows are repeated, scaled or nearly repeated."""
    dimensions = dimensions or draw(st.one_of(st.integers(1, 5), st.sampled_from([33, 64, 1024])))
    drawn = draw(arrays(np.float32, (draw(st.integers(1, 6)), dimensions), elements=NUMBERS))
    rows = drawn[np.linalg.norm(drawn.astype(float), axis=1) > 1e-6]
    rows = np.concatenate([rows, np.eye(1, dimensions, dtype=np.float32)])
    picked = rows[draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=24))]
    scales = draw(arrays(np.float32, len(picked), elements=st.sampled_from([1, 3, 1 / 7, -1])))
    nudges = draw(arrays(np.float32, len(picked), elements=st.sampled_from([0, 0, 1e-7, 0.2])))
    peaks = np.abs(picked).max(axis=1)
    nudged = picked.copy()
    nudged[:, 0] += nudges * peaks
    keep = np.linalg.norm(nudged.astype(float), axis=1) > 1e-6
    return (nudged * scales[:, None])[keep] if keep.any() else picked


def cosines(left, right):
    left, right = left.astype(float), right.astype(float)
    left /= np.linalg.norm(left, axis=1, keepdims=True)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return left @ right.T


def as_dict(matches):
    return {
        (left, right): score
        for block in matches.pair_blocks(both_directions=False)
        for left, right, score in zip(
            block.left.tolist(), block.right.tolist(), block.score.tolist(), strict=True
        )
    }


def assert_complete(matches, expected, threshold, one_collection):
    """The pairs are those of a table of cosines, but for those within rounding of the threshold."""
    found = as_dict(matches)
    for i in range(expected.shape[0]):
        for j in range(i + 1 if one_collection else 0, expected.shape[1]):
            if abs(expected[i, j] - threshold) > AWAY:
                assert ((i, j) in found) == (expected[i, j] > threshold)
            if (i, j) in found:
                assert found[i, j] == pytest.approx(expected[i, j], abs=2e-7)
                assert -1 <= found[i, j] <= 1
    assert not one_collection or all(i < j for i, j in found)


THRESHOLDS = st.one_of(st.floats(-1, 1), st.sampled_from([-1.0, 0.0, 0.9, 1.0]))


@pytest.mark.parametrize("method", METHODS)
@given(descriptors=collections(), threshold=THRESHOLDS, workers=st.integers(1, 3))
@settings(deadline=None, max_examples=50)
def test_one_collection(method, descriptors, threshold, workers):
    matches = search_cosine(descriptors, threshold, method=method, workers=workers)
    expected = cosines(descriptors, descriptors)
    assert_complete(matches, expected, threshold, one_collection=True)


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data(), dimensions=st.sampled_from([1, 2, 3, 40]), threshold=THRESHOLDS)
@settings(deadline=None, max_examples=50)
def test_two_collections(method, data, dimensions, threshold):
    left, right = (data.draw(collections(dimensions)) for _ in range(2))
    if data.draw(st.booleans()):
        right = np.concatenate([right, left[:2]])
    matches = search_cosine(left, threshold, right, method=method)
    assert_complete(matches, cosines(left, right), threshold, one_collection=False)


def spectrum(rows, dimensions, seed=0, shared=1.0):
    """Unit vectors around a common mean, with principal variances that fall as a power."""
    generator = np.random.default_rng(seed)
    scale = np.arange(1, dimensions + 1) ** -0.5
    vectors = generator.standard_normal((rows, dimensions)) * scale
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:, -1] += shared
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def with_copies(vectors, seed=1, copies=0.3, noise=0.6):
    """Vectors of which some are noisy copies of others."""
    generator = np.random.default_rng(seed)
    result = vectors.copy()
    count = int(len(vectors) * copies)
    source = generator.integers(0, len(vectors) - count, count)
    strength = generator.uniform(0, noise, (count, 1)).astype(np.float32)
    other = vectors[generator.integers(0, len(vectors), count)]
    result[-count:] = vectors[source] + strength * other
    return result[generator.permutation(len(result))]


def brute_force(vectors, threshold):
    left, right = np.nonzero(np.triu(cosines(vectors, vectors) >= threshold, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


@pytest.mark.parametrize(("dimensions", "threshold"), [(1024, 0.9), (100, 0.9), (20, 0.99)])
def test_exact_search_with_a_bound_finds_every_pair(dimensions, threshold):
    vectors = with_copies(spectrum(15_000, dimensions)) * np.float32(7)
    queries = Vectors.of(vectors, np.arange(len(vectors)), workers=1)
    assert find_directions(queries, None, threshold) is not None
    matches = search_cosine(vectors, threshold, method=CosineMethod.EXACT, workers=2)
    sample = np.arange(0, 15_000, 50)
    table = cosines(vectors[sample], vectors)
    found = as_dict(matches)
    expected = {
        (min(sample[i], j), max(sample[i], j))
        for i, j in zip(*np.nonzero(table > threshold + AWAY), strict=True)
        if sample[i] != j
    }
    assert len(expected) > 20
    assert expected <= found.keys()
    assert all(score >= np.float32(threshold) for score in found.values())


def test_directions_are_not_worth_it_where_most_pairs_match():
    vectors = spectrum(15_000, 64)
    queries = Vectors.of(vectors, np.arange(len(vectors)), workers=1)
    assert find_directions(queries, None, 0.0) is None


@pytest.mark.parametrize(
    ("rows", "dimensions", "count"), [(400, 160, 128), (300, 40, 512), (200, 300, 128)]
)
def test_directions_catch_what_eigenvectors_do(rows, dimensions, count):
    sample = spectrum(rows, dimensions).astype(float)
    sample[-rows // 4 :] = sample[0]
    directions = _principal_directions(sample, count)
    assert directions.shape == (dimensions, min(count, dimensions))
    np.testing.assert_allclose(directions.T @ directions, np.eye(directions.shape[1]), atol=1e-12)
    caught = ((sample @ directions) ** 2).sum(axis=0).cumsum()
    most = np.linalg.eigvalsh(sample.T @ sample)[::-1].cumsum()
    for width in (16, 32):
        assert caught[width - 1] > 0.999 * most[width - 1]


@given(
    seed=st.integers(0, 1000), width=st.integers(1, 24), shared=st.sampled_from([0.0, 1.0, 50.0])
)
@settings(deadline=None, max_examples=60)
def test_the_bound_of_principal_numbers_is_never_below_the_cosine(seed, width, shared):
    vectors = with_copies(spectrum(40, 24, seed, shared), seed)
    vectors[:3] = vectors[3] * np.float32([[1], [3], [-1]])
    queries = Vectors.of(vectors, np.arange(len(vectors)), workers=1)
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((24, width)))[0]
    screen = Screen.of(queries, basis, workers=1)
    block = screen.block(0, len(vectors))
    bound = block @ block.T
    assert np.all(bound >= cosines(vectors, vectors) - screen.margin)
    np.testing.assert_allclose(np.linalg.norm(block, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_methods_agree_on_five_thousand(method):
    vectors = with_copies(spectrum(5000, 128))
    expected = brute_force(vectors, 0.9)
    found = as_dict(search_cosine(vectors, 0.9, method=method)).keys()
    assert len(expected) > 500
    assert found <= brute_force(vectors, 0.9 - AWAY)
    assert len(expected & found) >= 0.99 * len(expected)


@pytest.mark.parametrize("method", METHODS)
def test_no_cluster_is_cut_off(method):
    vectors = spectrum(5000, 128)
    cluster = np.random.default_rng(2).permutation(5000)[:300]
    noise = np.random.default_rng(3).standard_normal((300, 128)) * 0.005
    vectors[cluster] = vectors[0] + noise
    found = as_dict(search_cosine(vectors, 0.9, method=method)).keys()
    ordered = np.sort(cluster).tolist()
    expected = {(i, j) for place, i in enumerate(ordered) for j in ordered[place + 1 :]}
    assert len(expected & found) >= 0.999 * len(expected)


@pytest.mark.parametrize("method", METHODS)
def test_two_large_collections(method):
    vectors = with_copies(spectrum(6000, 64))
    left, right = vectors[:3000], vectors[3000:]
    matches = search_cosine(left, 0.9, right, method=method)
    expected = np.nonzero(cosines(left, right) >= 0.9)
    found = as_dict(matches).keys()
    assert len(expected[0]) > 100
    missed = set(zip(*(side.tolist() for side in expected), strict=True)) - found
    assert len(missed) <= 0.01 * len(expected[0])


@pytest.mark.parametrize("method", [CosineMethod.EXACT, *INDEXES])
def test_the_result_does_not_depend_on_the_number_of_workers(method):
    vectors = with_copies(spectrum(6000, 96))
    first, second = (search_cosine(vectors, 0.9, method=method, workers=n) for n in (1, 2))
    assert_same(first.pairs, second.pairs)


def test_several_graphs_do_not_depend_on_the_number_of_workers(monkeypatch):
    monkeypatch.setattr(hnsw, "_ROWS_PER_GRAPH", 5_000)
    vectors = with_copies(spectrum(10_500, 8))
    results = [
        search_cosine(vectors, 0.999, method=CosineMethod.HNSW, workers=workers).pairs
        for workers in (1, 2)
    ]
    assert_same(*results)
    complete = search_cosine(vectors, 0.999, method=CosineMethod.EXACT, workers=2).pairs
    assert len(results[0]) >= 0.99 * len(complete) > 0


def assert_same(first: Pairs, second: Pairs):
    for name in ("left", "right", "score"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.parametrize("method", METHODS)
def test_ten_thousand_identical_descriptors_are_one_group(method):
    vectors = np.tile(spectrum(1, 1024), (10_001, 1))
    vectors[-1, 0] += 0.1
    matches = search_cosine(vectors, 0.9, method=method)
    assert len(matches.pairs) == 1
    assert matches.pairs.score.dtype == np.float32
    assert matches.has_match().all()
    assert matches.independent(np.arange(len(vectors))).tolist() == [0]
    only_copies = search_cosine(vectors, 1.0, method=method)
    assert len(only_copies.pairs) == 0
    assert only_copies.has_match().tolist() == [True] * 10_000 + [False]


def test_a_chain_is_linked_from_neighbor_to_neighbor():
    angles = np.arange(20) * 0.1
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    matches = search_cosine(vectors, np.cos(0.15))
    assert list(as_dict(matches)) == [(i, i + 1) for i in range(19)]
    assert len(np.unique(matches.components())) == 1


def test_order_of_pairs_is_item_score_partner():
    vectors = with_copies(spectrum(300, 8))
    blocks = list(search_cosine(vectors, 0.5).pair_blocks())
    rows = [row for b in blocks for row in zip(b.left, -b.score, b.right, strict=True)]
    assert len(rows) > 300
    assert rows == sorted(rows)


@pytest.mark.parametrize("method", METHODS)
def test_copies_that_differ_by_rounding_have_the_similarity_one(method):
    generator = np.random.default_rng(0)
    vector = spectrum(1, 1024)[0]
    factors = np.float32([1, 3, 1 / 7, 1e-20, 1e20])
    rounded = vector * (1 + generator.choice([-1e-6, 1e-6], (3, 1024))).astype(np.float32)
    other = vector + np.float32(0.001) * generator.standard_normal(1024).astype(np.float32)
    vectors = np.concatenate([vector * factors[:, None], rounded, other[None]])
    found = as_dict(search_cosine(vectors, 1.0, method=method))
    assert set(found) == {(i, j) for j in range(8) for i in range(j)}
    assert set(found.values()) == {1.0}


@pytest.mark.parametrize("method", METHODS)
def test_a_pair_at_the_threshold_counts(method):
    vectors = with_copies(spectrum(2500, 50))
    scores = search_cosine(vectors, 0.8, method=CosineMethod.EXACT).pairs
    for place in range(0, len(scores), len(scores) // 5):
        threshold = float(scores.score[place])
        pair = int(scores.left[place]), int(scores.right[place])
        assert pair in as_dict(search_cosine(vectors, threshold, method=method))
        higher = float(np.nextafter(scores.score[place], np.float32(2)))
        assert pair not in as_dict(search_cosine(vectors, higher, method=method))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dimensions", [1, 2, 1024])
def test_a_single_descriptor_matches_nothing(method, dimensions):
    one = np.full((1, dimensions), 0.3, np.float32)
    matches = search_cosine(one, -1.0, method=method)
    assert len(matches.pairs) == 0
    assert not matches.has_match().any()
    assert as_dict(search_cosine(one, 0.9, one, method=method)) == {(0, 0): 1.0}


@pytest.mark.parametrize("method", METHODS)
def test_no_descriptors(method):
    nothing, one = np.empty((0, 4), np.float32), np.ones((1, 4), np.float32)
    assert as_dict(search_cosine(nothing, 0.5, method=method)) == {}
    assert as_dict(search_cosine(nothing, 0.5, one, method=method)) == {}
    assert as_dict(search_cosine(one, 0.5, nothing, method=method)) == {}


@pytest.mark.parametrize("method", [CosineMethod.EXACT, *INDEXES])
def test_everything_matches_at_minus_one(method):
    vectors = spectrum(2100, 5, shared=0.0)
    assert len(search_cosine(vectors, -1.0, method=method).pairs) == 2100 * 2099 // 2


def test_the_input_is_not_changed_and_may_be_a_view():
    vectors = with_copies(spectrum(400, 16)) * np.float32(5)
    before = vectors.copy()
    whole = search_cosine(np.ascontiguousarray(vectors[::2, ::2]), 0.9)
    assert_same(search_cosine(vectors[::2, ::2], 0.9).pairs, whole.pairs)
    np.testing.assert_array_equal(vectors, before)


def test_progress_adds_up_to_a_thousand():
    for method in METHODS:
        done: list[int] = []
        search_cosine(spectrum(2500, 8), 0.99, method=method, workers=2, advance=done.append)
        assert sum(done) == 1000


def test_auto_says_which_method_it_takes(caplog):
    assert choose_method(10**4, 10**4) is CosineMethod.EXACT
    assert choose_method(10**6, 10**6) is CosineMethod.IVF
    with caplog.at_level(logging.INFO, "imagededup"):
        search_cosine(spectrum(30, 8), 0.9)
    assert "30 x 30 descriptors: exact" in caplog.text


class TestDescriptorsOfAnySize:
    DIRECTION = np.array([[0.6, -0.8, 1e-3]])

    @pytest.mark.parametrize("size", [1e-320, 1e-300, 1e-42, 1e-30, 1.0, 1e30, 4e38, 1e300])
    def test_the_direction_stays(self, size):
        converted = as_descriptors(np.concatenate([self.DIRECTION * size, self.DIRECTION]))
        assert (converted.dtype, converted.shape) == (np.float32, (2, 3))
        direction = converted[0].astype(float) / np.linalg.norm(converted[0].astype(float))
        # float64 itself keeps four digits of 1e-320
        assert direction == pytest.approx(self.DIRECTION[0], rel=1e-6, abs=1e-3 * (size < 1e-310))
        np.testing.assert_array_equal(converted[1], self.DIRECTION[0].astype(np.float32))

    @pytest.mark.parametrize("kind", "efgbhilqBHILQ")
    def test_every_real_type(self, kind):
        numbers = np.array([[3, 4], [0, 5]], kind)
        assert as_descriptors(numbers).tolist() == [[3, 4], [0, 5]]

    @pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint64, np.float16, np.float64])
    def test_the_largest_numbers_of_a_type(self, kind):
        limits = np.iinfo(kind) if np.issubdtype(kind, np.integer) else np.finfo(kind)
        converted = as_descriptors(np.array([[limits.max, limits.min, 0]], kind)).astype(float)
        expected = [1, float(limits.min) / float(limits.max), 0]
        assert converted[0] / converted[0, 0] == pytest.approx(expected, rel=1e-6)

    def test_float32_is_not_copied(self):
        numbers = np.array([[1e-40, 3e38]], np.float32)
        assert as_descriptors(numbers) is numbers

    def test_nan_and_infinity_stay(self):
        rows = np.array([[np.nan, 1e300], [np.inf, 1e-300], [0.0, 0.0]])
        converted = as_descriptors(rows)
        assert np.isnan(converted[0, 0])
        assert converted[1, 0] == np.inf
        assert converted[2].tolist() == [0, 0]

    def test_no_descriptors(self):
        assert as_descriptors(np.empty((0, 4))).shape == (0, 4)
        assert as_descriptors(np.empty((0, 0), np.uint8)).shape == (0, 0)

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize("size", [1e-300, 1e-30, 1e30, 1e300])
    def test_a_search_finds_what_it_finds_of_unit_vectors(self, method, size):
        vectors = with_copies(spectrum(60, 8)).astype(float)
        expected = as_dict(search_cosine(vectors, 0.9, method=method))
        found = as_dict(search_cosine(vectors * size, 0.9, vectors[:9] / size, method=method))
        assert len(expected) > 10
        for (left, right), score in found.items():
            pair = (left, right) if left < right else (right, left)
            assert score == pytest.approx(expected.get(pair, 1.0), abs=1e-6)
        assert {pair for pair in expected if pair[1] < 9} <= found.keys()

    @pytest.mark.parametrize(
        ("row", "kind"),
        [
            ([0, 0], "zeros only"),
            ([0, -0.0], "zeros only"),
            ([np.nan, np.inf], "NaN"),
            ([1, np.inf], "infinity"),
            ([-np.inf, np.inf], "infinity"),
        ],
    )
    def test_what_has_no_direction(self, row, kind):
        rows = np.array([[1e-45, 0], row, [0, 0]], np.float32)
        with pytest.raises(InvalidValueError, match=f"not zero, that of 'b.jpg' has {kind}$"):
            check_descriptors(["a.jpg", "b.jpg", "c.jpg"], rows)
        check_descriptors(["a.jpg"], rows[:1])
        check_descriptors([], np.empty((0, 0), np.float32))


@pytest.mark.parametrize(
    "threshold", [-1, 1, 0, 0.9, -1.0, 1.0, *map(np.float32, (0.5, -1)), np.int8(1), Fraction(1, 2)]
)
def test_thresholds_that_are_allowed(threshold):
    checked = check_similarity(threshold)
    assert type(checked) is float
    assert checked == threshold


@pytest.mark.parametrize("threshold", ["0.9", None, True, np.True_, [0.9], 1j])
def test_thresholds_of_a_wrong_type(threshold):
    with pytest.raises(InvalidTypeError, match="min_similarity_threshold must be a float, got"):
        check_similarity(threshold)


@pytest.mark.parametrize("threshold", [1.01, -1.01, 2, 10**400, np.nan, np.inf])
def test_thresholds_outside_the_range(threshold):
    with pytest.raises(InvalidValueError, match=r"from -1.0 to 1.0, got"):
        check_similarity(threshold)
