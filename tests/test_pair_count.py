"""The number of pairs of a result, counted and made."""

import numpy as np
import pytest

from imagededup.methods import CNN, PHash


def hashes(count, seed, prefix=""):
    """Hashes of few bits, so that many are equal or near."""
    codes = np.random.default_rng(seed).integers(0, 1 << 12, count, dtype=np.uint64)
    return {f"{prefix}{number:03}": f"{code:016x}" for number, code in enumerate(codes)}


@pytest.mark.parametrize("threshold", [0, 1, 3, 12])
@pytest.mark.parametrize("count", [1, 2, 300])
def test_as_many_as_there_are_rows(count, threshold):
    found = PHash().search(encoding_map=hashes(count, 0), max_distance_threshold=threshold)
    assert found.pair_count == len(list(found.rows()))


@pytest.mark.parametrize("threshold", [0, 1, 3, 12])
@pytest.mark.parametrize(("count", "others"), [(1, 200), (200, 1), (200, 100)])
def test_with_two_collections(count, others, threshold):
    found = PHash().search(
        encoding_map=hashes(count, 0),
        against=hashes(others, 1, "other"),
        max_distance_threshold=threshold,
    )
    assert found.pair_count == len(list(found.rows()))


def test_of_descriptors():
    descriptors = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    names = {f"{number:02}": row for number, row in enumerate(np.repeat(descriptors, 3, axis=0))}
    found = CNN().search(encoding_map=names, min_similarity_threshold=0.5)
    assert found.pair_count == len(list(found.rows())) > 180


def test_five_billion_pairs_are_counted_without_being_made():
    same = {f"{number:06}": "9fee256239984d71" for number in range(100_000)}
    same["near"] = "9fee256239984d70"
    assert PHash().search(encoding_map=same).pair_count == 100_000 * 99_999 // 2 + 100_000


def test_nothing_found():
    assert PHash().search(encoding_map={"a": "0" * 16, "b": "f" * 16}).pair_count == 0
