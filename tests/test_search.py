"""Every search method gives what a plain double loop gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import PHash
from imagededup.search.hamming.choose import (
    HammingMethod,
    check_distance,
    check_hamming_method,
    choose_method,
    search_hamming,
)
from imagededup.search.hamming.chunks import masks_within, plan_chunks

METHODS = list(HammingMethod)
CODES = st.lists(
    st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 255), st.sampled_from([0, 2**64 - 1])),
    max_size=40,
)


def double_loop(left, right, threshold):
    return sorted(
        (i, j, (a ^ b).bit_count())
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if (a ^ b).bit_count() <= threshold
    )


def as_list(matches, both_directions=True):
    blocks = matches.pair_blocks(both_directions)
    return [
        row
        for block in blocks
        for row in zip(block.left.tolist(), block.right.tolist(), block.score.tolist(), strict=True)
    ]


@pytest.mark.parametrize("method", METHODS)
@given(codes=CODES, threshold=st.integers(0, 64), workers=st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_one_collection(method, codes, threshold, workers):
    array = np.array(codes, np.uint64)
    matches = search_hamming(array, threshold, method=method, workers=workers)
    expected = [row for row in double_loop(codes, codes, threshold) if row[0] < row[1]]
    assert sorted(as_list(matches, both_directions=False)) == expected


@pytest.mark.parametrize("method", METHODS)
@given(codes=CODES, references=CODES, threshold=st.integers(0, 64))
@settings(deadline=None, max_examples=60)
def test_two_collections(method, codes, references, threshold):
    left, right = np.array(codes, np.uint64), np.array(references, np.uint64)
    if len(right) == 0:
        return
    matches = search_hamming(left, threshold, right, method=method)
    assert sorted(as_list(matches)) == double_loop(codes, references, threshold)


@given(codes=CODES, threshold=st.integers(0, 64))
@settings(deadline=None)
def test_order_of_pairs_is_item_score_partner(codes, threshold):
    rows = as_list(search_hamming(np.array(codes, np.uint64), threshold))
    assert rows == sorted(rows, key=lambda row: (row[0], row[2], row[1]))


@pytest.mark.parametrize("threshold", [0, 1, 3, 8, 10, 16, 21, 32, 50, 63, 64])
def test_methods_agree_on_many_codes(threshold):
    generator = np.random.default_rng(threshold)
    codes = generator.integers(0, 2**64, 700, dtype=np.uint64)
    flips = np.uint64(1) << generator.integers(0, 64, (6, 300), dtype=np.uint64)
    codes[300:600] = codes[:300] ^ np.bitwise_xor.reduce(flips, axis=0)
    results = [as_list(search_hamming(codes, threshold, method=method)) for method in METHODS]
    assert results[0] == results[1] == results[2] == results[3]
    if threshold >= 6:
        assert len(results[0]) >= 300


@pytest.mark.parametrize("method", METHODS)
def test_a_hundred_thousand_identical_codes_are_one_group(method):
    codes = np.full(100_001, 7, np.uint64)
    codes[-1] = 6
    matches = search_hamming(codes, 10, method=method)
    assert len(matches.pairs) == 1
    assert matches.has_match().all()
    assert len(np.unique(matches.components())) == 1
    assert matches.independent(np.arange(len(codes))).tolist() == [0]
    best = matches.best_links(np.array([5, 100_000]), np.array([0]))
    assert best.right.tolist() == [0, 0]
    assert best.score.tolist() == [0, 1]


@given(codes=CODES, threshold=st.integers(0, 64), seed=st.integers(0, 9))
@settings(deadline=None)
def test_the_greedy_walk_keeps_what_a_plain_walk_keeps(codes, threshold, seed):
    matches = search_hamming(np.array(codes, np.uint64), threshold)
    order = np.random.default_rng(seed).permutation(len(codes))
    kept = []
    for item in order.tolist():
        if all((codes[item] ^ codes[other]).bit_count() > threshold for other in kept):
            kept.append(item)
    assert matches.independent(order).tolist() == kept


@given(codes=CODES, threshold=st.integers(0, 30))
@settings(deadline=None)
def test_components_are_those_of_the_graph(codes, threshold):
    labels = search_hamming(np.array(codes, np.uint64), threshold).components()
    expected = list(range(len(codes)))
    for left, right, _ in double_loop(codes, codes, threshold) * len(codes):
        expected[right] = expected[left] = min(expected[left], expected[right])
    same = [[a == b for b in expected] for a in expected]
    assert [[a == b for b in labels.tolist()] for a in labels.tolist()] == same


@pytest.mark.parametrize("method", METHODS)
def test_no_codes(method):
    nothing = np.empty(0, np.uint64)
    assert as_list(search_hamming(nothing, 10, method=method)) == []
    one = np.array([1], np.uint64)
    for threshold in (0, 10, 64):
        assert as_list(search_hamming(nothing, threshold, one, method=method)) == []
        assert as_list(search_hamming(one, threshold, nothing, method=method)) == []


@pytest.mark.parametrize("size", [10, 10**4, 10**6, 10**8])
@pytest.mark.parametrize("threshold", range(65))
def test_chunks_cover_the_code_and_miss_no_pair(size, threshold):
    chunks = plan_chunks(size, size, threshold).chunks
    assert sum(chunk.bits for chunk in chunks) == 64
    assert [chunk.shift for chunk in chunks] == [
        sum(chunk.bits for chunk in chunks[:number]) for number in range(len(chunks))
    ]
    # The nearest pair that no chunk finds differs by radius + 1 bits in every chunk that can.
    missed = [chunk.radius + 1 for chunk in chunks]
    possible = all(bits <= chunk.bits for bits, chunk in zip(missed, chunks, strict=True))
    assert not possible or sum(missed) > threshold


def test_masks_within_a_radius():
    assert masks_within(4, 1).tolist() == [0, 1, 2, 4, 8]
    assert masks_within(3, 3).tolist() == list(range(8))
    assert masks_within(3, 0).tolist() == [0]


def test_auto_compares_everything_in_small_collections_and_at_wide_thresholds():
    assert choose_method(1000, 1000, 10) is HammingMethod.FAISS
    assert choose_method(10**6, 10**6, 10) is HammingMethod.MULTI_INDEX
    assert choose_method(10**5, 10**5, 40) is HammingMethod.FAISS


@pytest.mark.parametrize("method", METHODS)
def test_progress_adds_up_to_the_whole(method):
    codes = np.random.default_rng(0).integers(0, 2**64, 3000, dtype=np.uint64)
    for references in (None, codes[:700]):
        done = []
        search_hamming(codes, 10, references, method, workers=2, advance=done.append)
        assert sum(done) == 1000


@pytest.mark.parametrize("threshold", [0, 10, 64, np.int64(10), np.uint8(64), np.array(3)])
def test_thresholds_that_are_allowed(threshold):
    checked = check_distance(threshold)
    assert type(checked) is int
    assert checked == threshold


@pytest.mark.parametrize("threshold", [10.0, "10", None, True, np.True_, np.float64(3), [3]])
def test_thresholds_of_a_wrong_type(threshold):
    with pytest.raises(InvalidTypeError, match="max_distance_threshold must be an int, got"):
        check_distance(threshold)


@pytest.mark.parametrize("threshold", [-1, 65, np.int64(68), 10**30])
def test_thresholds_outside_the_range(threshold):
    with pytest.raises(InvalidValueError, match=rf"from 0 to 64, got {threshold}$"):
        check_distance(threshold)


@pytest.mark.parametrize("method", METHODS)
def test_methods_by_name(method):
    assert check_hamming_method(str(method)) is method


@pytest.mark.parametrize("name", ["brute_force", "brute_force_cython"])
def test_the_names_of_imagededup_mean_auto_with_a_warning_where_they_stand(name):
    codes = {"a.jpg": "0" * 16, "b.jpg": "0" * 15 + "1"}
    with pytest.warns(DeprecationWarning, match=f"search_method='{name}' means 'auto'") as warned:
        found = PHash().find_duplicates(encoding_map=codes, search_method=name)
    assert found == {"a.jpg": ["b.jpg"], "b.jpg": ["a.jpg"]}
    assert [warning.filename for warning in warned] == [__file__]


def test_no_method():
    with pytest.raises(InvalidValueError, match="'faiss', 'bktree', got 'exact'"):
        check_hamming_method("exact")
    with pytest.raises(InvalidTypeError, match="search_method must be a str, got list"):
        check_hamming_method([])
