"""The largest components, of folders that have them and of others."""

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.errors import InvalidTypeError, InvalidValueError


@pytest.fixture
def work(tmp_path):
    """Features of a group of three, one of two, and a single one."""
    rows = np.repeat(np.eye(3, dtype=np.float32), [3, 2, 1], axis=0)
    fastdup.save_binary_feature(tmp_path, list("abcdef"), rows)
    return tmp_path


def searched(work, **parameters):
    assert fastdup.run(work_dir=work, run_mode=2, **parameters) == 0
    return work


def test_the_largest_come_first(work):
    found = fastdup.find_top_components(searched(work))
    assert [component.files for component in found] == [("a", "b", "c"), ("d", "e")]
    assert fastdup.find_top_components(work, top=1) == found[:1]
    assert fastdup.find_top_components(work, np.int64(1)) == found[:1]
    assert fastdup.find_top_components(work, top=10**12) == found


@pytest.mark.parametrize("top", [0, -1])
def test_a_number_below_1_is_an_error(work, top):
    with pytest.raises(InvalidValueError, match=f"top must be at least 1, got {top}"):
        fastdup.find_top_components(searched(work), top)


@pytest.mark.parametrize("top", ["3", 1.5, True])
def test_a_number_of_another_type_is_an_error(work, top):
    with pytest.raises(InvalidTypeError, match=f"top must be an int, got {top!r}"):
        fastdup.find_top_components(searched(work), top)


def test_a_folder_without_components_says_how_to_make_them(work):
    searched(work, turi_param="run_cc=0")
    with pytest.raises(InvalidValueError, match="components of 6 images; run again with run_cc=1"):
        fastdup.find_top_components(work)
    searched(work, turi_param="run_cc=0,run_pagerank=0")
    with pytest.raises(InvalidValueError, match=r"connected_components\.csv"):
        fastdup.find_top_components(work)
