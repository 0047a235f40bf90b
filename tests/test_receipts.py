"""Different pages of one form, which the codes take for each other: none of them may go."""

import re
import shutil

import pytest

from tests.receipts import receipt


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Twelve pages of one form."""
    folder = tmp_path_factory.mktemp("receipts")
    for number in range(12):
        receipt(number).save(folder / f"{number:02}.jpg", quality=88)
    return folder


@pytest.fixture
def pages(drawn, tmp_path):
    """A copy of them."""
    return shutil.copytree(drawn, tmp_path / "pages")


def test_none_is_removed(command, pages):
    before = {path.name: path.read_bytes() for path in pages.iterdir()}
    _, out, _ = command("remove", pages, "--method", "cnn", "--no-verify")
    assert "11 of 12 images would be removed" in out
    code, out, err = command("remove", pages, "--method", "cnn", "--delete", "--yes")
    assert (code, out, err) == (0, "0 of 12 images deleted\n", "")
    assert {path.name: path.read_bytes() for path in pages.iterdir()} == before


def test_but_an_edited_copy_is(command, pages):
    receipt(7).save(pages / "again.jpg", quality=55)
    receipt(3).resize((360, 480)).save(pages / "small.jpg", quality=80)
    arguments = ("remove", pages, "--method", "cnn", "--keep", "largest_resolution")
    code, out, _ = command(*arguments, "--delete", "--yes")
    assert code == 0
    assert re.fullmatch(
        r"deleted again\.jpg \(copy of 07\.jpg, score [01]\.\d{3}\)\n"
        r"deleted small\.jpg \(copy of 03\.jpg, score [01]\.\d{3}\)\n"
        r"2 of 14 images deleted\n",
        out,
    )
    assert {path.name for path in pages.iterdir()} == {f"{n:02}.jpg" for n in range(12)}
