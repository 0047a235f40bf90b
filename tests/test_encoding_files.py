"""Files that encode writes, and those that were made by hand."""

import numpy as np
import pytest

from imagededup.commands.encodings import read_if_file
from imagededup.errors import InvalidValueError
from imagededup.methods import CNN, DHash, PHash, save_encodings

NAMES = ["a.jpg", 'comma, quote " and\r\nlines.jpg', "deep/ü.jpg", "not UTF-8: \udcff.jpg"]
HASHES = {name: f"{number:016x}" for number, name in enumerate(NAMES)}


def read(path):
    return read_if_file([str(path)])


@pytest.mark.parametrize("file", ["codes.json", "codes.csv", "codes.npz"])
@pytest.mark.parametrize("encoder", [PHash(), DHash()])
def test_hashes_are_read_as_they_were_written(tmp_path, file, encoder):
    save_encodings(tmp_path / file, HASHES, encoder)
    found = read(tmp_path / file)
    assert (found.method, dict(found), found.path) == (encoder._method, HASHES, tmp_path / file)


def test_descriptors_are_read_as_they_were_written(tmp_path):
    codes = {name: np.float32([[number, 1, 2]]) for number, name in enumerate(NAMES)}
    save_encodings(tmp_path / "codes.npz", codes, CNN())
    found = read(tmp_path / "codes.npz")
    assert (found.method, list(found)) == ("cnn", NAMES)
    assert [row.tolist() for row in found.values()] == [row.tolist() for row in codes.values()]


def test_descriptors_without_a_method_are_those_of_the_cnn(tmp_path):
    np.savez(tmp_path / "codes.npz", names=np.array(["a"]), descriptors=np.ones((1, 4)))
    assert read(tmp_path / "codes.npz").method == "cnn"


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"encoder": np.array("sift")}, "'sift' is no method"),
        ({"descriptors": np.ones((2, 4))}, "not names and as many descriptors"),
        ({"descriptors": np.ones(1)}, "not names and as many descriptors"),
        ({"names": np.array([3])}, "not names and as many descriptors"),
        ({"names": np.array(["a", "b"])}, "not names and as many descriptors"),
    ],
)
def test_arrays_that_are_no_descriptors(tmp_path, arrays, reason):
    whole = {"names": np.array(["a"]), "descriptors": np.ones((1, 4))}
    np.savez(tmp_path / "codes.npz", **whole | arrays)
    with pytest.raises(InvalidValueError, match=reason):
        read(tmp_path / "codes.npz")


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("x.csv", "image,hash\na,0,1\n", "line 2 has 3 columns"),
        ("x.csv", "image,hash\na,0\na,1\n", "line 3 repeats 'a'"),
        ("x.csv", "name,hash\n", "first line is not a header such as image,phash"),
        ("x.csv", "image,sift\n", "'sift' is no method"),
        ("x.json", "[]", "it holds a list"),
        ("x.json", '{"a": 3}', "it holds something else than hashes"),
        ("x.json", '{"encoder": "phash", "hashes": []}', "it holds something else than hashes"),
        ("x.json", '{"encoder": "sift", "hashes": {}}', "'sift' is no method"),
        ("x.json", "[" * 100_000, "is no file that encode wrote"),
    ],
)
def test_text_that_is_no_map_of_hashes(tmp_path, file, text, reason):
    (tmp_path / file).write_text(text)
    with pytest.raises(InvalidValueError, match=reason):
        read(tmp_path / file)


def test_a_map_of_hashes_names_no_method(tmp_path):
    (tmp_path / "x.json").write_text('{"a": "0000000000000000"}')
    found = read(tmp_path / "x.json")
    assert (found.method, dict(found)) == (None, {"a": "0" * 16})


def test_two_images_that_are_called_like_the_parts_of_a_file(tmp_path):
    codes = {"encoder": "0" * 16, "hashes": "1" * 16}
    (tmp_path / "x.json").write_text(str(codes).replace("'", '"'))
    assert dict(read(tmp_path / "x.json")) == codes
