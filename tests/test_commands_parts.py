"""Parts, wholes and variants of photographs on the command line."""

import re
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A crop that comes before its whole, and a picture with a caption."""
    folder = tmp_path_factory.mktemp("album")
    shutil.copy(EXAMPLES / "flower_cropped.jpg", folder / "crop.jpg")
    shutil.copy(EXAMPLES / "flower.jpg", folder / "flower.jpg")
    shutil.copy(EXAMPLES / "temple.jpg", folder / "temple.jpg")
    shutil.copy(EXAMPLES / "temple_text.jpg", folder / "text.jpg")
    return folder


def test_find_says_which_is_the_larger_one(command, album):
    _, out, _ = command("find", album, "--verify", "--threshold", 32)
    assert "  crop.jpg\n  flower.jpg  (whole)\n" in out
    assert "  temple.jpg\n  text.jpg  (variant)\n" in out
    assert "(2 pairs: 1 part, 1 variant), 1 can be removed" in out


def test_the_whole_stays_whatever_is_preferred(command, album):
    for keep in ("first", "oldest"):
        _, out, _ = command("remove", album, "-m", "cnn", "--keep", keep)
        assert re.match(r"would remove crop\.jpg \(part of flower\.jpg, score [01]\.\d{3}\)\n", out)
        assert out.endswith("\n1 of 4 images would be removed; nothing was changed\n")


def test_a_variant_goes_if_it_is_asked_for(command, album):
    _, out, _ = command("remove", album, "-m", "cnn", "--relations", "variant")
    assert re.match(r"would remove text\.jpg \(variant of temple\.jpg, score [01]\.\d{3}\)\n", out)
    assert "1 of 4 images" in out
