"""`encode --append`, and searches against what was stored."""

import numpy as np
import pytest

from imagededup.methods import CNN, PHash, load_encodings
from tests.conftest import photograph


@pytest.fixture
def new(tmp_path):
    """A copy of a stored picture, and another one."""
    folder = tmp_path / "new"
    folder.mkdir()
    photograph(1).save(folder / "copy.png")
    photograph(50).save(folder / "other.png")
    return folder


@pytest.fixture
def stored(command, photos, tmp_path):
    (photos / "notes.txt").unlink()
    path = tmp_path / "codes.npz"
    assert command("encode", photos, "-o", path)[:2] == (0, f"6 images written to {path}\n")
    return path


def test_hashes_are_written_as_numbers(photos, stored):
    assert load_encodings(stored) == PHash(False).encode_images(photos)
    with np.load(stored) as arrays:
        assert (arrays["hashes"].dtype, arrays["hashes"].shape) == (np.uint64, (6,))


def test_what_is_new_is_appended(command, photos, stored):
    photograph(40).save(photos / "lake.png")
    photograph(41).save(photos / "city.png")
    code, out, _ = command("encode", photos, "-o", stored, "--append")
    expected = f"1 image added, 1 changed and encoded again; 7 images in {stored}\n"
    assert (code, out) == (0, expected)
    assert load_encodings(stored) == PHash(False).encode_images(photos)
    code, out, _ = command("encode", photos, "-o", stored, "--append")
    assert (code, out) == (0, f"0 images added; 7 images in {stored}\n")


def test_what_is_gone_stays_until_it_is_pruned(command, photos, stored):
    (photos / "forest.png").unlink()
    (photos / "city.png").write_bytes(b"no image any more")
    code, out, _ = command("encode", photos, "-o", stored, "--append")
    gone = "0 images added, 1 cannot be read any more and left out, 1 gone"
    expected = f"{gone} that stay in the file (--prune leaves them out); 5 images in {stored}\n"
    assert (code, out) == (0, expected)
    code, out, _ = command("encode", photos, "-o", stored, "--append", "--prune")
    assert (code, out) == (0, f"0 images added, 1 gone and left out; 4 images in {stored}\n")
    assert load_encodings(stored) == PHash(False).encode_images(photos)


def test_append_makes_a_file_that_is_not_there(command, photos, tmp_path):
    (photos / "notes.txt").unlink()
    path = tmp_path / "codes.npz"
    code, out, _ = command("encode", photos, "-m", "cnn", "-o", path, "--append")
    assert (code, out) == (0, f"6 images added; 6 images in {path}\n")
    assert list(load_encodings(path)) == list(CNN(False).encode_images(photos))


def test_new_images_are_found_in_what_is_stored(command, photos, new, stored):
    code, out, _ = command("find", new, "--against", stored, "--scores")
    as_folder = command("find", new, "--against", photos, "--scores")
    assert (code, out) == as_folder[:2]
    assert out.startswith("copy.png\n  city.png  (distance 0)\n")
    command("encode", new, "-o", stored, "--append")
    assert "copy.png" in command("find", stored)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "{photos}", "-o", "x.json", "--append"], "--output must end in .npz, got"),
        (["encode", "{photos}", "-o", "x.npz", "--prune"], "--prune goes with --append"),
        (["encode", "{photos}", "-m", "dhash", "-o", "{stored}", "--append"], "made alike"),
        (["encode", "{photos}", "--full-decode", "-o", "{stored}", "--append"], "made alike"),
        (["find", "{photos}", "--full-decode", "--against", "{stored}"], "made alike"),
        (["find", "{photos}", "-m", "dhash", "--against", "{stored}"], "--method dhash does not"),
        (["find", "{photos}", "--verify", "--against", "{stored}"], "--verify needs a folder"),
    ],
)
def test_wrong_usage(command, photos, stored, arguments, message):
    before = stored.read_bytes()
    given = [argument.format(photos=photos, stored=stored) for argument in arguments]
    code, out, err = command(*given)
    assert (code, out) == (2, "")
    assert message in err
    assert stored.read_bytes() == before
