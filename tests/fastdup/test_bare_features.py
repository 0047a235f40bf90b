"""Features from elsewhere: what is recorded of them, and what holds without a record."""

import json

import numpy as np
import pytest

from imagededup.errors import InvalidValueError
from imagededup.fastdup import load_binary_feature, save_binary_feature


def stored(folder, names, numbers):
    np.arange(numbers, dtype="<f4").tofile(folder / "features.dat")
    rows = ["filename", *(f"{name}.png" for name in range(names))]
    (folder / "features.dat.csv").write_text("\n".join(rows) + "\n")
    return folder / "features.dat"


@pytest.mark.parametrize(
    ("names", "numbers", "shape"),
    [(2, 10, (2, 5)), (3, 3, (3, 1)), (2, 2 * 576, (2, 576)), (0, 0, (0, 576))],
)
def test_the_length_is_the_size_divided_by_the_names(tmp_path, names, numbers, shape):
    found, features = load_binary_feature(stored(tmp_path, names, numbers))
    assert (len(found), features.shape) == (names, shape)
    assert features.ravel().tolist() == list(range(numbers))


@pytest.mark.parametrize(("names", "numbers"), [(2, 5), (2, 0), (0, 4)])
def test_a_size_that_fits_no_length_is_compared_with_that_of_the_model(tmp_path, names, numbers):
    expected = f"must hold {names} rows of 576 float32, .* {names * 2304} bytes, got {numbers * 4}"
    with pytest.raises(InvalidValueError, match=expected):
        load_binary_feature(stored(tmp_path, names, numbers))


def test_the_record_of_saved_features(tmp_path):
    save_binary_feature(tmp_path, ["a", "b"], np.ones((2, 5), np.float32))
    assert json.loads((tmp_path / "features.dat.json").read_text()) == {
        **dict.fromkeys(["model", "listing", "root", "bounding_box"], ""),
        **dict.fromkeys(["bad", "begin", "end", "total"], 0),
        "dimension": 5,
        "good": 2,
        "parts": [],
        "shards": [],
    }
