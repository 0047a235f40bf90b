"""`imagededup report`: from a folder to a page."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup.cli import run
from imagededup.methods import CNN, PHash
from imagededup.methods.encoding import EncodedImages
from imagededup.report import look
from imagededup.report.bars import score_bars, size_bars
from imagededup.report.look import encode_and_measure
from imagededup.report.unusual import unusual_images
from imagededup.sources.listing import list_images
from tests.conftest import photograph, textured
from tests.test_pages import content

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Copies, a part and a variant of photographs, a dark and a blank picture, a broken file."""
    folder = tmp_path_factory.mktemp("album")
    copies = ("flower", "flower_copy", "flower_recompressed", "temple", "temple_recompressed")
    for name in (*copies, "temple_cropped", "portrait"):
        shutil.copy(EXAMPLES / f"{name}.jpg", folder)
    photograph(1).point(lambda level: level // 16).save(folder / "night.png")
    Image.new("RGB", (320, 240), (9, 200, 9)).save(folder / HOSTILE)
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def page(album, tmp_path_factory):
    """The page of this folder with the defaults, and what was printed."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert run(["report", str(album), "-o", str(path)]) == 0
    return path


def headings(path):
    text = path.read_text(encoding="utf-8")
    return re.findall(r'<h2 id="title-\d+">\s*(.*?)\s*</h2>', text, re.S)


def shown(path):
    """The items of every section that has pictures, with names in the place of numbers."""
    data = content(path)
    names = [row[0] for row in data["pictures"]]

    def named(kind, item):
        places = {"groups": item[0], "pairs": item[:2], "pictures": item[:1]}[kind]
        return [names[place] for place in places]

    return [
        [named(section["kind"], item) for item in section["items"]]
        for section in data["sections"]
        if "items" in section
    ]


def test_sections_in_order(page):
    assert headings(page) == [
        "Summary",
        "Duplicates",
        "Near duplicates",
        "Outliers",
        "Blank",
        "Dark",
        "Broken files",
        "Score of pairs",
        "Longer side in pixels",
        "File size",
    ]


def test_what_they_show(page):
    duplicates, near, outliers, blank, dark = shown(page)
    assert duplicates == [
        ["flower.jpg", "flower_copy.jpg", "flower_recompressed.jpg"],
        ["temple.jpg", "temple_recompressed.jpg"],
    ]
    assert near == [["temple.jpg", "temple_cropped.jpg"]]  # the best pair, not one for each copy
    assert (outliers, blank, dark) == ([], [[HOSTILE]], [["night.png"]])
    text = page.read_text(encoding="utf-8")
    assert "not an image, or of an unknown format" in text
    assert HOSTILE not in text


def test_links_say_what_may_go(page):
    duplicates, near = content(page)["sections"][1:3]
    group = duplicates["items"][0]
    assert group[2] == [0, 0, 1]  # the first two have equal pixels
    assert [link[3:] for link in group[1]] == [["copy", "either"]]
    ((_, _, score, relation, _, may_go, matrix, _),) = near["items"]
    assert (score > 0.9, relation, may_go) == (True, "part", "right")
    assert np.shape(matrix) == (2, 3)


def test_the_summary_is_printed(album, tmp_path, command):
    code, out, err = command("report", album, "-o", tmp_path / "a.html", "--most", "1")
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == [
        "9 images, 2 groups of duplicates (6 pairs: 1 identical, 3 copy, 2 part), 4 can be removed",
        "1 file could not be read",
        "0 outliers",
        "flagged: 1 blank, 1 dark",
    ]
    assert out.splitlines()[4].startswith(f"Written to {tmp_path / 'a.html'} (")


def test_nothing_is_overwritten_unless_told(album, page, command):
    before = page.read_bytes()
    code, out, err = command("report", album, "-o", page)
    assert (code, out) == (2, "")
    assert err == f"imagededup: --output '{page}' exists already; --force replaces it\n"
    assert page.read_bytes() == before
    assert command("report", album, "-o", page, "--force")[0] == 0
    assert page.read_bytes() == before


def test_an_earlier_page_in_the_folder_is_none_of_its_files(photos, command):
    for _ in range(2):
        code, out, _ = command("report", photos, "-m", "dhash", "-o", photos / "a.html", "--force")
        assert (code, out.splitlines()[1]) == (0, "1 file could not be read")
    assert "a.html" not in (photos / "a.html").read_text(encoding="utf-8")


def test_hashes_have_no_outliers(photos, tmp_path, command):
    path = tmp_path / "report.html"
    assert command("report", photos, "-m", "phash", "-o", path)[0] == 0
    assert not {"Outliers", "Near duplicates"} & set(headings(path))
    assert shown(path)[0] == [
        ["beach.png", "beach_copy.png", "beach_small.jpg"],
        ["city.png", "city_blurred.png"],
    ]


def test_another_collection(photos, tmp_path, command):
    (tmp_path / "train").mkdir()
    photograph(0, (160, 120)).save(tmp_path / "train" / "sea.png")
    path = tmp_path / "leakage.html"
    code, out, _ = command(
        "report", photos, "--against", tmp_path / "train", "-m", "phash", "-o", path
    )
    assert code == 0
    assert out.startswith("6 images, 3 of them with a duplicate among the other 1 image (3 pairs)")
    data = content(path)
    assert shown(path)[0] == [
        [name, "sea.png"] for name in ("beach.png", "beach_copy.png", "beach_small.jpg")
    ]
    stays = {row[0]: row[-1] for row in data["pictures"]}
    assert (stays["sea.png"], stays["beach.png"]) == (1, 0)


@pytest.mark.parametrize("count", [1, 3])
def test_no_duplicates(count, tmp_path, command):
    (tmp_path / "photos").mkdir()
    for number in range(count):
        textured(number).save(tmp_path / "photos" / f"{number}.png")
    code, out, _ = command("report", tmp_path / "photos", "-o", tmp_path / "a.html")
    assert code == 0
    assert "0 groups of duplicates (0 pairs), 0 can be removed" in out
    assert "Score of pairs" not in headings(tmp_path / "a.html")


def test_only_broken_files(tmp_path, command):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"a")
    code, out, _ = command("report", tmp_path / "photos", "-o", tmp_path / "a.html")
    assert code == 0
    assert out.startswith("0 images, 0 groups of duplicates (0 pairs), 0 can be removed\n1 file")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone", "-o", "a.html"], "FOLDER must be a folder, 'gone' does not exist"),
        (["empty", "-o", "a.html"], "FOLDER must hold at least one file"),
        (["photos", "-o", "a.pdf"], "--output must end in .html or .htm, got 'a.pdf'"),
        (["photos", "-o", "gone/a.html"], "--output must lie in a folder that exists"),
        (["photos", "-o", "a.html", "--most", "0"], "--most must be 1 or more, got 0"),
        (["photos", "-o", "a.html", "--against", "gone"], "--against must be a folder"),
        (["photos", "-o", "a.html", "--full-decode"], "--full-decode is for hashes"),
        (["photos", "-o", "a.html", "-m", "phash", "--candidates", "3"], "--candidates"),
        (["photos", "-o", "a.html", "-t", "99", "-m", "phash"], "--threshold must be"),
        (["photos", "-o", "a.html", "--candidates", "0"], "--candidates must be 1 or more, got 0"),
        (["photos"], "Missing option '--output'"),
    ],
)
def test_wrong_usage(arguments, message, photos, tmp_path, command, monkeypatch):
    """Everything is found before an image is decoded."""
    monkeypatch.setattr(look, "encode_files", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    code, out, err = command("report", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not (tmp_path / "a.html").exists()


def test_measuring_decodes_nothing_again_and_counts_what_has_gone(photos, monkeypatch):
    from imagededup.methods import tasks

    decoded = []
    load = tasks.load_image
    monkeypatch.setattr(
        tasks,
        "load_image",
        lambda path, *rest: (decoded.append(path.name), load(path, *rest))[1],
    )
    encoded, measured = encode_and_measure(PHash(), list_images(photos), 1)
    assert measured.names == encoded.names == sorted(set(decoded) - {"notes.txt"})
    assert len(decoded) == len(set(decoded))
    assert measured.columns["width"].tolist() == [320, 320, 160, 320, 320, 320]
    sizes = [(photos / name).stat().st_size for name in measured.names]
    assert measured.columns["file_size"].tolist() == sizes
    assert [failure.name for failure in measured.failures] == ["notes.txt"]


def test_unusual_images():
    near, far = np.eye(12)[:1], np.eye(12)[-1:]
    codes = np.concatenate([near + 0.8 * np.eye(12)[1:10], far + 0.1 * near]).astype(np.float32)
    codes /= np.linalg.norm(codes, axis=1, keepdims=True)
    names = [*"abcdefghi", "odd"]
    (unusual,) = unusual_images(EncodedImages(names, codes), 1)
    assert (unusual.name, unusual.nearest) == ("odd", "a")
    assert unusual.similarity == pytest.approx(codes[9] @ codes[0])
    assert unusual_images(EncodedImages(names[:9], codes[:9]), 1) == []
    assert unusual_images(EncodedImages(names[3:], codes[3:]), 1) == []  # too few to tell


def test_bars():
    hashes = {"a": "0" * 16, "b": "0" * 16, "c": "0" * 15 + "7", "d": "0" * 15 + "1"}
    section = score_bars(PHash().search(encoding_map=hashes))
    assert (section.title, section.bars) == (
        "Distance of pairs",
        [("0", 1), ("1", 2), ("2", 1), ("3", 2)],
    )
    codes = {"a": np.array([1.0, 0]), "b": np.array([1.0, 0]), "c": np.array([0.95, 0.3122499])}
    section = score_bars(CNN().search(encoding_map=codes))
    assert section.bars == [
        ("0.95 to 0.96", 2),
        ("0.96 to 0.97", 0),
        ("0.97 to 0.98", 0),
        ("0.98 to 0.99", 0),
        ("0.99 to 1", 1),
    ]
    del codes["c"]
    assert score_bars(CNN().search(encoding_map=codes)).bars == [("0.99 to 1", 1)]
    columns = {
        "width": np.array([100, 2000, 2048]),
        "height": np.array([90, 3000, 9]),
        "file_size": np.array([10_000, 10_001, 99_999_999]),
    }
    sides, sizes = size_bars(columns)
    assert sides.bars == [
        ("up to 128", 1),
        ("up to 256", 0),
        ("up to 512", 0),
        ("up to 1,024", 0),
        ("up to 2,048", 1),
        ("up to 4,096", 1),
    ]
    assert (sizes.bars[0], sizes.bars[1]) == (("up to 10 kB", 1), ("up to 30 kB", 1))
    assert sizes.bars[-1] == ("more than 10 MB", 1)
