"""Stored codes in Python: saved, loaded and searched."""

import numpy as np
import pytest
from PIL import Image

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import CNN, DHash, PHash, load_encodings, save_encodings, update_encodings
from imagededup.models import CustomModel
from tests.conftest import photograph

HASHES = {"a.jpg": "00000000000000ff", "b.jpg": "000000000000000f", "c.jpg": "ffff000000000000"}


@pytest.fixture
def stored(tmp_path):
    save_encodings(tmp_path / "codes.npz", HASHES, PHash())
    return load_encodings(tmp_path / "codes.npz")


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    """Photographs, their descriptors in a file, and these by name."""
    folder = tmp_path_factory.mktemp("described")
    (folder / "photos").mkdir()
    for number in range(4):
        photograph(number // 2).save(folder / f"photos/{number}.jpg", quality=90 - number)
    encoder = CNN(verbose=False, dim=576)
    update_encodings(folder / "codes.npz", encoder, folder / "photos")
    return folder, encoder, encoder.encode_images(folder / "photos")


def save_arrays(path, **changes):
    """A file of two hashes, with other arrays than it should have."""
    whole = {
        "encoder": np.array("phash"),
        "names": np.frombuffer(b"ab", np.uint8),
        "name_lengths": np.array([1, 1], np.int32),
        "hashes": np.array([1, 2], np.uint64),
    }
    np.savez(path, **whole | changes)


class TestMap:
    def test_it_is_a_mapping(self, stored):
        assert dict(stored) == HASHES == stored
        assert (len(stored), list(stored), "b.jpg" in stored) == (3, list(HASHES), True)
        assert ("b" in stored, 3 in stored, stored.get("")) == (False, False, None)
        assert repr(stored).endswith("codes.npz', 3 by phash)")

    def test_descriptors_have_the_shape_of_encode_images(self, described):
        folder, _, codes = described
        found = load_encodings(folder / "codes.npz")
        assert found["1.jpg"].shape == (1, 576)
        assert all(np.array_equal(found[name], codes[name]) for name in codes)

    @pytest.mark.parametrize("ending", [".json", ".csv", ".npz"])
    def test_the_order_of_a_dictionary_does_not_count(self, tmp_path, ending):
        path = tmp_path / f"codes{ending}"
        save_encodings(path, dict(reversed(HASHES.items())), PHash())
        assert list(load_encodings(path).items()) == list(HASHES.items())

    def test_what_was_loaded_can_be_saved_in_another_form(self, tmp_path, stored):
        save_encodings(tmp_path / "codes.csv", stored, PHash())
        save_encodings(tmp_path / "again.npz", load_encodings(tmp_path / "codes.csv"), PHash())
        assert (tmp_path / "again.npz").read_bytes() == stored.path.read_bytes()


class TestSearch:
    def test_as_a_dictionary(self, stored):
        encoder = PHash(verbose=False)
        assert encoder.search(encoding_map=stored) == encoder.search(encoding_map=HASHES)
        found = encoder.find_duplicates(encoding_map={"x": "0" * 16}, against=stored, scores=True)
        assert found == {"x": [("b.jpg", 4), ("a.jpg", 8)]}

    @pytest.mark.parametrize("encoder", [PHash(False), CNN(False, dim=576)], ids=str)
    def test_against_a_file_is_as_against_its_folder(self, described, tmp_path, encoder):
        folder, _, _ = described
        photograph(0).resize((200, 150)).save(tmp_path / "new.png")
        update_encodings(tmp_path / "codes.npz", encoder, folder / "photos")
        (tmp_path / "new").mkdir()
        (tmp_path / "new.png").rename(tmp_path / "new/new.png")
        found = encoder.search(tmp_path / "new", against=load_encodings(tmp_path / "codes.npz"))
        assert found.to_dict(scores=True) == encoder.find_duplicates(
            tmp_path / "new", against=folder / "photos", scores=True
        )
        assert {"0.jpg", "1.jpg"} <= set(found.to_dict()["new.png"])

    def test_images_without_structure_are_known_by_their_pixels(self, tmp_path):
        (tmp_path / "photos").mkdir()
        for name, colour in (("red", "red"), ("blue", "blue"), ("rouge", "red")):
            Image.new("RGB", (40, 40), colour).save(tmp_path / f"photos/{name}.png")
        encoder = PHash(verbose=False)
        update_encodings(tmp_path / "codes.npz", encoder, tmp_path / "photos")
        stored = load_encodings(tmp_path / "codes.npz")
        assert len(set(stored.values())) == 1
        expected = {"blue.png": [], "red.png": ["rouge.png"], "rouge.png": ["red.png"]}
        assert encoder.find_duplicates(encoding_map=stored) == expected
        assert encoder.find_duplicates(tmp_path / "photos", against=stored)["blue.png"] == [
            "blue.png"
        ]

    def test_verification_needs_the_images(self, stored):
        with pytest.raises(InvalidValueError, match="verify"):
            PHash().search(encoding_map=stored, verify=True)


class TestMixing:
    def test_another_method(self, stored, tmp_path):
        with pytest.raises(InvalidValueError, match="holds codes of phash, which cnn does not"):
            save_encodings(tmp_path / "other.npz", stored, CNN())
        folder = {"image_dir": tmp_path / "not read before"}
        for arguments in ({"encoding_map": stored}, {**folder, "against": stored}):
            with pytest.raises(
                InvalidValueError, match="holds codes of phash, which dhash does not"
            ):
                DHash().search(**arguments)
            with pytest.raises(InvalidValueError, match="holds codes of phash, which cnn does not"):
                CNN().search(**arguments)

    def test_another_way_to_decode(self, stored, photos, tmp_path):
        full = PHash(full_decode=True)
        message = (
            "codes must be made alike to be compared: .*codes.npz' has 'phash full_decode=False "
            "version=1', the encoder 'phash full_decode=True version=1'"
        )
        with pytest.raises(InvalidValueError, match=message):
            full.search(photos, against=stored)
        with pytest.raises(InvalidValueError, match=message):
            full.search(encoding_map=stored, against=photos)
        save_encodings(tmp_path / "full.npz", HASHES, full)
        with pytest.raises(InvalidValueError, match="codes.npz' has .*full.npz' 'phash full_dec"):
            full.search(encoding_map=stored, against=load_encodings(tmp_path / "full.npz"))
        with pytest.raises(InvalidValueError, match="must be made alike"):
            save_encodings(tmp_path / "full.npz", stored, full)

    def test_one_file_alone_mixes_nothing(self, stored):
        full = PHash(full_decode=True, verbose=False)
        assert full.find_duplicates(encoding_map=stored)["a.jpg"] == ["b.jpg"]

    def test_descriptors_of_another_length(self, described):
        folder, _, _ = described
        with pytest.raises(InvalidValueError, match="dim=576 .*dim=1024 "):
            CNN().search(folder / "photos", against=load_encodings(folder / "codes.npz"))

    def test_what_does_not_say_how_it_was_made_is_taken(self, photos, tmp_path):
        save_encodings(tmp_path / "codes.csv", HASHES, PHash())
        stored = load_encodings(tmp_path / "codes.csv")
        assert len(PHash(False, full_decode=True).search(photos, against=stored)) == 0

    def test_codes_of_a_callable_can_be_saved(self, tmp_path):
        model = CustomModel("mine", lambda batch: batch.mean(axis=(2, 3)), lambda image: image)
        save_encodings(tmp_path / "codes.npz", {"a": [1.0, 0.0]}, CNN(False, model))
        stored = load_encodings(tmp_path / "codes.npz")
        assert (stored.method, stored.made_by, stored["a"].tolist()) == ("cnn", None, [[1, 0]])


class TestFiles:
    def test_what_encode_wrote_before_is_read(self, tmp_path):
        names, descriptors = np.array(["b", "a"]), np.array([[0, 2.0], [1, 0]])
        np.savez(tmp_path / "a.npz", encoder="cnn", names=names, descriptors=descriptors)
        found = load_encodings(tmp_path / "a.npz")
        assert {name: row.tolist() for name, row in found.items()} == {"a": [[1, 0]], "b": [[0, 2]]}
        assert found["a"].dtype == np.float32

    def test_names_out_of_order_are_sorted_with_all_that_is_known_of_them(self, tmp_path):
        save_arrays(
            tmp_path / "a.npz",
            names=np.frombuffer(b"ba", np.uint8),
            plain=np.array([0]),
            plain_digests=np.full((1, 16), 7, np.uint8),
            folders=np.frombuffer(b"/x", np.uint8),
            folder_lengths=np.array([2]),
            folder=np.array([0, -1], np.int32),
            size=np.array([5, 6], np.uint64),
            modified=np.array([8, 9], np.uint64),
        )
        found = load_encodings(tmp_path / "a.npz")
        assert found == {"a": f"{2:016x}", "b": f"{1:016x}"}
        assert found.images.plain == {1: bytes([7] * 16)}
        assert found.records.folder.tolist() == [-1, 0]
        assert (found.records.size.tolist(), found.records.modified.tolist()) == ([6, 5], [9, 8])

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"names": np.frombuffer(b"aa", np.uint8)}, "it repeats 'a'"),
            ({"name_lengths": np.array([1, 2])}, "texts are of other lengths"),
            ({"name_lengths": np.array([2])}, "not names and as many"),
            ({"names": np.array([1.0, 2.0])}, "not names and as many"),
            ({"hashes": np.array([1, 2])}, "not hashes of 64 bits"),
            ({"hashes": np.array([[1], [2]], np.uint64)}, "not hashes of 64 bits"),
            ({"hashes": np.array([1], np.uint64)}, "not names and as many"),
            ({"encoder": np.array("ph ash")}, "'ph ash' is no method"),
            ({"encoder": np.array(["a", "b"])}, "is no file that encode wrote"),
            ({"made_by": np.frombuffer(b"\xff", np.uint8)}, "is no file that encode wrote"),
            ({"plain": np.array([2]), "plain_digests": np.zeros((1, 16), np.uint8)}, "digests"),
            ({"plain": np.array([1, 0]), "plain_digests": np.zeros((2, 16), np.uint8)}, "digests"),
            ({"plain": np.array([1]), "plain_digests": np.zeros((1, 8), np.uint8)}, "digests"),
            ({"plain": np.array([1])}, "encode wrote: it lacks 'plain_digests'"),
            ({"size": np.array([1, 2], np.uint64)}, "it lacks 'folders'"),
        ],
    )
    def test_arrays_that_do_not_fit(self, tmp_path, changes, reason):
        save_arrays(tmp_path / "a.npz", **changes)
        with pytest.raises(InvalidValueError, match=reason):
            load_encodings(tmp_path / "a.npz")

    @pytest.mark.parametrize("folder", [[0, 1], [-2, 0], [0], [0.0, 0.0]])
    def test_folders_that_are_not_there(self, tmp_path, folder):
        save_arrays(
            tmp_path / "a.npz",
            folders=np.frombuffer(b"x", np.uint8),
            folder_lengths=np.array([1]),
            folder=np.array(folder),
            size=np.array([5, 6], np.uint64),
            modified=np.array([8, 9], np.uint64),
        )
        with pytest.raises(InvalidValueError, match="not what the files were like"):
            load_encodings(tmp_path / "a.npz")

    def test_a_descriptor_with_nan_is_refused_as_ever(self, tmp_path):
        codes = np.array([[1, 0], [np.nan, 1]], np.float32)
        np.savez(tmp_path / "a.npz", names=np.array(["a", "b"]), descriptors=codes)
        with pytest.raises(InvalidValueError, match="that of 'b' has NaN"):
            CNN().search(encoding_map=load_encodings(tmp_path / "a.npz"))
        with pytest.raises(InvalidValueError, match="that of 'b' has NaN"):
            save_encodings(tmp_path / "b.npz", {"b": codes[1]}, CNN())

    def test_wrong_arguments(self, tmp_path):
        for path, message in (("a.txt", "end in .npz, .json or .csv"), ("no/a.npz", "must lie in")):
            with pytest.raises(InvalidValueError, match=message):
                save_encodings(tmp_path / path, HASHES, PHash())
        with pytest.raises(InvalidValueError, match=r"written to a \.npz file"):
            save_encodings(tmp_path / "a.json", {"a": [1.0]}, CNN())
        with pytest.raises(InvalidTypeError, match="encoder must be an encoder, got str"):
            save_encodings(tmp_path / "a.json", HASHES, "phash")
        with pytest.raises(InvalidValueError, match="encodings must hold str of 16 hexadecimal"):
            save_encodings(tmp_path / "a.json", {"a": "b"}, PHash())
        with pytest.raises(InvalidTypeError, match="path must be a path, got int"):
            load_encodings(3)
        for path, message in (("a.npz", "No such file"), ("a.txt", "end in .npz, .json or .csv")):
            with pytest.raises(InvalidValueError, match=message):
                load_encodings(tmp_path / path)
        assert list(tmp_path.iterdir()) == []
