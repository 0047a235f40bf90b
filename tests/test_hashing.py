"""The contract of the four hashes."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dct

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import AHash, DHash, PHash, WHash
from tests.conftest import photograph

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
# Made with Pillow 13 by a full decode of the files and the definitions of the hashes, which give
# the hashes of imagededup 0.3.3. Who changes a hash adds one to CODES_VERSION, or caches and stored
# hashes would be taken for new ones; so does who changes decoding or the network.
GOLDEN = json.loads((Path(__file__).parent / "golden_hashes.json").read_text())


@pytest.fixture(params=[PHash, DHash, AHash, WHash], ids=lambda encoder: encoder.__name__)
def encoder(request):
    return request.param(verbose=False)


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_hashes_of_the_examples(encoder):
    assert encoder.encode_images(EXAMPLES) == GOLDEN[type(encoder).__name__]


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_the_result_does_not_depend_on_the_number_of_workers(encoder, workers):
    encoded = encoder.encode_images(EXAMPLES, num_enc_workers=workers)
    assert list(encoded.items()) == list(GOLDEN[type(encoder).__name__].items())


def test_file_and_array_of_one_image_agree(encoder, photos):
    pixels = pixels_of(photos / "beach.png")
    from_array = encoder.encode_image(image_array=pixels)
    assert from_array == encoder.encode_image(photos / "beach.png")
    assert from_array == encoder.encode_image(image_file=str(photos / "beach.png"))
    assert from_array == encoder.encode_image(image_array=pixels.astype(np.float32) / 255)


def test_a_plain_image_has_the_bits_that_the_definitions_give():
    white = np.full((100, 100), 255, np.uint8)
    assert PHash().encode_image(image_array=white) == "ffffffffffffffff"
    assert DHash().encode_image(image_array=white) == "0000000000000000"
    assert AHash().encode_image(image_array=white) == "ffffffffffffffff"
    assert WHash().encode_image(image_array=white) == "ffffffffffffffff"


@given(
    levels=st.sampled_from([1, 2, 3, 256]),
    tile=st.sampled_from([1, 2, 8, 16, 32]),
    mirrored=st.booleans(),
    seed=st.integers(0, 10_000),
)
@settings(deadline=None)
def test_phash_has_the_bits_of_scipys_transform(levels, tile, mirrored, seed):
    """Also where many coefficients are 0 but for rounding: tiles, mirror images, one colour."""
    tiles = np.random.default_rng(seed).integers(0, levels, (5, tile, tile), np.uint8)
    thumbnails = np.tile(tiles, (1, 32 // tile, 32 // tile)) * np.uint8(255 // max(levels - 1, 1))
    if mirrored:
        thumbnails = np.concatenate([thumbnails[:, :16], thumbnails[:, 15::-1]], axis=1)
    transformed = dct(dct(thumbnails.astype(np.float64), axis=1), axis=2)[:, :8, :8].reshape(-1, 64)
    expected = transformed >= np.median(transformed[:, 1:], axis=1, keepdims=True)
    np.testing.assert_array_equal(PHash()._bits(thumbnails), expected)


def test_dhash_of_a_ramp_has_all_bits():
    ramp = np.tile(np.arange(0, 256, 2, dtype=np.uint8), (64, 1))
    assert DHash().encode_image(image_array=ramp) == "ffffffffffffffff"
    assert DHash().encode_image(image_array=ramp[:, ::-1]) == "0000000000000000"


def test_large_jpegs_hash_like_their_full_decode_within_two_bits(encoder, tmp_path):
    large = photograph(3).resize((3200, 2400), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.jpg", quality=90)
    full = pixels_of(tmp_path / "large.jpg")
    reduced = encoder.encode_image(tmp_path / "large.jpg")
    assert encoder.hamming_distance(reduced, encoder.encode_image(image_array=full)) <= 2


def test_unreadable_file_gives_none_and_a_warning(encoder, photos, caplog):
    with caplog.at_level(logging.WARNING, "imagededup"):
        assert encoder.encode_image(photos / "notes.txt") is None
    assert "notes.txt could not be read: not an image, or of an unknown format" in caplog.text


def test_unreadable_files_are_left_out_counted_and_listed(encoder, photos, caplog):
    (photos / "empty.jpg").touch()
    with caplog.at_level(logging.WARNING, "imagededup"):
        encoded = encoder.encode_images(photos)
    assert list(encoded) == [
        "beach.png",
        "beach_copy.png",
        "beach_small.jpg",
        "city.png",
        "city_blurred.png",
        "forest.png",
    ]
    assert [record.getMessage() for record in caplog.records] == [
        (
            "2 files could not be read and left out:\n"
            "  empty.jpg: empty file\n"
            "  notes.txt: not an image, or of an unknown format"
        )
    ]


def test_names_in_subfolders_have_forward_slashes(encoder, photos):
    (photos / "a" / "b").mkdir(parents=True)
    photograph(7).save(photos / "a" / "b" / "deep.png")
    assert "a/b/deep.png" in encoder.encode_images(photos, recursive=True)
    assert "a/b/deep.png" not in encoder.encode_images(photos)


def test_hamming_distance():
    assert PHash.hamming_distance("9fee256239984d71", "9fee256239984d70") == 1
    assert PHash().hamming_distance("0000000000000000", "ffffffffffffffff") == 64
    with pytest.raises(InvalidValueError, match="16 hexadecimal digits, got '12'"):
        PHash.hamming_distance("9fee256239984d71", "12")


class TestFindDuplicates:
    HASHES = {
        "d.jpg": "000000000000000f",
        "b.jpg": "00000000000000ff",
        "a.jpg": "0000000000000000",
        "c.jpg": "000000000000000f",
        "e.jpg": "ffffffffffffffff",
    }

    def test_dictionary(self, encoder):
        found = encoder.find_duplicates(encoding_map=self.HASHES, max_distance_threshold=4)
        assert list(found.items()) == [
            ("a.jpg", ["c.jpg", "d.jpg"]),
            ("b.jpg", ["c.jpg", "d.jpg"]),
            ("c.jpg", ["d.jpg", "a.jpg", "b.jpg"]),
            ("d.jpg", ["c.jpg", "a.jpg", "b.jpg"]),
            ("e.jpg", []),
        ]

    def test_scores_are_plain_ints(self, encoder):
        found = encoder.find_duplicates(encoding_map=self.HASHES, scores=True)
        assert found["a.jpg"] == [("c.jpg", 4), ("d.jpg", 4), ("b.jpg", 8)]
        assert found["c.jpg"] == [("d.jpg", 0), ("a.jpg", 4), ("b.jpg", 4)]
        assert {type(score) for _, score in found["a.jpg"]} == {int}

    def test_folder_and_map_give_the_same(self, encoder, photos):
        by_folder = encoder.find_duplicates(image_dir=photos, scores=True)
        by_map = encoder.find_duplicates(encoding_map=encoder.encode_images(photos), scores=True)
        assert by_folder == by_map
        assert ("beach_copy.png", 0) in by_folder["beach.png"]
        assert "notes.txt" not in by_folder

    @pytest.mark.parametrize("name", ["result.json", "result"])
    @pytest.mark.parametrize("scores", [False, True])
    def test_outfile_is_the_dictionary_as_json(self, encoder, tmp_path, scores, name):
        outfile = tmp_path / name
        found = encoder.find_duplicates(
            encoding_map=self.HASHES, scores=scores, outfile=str(outfile)
        )
        stored = json.loads(outfile.read_text())
        assert list(stored) == list(found)
        assert stored == json.loads(json.dumps(found))
        assert [file.name for file in tmp_path.iterdir()] == [name]

    def test_identical_images(self, encoder):
        hashes = {f"{number:05}": "123456789abcdef0" for number in range(300)}
        found = encoder.find_duplicates(encoding_map=hashes, max_distance_threshold=0)
        assert found["00007"] == [name for name in hashes if name != "00007"]
        assert len(found) == 300

    def test_no_duplicates(self, encoder):
        assert encoder.find_duplicates(encoding_map={"a": "0" * 16, "b": "f" * 16}) == {
            "a": [],
            "b": [],
        }

    def test_one_image(self, encoder):
        assert encoder.find_duplicates(encoding_map={"a": "0" * 16}) == {"a": []}

    def test_only_unreadable_files(self, encoder, tmp_path, caplog):
        (tmp_path / "notes.txt").write_text("text")
        assert encoder.find_duplicates(tmp_path) == {}
        assert encoder.find_duplicates_to_remove(tmp_path) == []
        assert "1 file could not be read" in caplog.text


class TestTwoCollections:
    NEW = {"1": "000000000000000f", "2": "ffffffffffffffff", "3": "000000000000000f"}
    ARCHIVE = {"x": "000000000000000f", "y": "00000000000000ff", "z": "000000000000000f"}

    def test_images_of_one_collection_are_not_compared_with_each_other(self, encoder):
        found = encoder.find_duplicates(encoding_map=self.NEW, against=self.ARCHIVE, scores=True)
        expected = [("x", 0), ("z", 0), ("y", 4)]
        assert list(found.items()) == [("1", expected), ("2", []), ("3", expected)]

    def test_every_image_with_a_duplicate_in_the_other_collection_goes(self, encoder):
        removed = encoder.find_duplicates_to_remove(encoding_map=self.NEW, against=self.ARCHIVE)
        assert removed == ["1", "3"]

    def test_folders(self, encoder, photos, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        photograph(0).save(new / "again.png")
        photograph(9).save(new / "other.png")
        found = encoder.find_duplicates(image_dir=new, against=photos, max_distance_threshold=2)
        assert found["other.png"] == []
        assert found["again.png"][:2] == ["beach.png", "beach_copy.png"]

    def test_a_file_is_not_its_own_duplicate(self, encoder, photos):
        (photos / "new").mkdir()
        photograph(1).save(photos / "new" / "city_again.png")
        found = encoder.find_duplicates(image_dir=photos / "new", against=photos, recursive=True)
        assert "new/city_again.png" not in found["city_again.png"]
        assert "city.png" in found["city_again.png"]

    def test_the_same_folder_is_an_error(self, encoder, photos):
        with pytest.raises(InvalidValueError, match="are also among those of"):
            encoder.find_duplicates(image_dir=photos, against=photos)

    def test_keep_has_no_meaning(self, encoder):
        with pytest.raises(InvalidValueError, match="keep does not go with against"):
            encoder.find_duplicates_to_remove(encoding_map=self.NEW, against=self.ARCHIVE, keep=len)


class TestBadArguments:
    @pytest.mark.parametrize(
        ("threshold", "message"),
        [
            (68, "max_distance_threshold must be an int from 0 to 64, got 68"),
            (-1, "max_distance_threshold must be an int from 0 to 64, got -1"),
        ],
    )
    def test_threshold_out_of_range(self, encoder, threshold, message):
        with pytest.raises(ValueError, match=message):
            encoder.find_duplicates(encoding_map={"a": "0" * 16}, max_distance_threshold=threshold)

    @pytest.mark.parametrize("threshold", [10.0, "10", None, True])
    def test_threshold_of_another_type(self, encoder, threshold):
        with pytest.raises(TypeError, match="max_distance_threshold must be an int, got "):
            encoder.find_duplicates_to_remove(
                encoding_map={"a": "0" * 16}, max_distance_threshold=threshold
            )

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({}, ValueError, "exactly one of image_dir and encoding_map must be given"),
            ({"image_dir": ".", "encoding_map": {"a": "0" * 16}}, ValueError, "exactly one"),
            ({"encoding_map": {}}, ValueError, "encoding_map must hold at least one image"),
            ({"encoding_map": ["0" * 16]}, TypeError, "encoding_map must be a dictionary .* list"),
            ({"encoding_map": {1: "0" * 16}}, TypeError, "keys of encoding_map must be str, got 1"),
            (
                {"encoding_map": {"a": "0" * 16, "b": "0" * 15}},
                ValueError,
                "encoding_map must hold str of 16 hexadecimal digits, got '0+' for 'b'",
            ),
            ({"encoding_map": {"a": "0" * 15 + "g"}}, ValueError, "'000000000000000g' for 'a'"),
            ({"encoding_map": {"a": " " + "0" * 15}}, ValueError, "' 000000000000000' for 'a'"),
            ({"encoding_map": {"a": 17}}, TypeError, "got 17 for 'a'"),
            ({"encoding_map": {"a": "٣" * 16}}, ValueError, "for 'a'"),
            ({"image_dir": "/no/such/folder"}, ValueError, "does not exist"),
            ({"image_dir": np.__file__ + "/x"}, ValueError, "cannot be reached: Not a directory"),
            ({"image_dir": 3}, TypeError, "image_dir must be a path or several, got int"),
            ({"encoding_map": {"a": "0" * 16}, "against": {}}, ValueError, "against must hold"),
            ({"encoding_map": {"a": "0" * 16}, "against": "/no/such"}, ValueError, "against must"),
            (
                {"encoding_map": {"a": "0" * 16}, "search_method": "brute"},
                ValueError,
                "one of 'auto', 'multi_index', 'faiss', 'bktree', got 'brute'",
            ),
            (
                {"encoding_map": {"a": "0" * 16}, "search_method": None},
                TypeError,
                "search_method must be a str, got NoneType",
            ),
            (
                {"encoding_map": {"a": "0" * 16}, "num_dist_workers": -1},
                ValueError,
                "num_dist_workers must be 0 or more, got -1",
            ),
            (
                {"encoding_map": {"a": "0" * 16}, "num_enc_workers": 1.5},
                TypeError,
                "num_enc_workers must be an int or None, got float",
            ),
            (
                {"encoding_map": {"a": "0" * 16}, "outfile": "/no/such/folder/result.json"},
                ValueError,
                "outfile must lie in a folder that exists",
            ),
            ({"encoding_map": {"a": "0" * 16}, "outfile": "/"}, ValueError, "'/' is a folder"),
            ({"encoding_map": {"a": "0" * 16}, "outfile": 3}, TypeError, "outfile must be a path"),
        ],
    )
    def test_error_says_what_came_and_what_was_expected(self, encoder, arguments, error, message):
        kind = InvalidValueError if error is ValueError else InvalidTypeError
        for method in (encoder.find_duplicates, encoder.find_duplicates_to_remove):
            with pytest.raises(kind, match=message):
                method(**arguments)

    def test_empty_folder(self, encoder, tmp_path):
        with pytest.raises(ValueError, match="image_dir must hold at least one file, found none"):
            encoder.find_duplicates(tmp_path)

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({}, ValueError, "exactly one of image_file and image_array must be given"),
            ({"image_file": "/no/such.jpg"}, ValueError, "image_file must exist"),
            ({"image_file": 3}, TypeError, "image_file must be a path, got int"),
            ({"image_array": [[1]]}, TypeError, "numpy array of real numbers, got list"),
            ({"image_array": np.zeros((2, 2, 4))}, ValueError, r"got shape \(2, 2, 4\)"),
        ],
    )
    def test_encode_image(self, encoder, arguments, error, message):
        with pytest.raises(error, match=message):
            encoder.encode_image(**arguments)


def test_the_wavelet_is_that_of_pywavelets():
    thumbnails = np.random.default_rng(0).integers(0, 256, (6, 256, 256), dtype=np.uint8)
    thumbnails[3:] = thumbnails[3:] // 128 * 255  # equal halves, where the last bit decides
    expected = thumbnails / 255
    for _ in range(5):
        expected, _ = pywt.dwt2(expected, "haar", axes=(1, 2))
    expected = expected.reshape(-1, 64)
    expected = expected >= np.median(expected, axis=1)[:, None]
    np.testing.assert_array_equal(WHash()._bits(thumbnails), expected)
