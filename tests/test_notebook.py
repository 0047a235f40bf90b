"""Results as notebooks show them."""

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imagededup.methods import CNN, PHash
from imagededup.plots.notebook import groups_html
from tests.conftest import photograph

HOSTILE = "<script>alert(1)</script>&\"'.png"


class Page(HTMLParser):
    """The elements and the texts of HTML; wrongly nested elements fail."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.images, self._open = [], [], [], []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attributes))
        else:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def pixels(self, number):
        scheme, data = self.images[number]["src"].split(",")
        assert scheme == "data:image/jpeg;base64"
        return Image.open(BytesIO(base64.b64decode(data)))


def search(*arguments, **options):
    return PHash(verbose=False).search(*arguments, **options)


def identical(folder, names):
    """Files of one picture."""
    folder.mkdir(exist_ok=True)
    for name in names:
        photograph(7).save(folder / name, format="PNG")
    return folder


def test_clusters_with_thumbnails_and_scores(photos):
    page = Page(groups_html(search(photos)))
    assert page.texts[0] == "6 images, 2 groups of duplicates; 1 file could not be read"
    assert page.texts[1:] == [
        *("beach.png", "beach_copy.png", "distance 0", "beach_small.jpg", "distance 0"),
        *("city.png", "city_blurred.png", "distance 0"),
    ]
    assert [image["alt"] for image in page.images][:2] == ["beach.png", "beach_copy.png"]
    thumbnail = page.pixels(0)
    assert thumbnail.size == (128, 96)
    expected = photograph(0).resize((128, 96))
    assert np.abs(np.asarray(thumbnail, float) - np.asarray(expected, float)).mean() < 6


def test_scores_of_a_similarity(photos):
    page = Page(groups_html(CNN(verbose=False).search(photos)))
    assert re.fullmatch(r"similarity [01]\.\d{3}", page.texts[3])


def test_two_collections_take_each_image_from_its_own_folder(photos, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    Image.open(photos / "city.png").convert("L").save(other / "city.png")
    page = Page(groups_html(search(photos, against=other)))
    assert page.texts == [
        "6 images, 2 of them with duplicates among 1 image; 1 file could not be read",
        *("city.png", "city.png", "distance 0"),
        *("city_blurred.png", "city.png", "distance 0"),
    ]
    assert [page.pixels(number).mode for number in range(4)] == ["RGB", "RGB", "RGB", "RGB"]
    colours = [np.ptp(np.asarray(page.pixels(number), int), axis=2).max() for number in range(2)]
    assert colours[0] > 50 > 10 > colours[1]


def test_no_group(tmp_path):
    photograph(1).save(tmp_path / "one.png")
    assert Page(groups_html(search(tmp_path))).texts == ["1 image, 0 groups of duplicates"]
    other = identical(tmp_path / "other", ["far.png"])
    page = Page(groups_html(search(tmp_path, against=other)))
    assert page.texts == ["1 image, 0 of them with duplicates among 1 image"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses these names")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (HOSTILE.replace("/", "|"), HOSTILE.replace("/", "|")),
        ("two\nlines.png", r"two\nlines.png"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        (b"\xff.png".decode("utf-8", "surrogateescape"), r"\udcff.png"),
    ],
)
def test_hostile_names_are_text(tmp_path, name, text):
    html = groups_html(search(identical(tmp_path / "names", ["a.png", name])))
    page = Page(html)
    assert set(page.tags) == {"div", "b", "img"}
    assert sorted(page.texts[1:4]) == sorted(["a.png", text, "distance 0"])
    assert {image["alt"] for image in page.images} == {"a.png", text}
    assert html.isprintable()
    html.encode("utf-8")


def test_broken_and_missing_files_are_boxes_with_the_reason(photos):
    found = search(photos)
    (photos / "beach_copy.png").write_text("no image")
    (photos / "city.png").unlink()
    page = Page(groups_html(found))
    assert len(page.images) == 3
    assert page.texts[2] == "not an image, or of an unknown format"
    assert page.texts[7:9] == ["no such file", "city.png"]


def test_codes_without_a_folder(photos):
    encoder = PHash(verbose=False)
    hashes = encoder.encode_images(photos)
    page = Page(groups_html(encoder.search(encoding_map=hashes)))
    assert page.images == []
    assert page.texts[1:3] == ["no file is known", "beach.png"]
    assert page.texts.count("no file is known") == 5
    # One collection of which the files are known, the other without.
    page = Page(groups_html(encoder.search(photos, against=hashes), most_groups=1, most_members=2))
    assert len(page.images) == 1
    assert page.texts.count("no file is known") == 1


@pytest.mark.parametrize("against", [False, True])
def test_what_is_left_out_is_counted(tmp_path, against):
    folder = identical(tmp_path / "many", [f"{number:04}.png" for number in range(9)])
    other = identical(tmp_path / "other", [f"o{number:04}.png" for number in range(9)])
    found = search(folder, against=other) if against else search(folder)
    page = Page(groups_html(found, most_groups=1, most_members=3))
    assert len(page.images) == 3
    assert f"+{7 if against else 6} more" in page.texts
    assert ("8 more groups not shown" in page.texts) == against


def test_the_representative_comes_first_and_is_always_shown(tmp_path):
    folder = identical(tmp_path / "many", [f"{number}.png" for number in range(6)])
    found = search(folder)
    assert Page(groups_html(found, most_members=1)).texts[1:] == ["0.png", "+5 more"]
    assert len(Page(groups_html(found, most_members=6)).images) == 6
    assert Page(groups_html(found, most_groups=0)).texts[1:] == ["1 more group not shown"]


def test_a_large_group_costs_no_pairs():
    """20,000 identical images are 200 million pairs."""
    hashes = dict.fromkeys((f"{number:05}" for number in range(20_000)), "9fee256239984d71")
    page = Page(groups_html(PHash(verbose=False).search(encoding_map=hashes)))
    assert page.texts[0] == "20,000 images, 1 group of duplicates"
    assert page.texts[-1] == "+19,994 more"


def test_matplotlib_is_not_needed():
    code = "import sys, imagededup.plots.notebook; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
