"""Pages to look at before acting: what stands in the file, whatever the pictures and names."""

import base64
import hashlib
import json
import os
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.pages import (
    BarSection,
    FactSection,
    GroupSection,
    NamedPicture,
    PagePicture,
    PairSection,
    PictureGroup,
    PictureLink,
    PicturePair,
    PictureSection,
    TableSection,
    render,
    write_page,
)
from imagededup.pages.gathered import Gathered
from imagededup.pages.looks import Look, picture_size_for
from imagededup.pages.split import sheets
from imagededup.sources.file_states import FileState
from tests.conftest import photograph


def content(path):
    """The data of a page."""
    text = re.search(r'id="content">(.*?)</script>', path.read_text(encoding="utf-8"), re.S)[1]
    return json.loads(text)


def thumbnails(path):
    """The small copies of a page."""
    chunks = re.findall(r'class="thumbnails">(.*?)</script>', path.read_text(encoding="utf-8"))
    return [
        Image.open(BytesIO(base64.b64decode(data)))
        for chunk in chunks
        for data in json.loads(chunk)
    ]


@pytest.fixture
def folder(tmp_path):
    """Pictures a to e of which b is a as another file, and two files that are none."""
    for number, name in enumerate("acde"):
        photograph(number, (320, 240)).save(tmp_path / f"{name}.png")
    photograph(0, (320, 240)).save(tmp_path / "b.png", compress_level=1)
    (tmp_path / "empty.png").touch()
    return tmp_path


def picture(folder, name):
    return PagePicture(f"{name}.png", folder)


def test_every_kind_of_section_and_every_picture_once(folder):
    a, b, c = (picture(folder, name) for name in "abc")
    written = write_page(
        folder / "page.html",
        "All <kinds>",
        [
            FactSection("Facts", [("27", "images")]),
            PairSection("Pairs", [PicturePair(a, b, 0.5, "copy"), PicturePair(a, c, 1)]),
            GroupSection("Groups", [PictureGroup([a, b, c], [PictureLink(0, 1, 0.5)], left_out=2)]),
            PictureSection("Pictures", [NamedPicture(c, "mean 3", 3.0)], value_name="mean"),
            BarSection("Bars", [("<small>", 3), ("large", 1)]),
            TableSection("Table", ("file", "reason"), [("\u202ea", "b & c")]),
        ],
    )
    text = written.path.read_text(encoding="utf-8")
    assert written.size == written.path.stat().st_size
    assert (written.pictures, written.unreadable, written.files) == (3, 0, (written.path,))
    for words in (
        "All &lt;kinds&gt;",
        "&lt;small&gt;",
        r"\u202ea",
        "b &amp; c",
        'width="33.33%"',
    ):
        assert words in text
    data = content(written.path)
    assert [section["kind"] for section in data["sections"]] == [
        *("still", "pairs", "groups", "pictures", "still", "still")
    ]
    assert data["sections"][1]["items"][0] == [0, 1, 0.5, "copy", "", "either", 0, 0]
    assert data["sections"][2]["items"][0][:2] == [[0, 1, 2], [[0, 1, 0.5, "", "either"]]]
    assert [row[0] for row in data["pictures"]] == ["a.png", "b.png", "c.png"]
    assert [row[4:6] for row in data["pictures"]] == [[320, 240]] * 3
    assert [small.size for small in thumbnails(written.path)] == [(320, 240)] * 2  # a and b alike


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"path": 5}, InvalidTypeError),
        ({"path": "page.txt"}, InvalidValueError),
        ({"picture_size": 8}, InvalidValueError),
        ({"picture_size": "large"}, InvalidTypeError),
        ({"max_bytes": 10}, InvalidValueError),
    ],
)
def test_wrong_arguments(arguments, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=next(iter(arguments))):
        write_page(**{"path": "page.html", "title": "", "sections": [], **arguments})
    assert list(tmp_path.iterdir()) == []


HOSTILE = [
    "</script><script>alert(1)</script>.png",
    "<!--<script>.png",
    "'\"><img src=x onerror=alert(1)>.png",
    "two\nlines\u2028.png",
    "\u202egnp.exe",
    "{{ title }}{% raw %}.png",
    b"latin-1 \xe9.png".decode("utf-8", "surrogateescape"),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_data(tmp_path, name):
    one = PagePicture(name, tmp_path)
    sections = [
        PairSection(name, [PicturePair(one, one, 1, name, name)], name, name),
        GroupSection(name, [PictureGroup([one], title=name, notes=[name])]),
        PictureSection(name, [NamedPicture(one, name)]),
        BarSection(name, [(name, 1)]),
        TableSection(name, (name,), [(name,)]),
        FactSection(name, [(name, name)]),
    ]
    path = write_page(tmp_path / "page.html", name, sections, text=name).path
    text = path.read_bytes().decode("utf-8")  # valid, whatever the name
    assert content(path)["pictures"][0][0] == name
    assert len(re.findall("<script", text)) == 2  # the data and the page's own
    assert len(re.findall("<img", text)) == 0
    assert "\u202e" not in text
    assert "\u2028" not in text


def test_an_own_policy_forbids_everything_but_itself(folder):
    path = write_page(folder / "page.html", "", []).path
    text = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        source = re.search(f"<{tag}>(.*?)</{tag}>", text, re.S)[1]
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert not re.search(r"https?://", text)


def test_the_same_bytes_for_any_number_of_workers(folder):
    pictures = [picture(folder, name) for name in ("a", "b", "c", "d", "e", "empty", "missing")]
    sections = [PictureSection("All", [NamedPicture(one) for one in pictures])]
    texts = {
        write_page(folder / "page.html", "", sections, workers=workers).path.read_bytes()
        for workers in (1, 2, 7)
    }
    assert len(texts) == 1


def test_what_cannot_be_read_has_a_reason(folder, tmp_path):
    (folder / "link.png").symlink_to("nowhere")
    pictures = [
        *(picture(folder, name) for name in ("empty", "missing", "link")),
        PagePicture("sub", tmp_path.parent),
        PagePicture("code.png"),
        PagePicture("null\0.png", folder),
    ]
    sections = [PictureSection("All", [NamedPicture(one) for one in pictures])]
    written = write_page(folder / "page.html", "", sections)
    rows = content(written.path)["pictures"]
    assert [row[10] for row in rows] == [
        *("empty file", "no such file", "broken symbolic link", "no such file"),
        *("no file is known", "embedded null byte"),
    ]
    assert [row[6] for row in rows] == [0, -1, -1, -1, -1, -1]
    assert {row[11] for row in rows} == {-1}
    assert (written.pictures, written.unreadable) == (6, 6)


def test_sizes_are_upright_and_dates_are_those_of_file_and_camera(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2019:05:03 14:22:10"
    photograph(1, (320, 240)).save(folder / "turned.jpg", exif=exif)
    os.utime(folder / "turned.jpg", (1_600_000_000, 1_600_000_000))
    one = PagePicture("turned.jpg", folder)
    path = write_page(
        folder / "page.html", "", [PictureSection("", [NamedPicture(one)])], picture_size=64
    ).path
    (row,) = content(path)["pictures"]
    assert row[4:6] == [240, 320]
    assert row[7:9] == [1_600_000_000_000, "2019-05-03 14:22"]
    (small,) = thumbnails(path)
    assert small.size == (48, 64)
    upright = photograph(1, (320, 240)).rotate(-90, expand=True).resize((48, 64))
    difference = np.abs(np.asarray(small.convert("RGB"), int) - np.asarray(upright, int))
    assert difference.mean() < 15


def test_the_state_is_what_a_removal_checks(folder):
    (folder / "link.png").symlink_to("a.png")
    pictures = [picture(folder, "a"), picture(folder, "link")]
    sections = [PictureSection("", [NamedPicture(one) for one in pictures])]
    rows = content(write_page(folder / "page.html", "", sections).path)["pictures"]
    own, link = (FileState.of((folder / f"{name}.png").lstat()) for name in ("a", "link"))
    assert rows[0][9] == ":".join(map(str, own))
    assert rows[1][9] == ":".join(map(str, link)) + "/" + ":".join(map(str, own))


@pytest.mark.parametrize(("count", "size"), [(1, 640), (250, 640), (251, 448), (20_000, 176)])
def test_many_pictures_are_small(count, size):
    assert picture_size_for(count) == size


def test_pages_are_cut_between_items(folder, monkeypatch):
    """Each picture weighs a tenth of a file."""
    pictures = [PagePicture(f"{number}.png", folder) for number in range(12)]
    looks = [Look(size=1) for _ in pictures]
    everything = Gathered(pictures, looks, range(12), range(0, 13 * 75_000, 75_000), BytesIO())
    groups = [PictureGroup(pictures[:6]), PictureGroup(pictures[3:9]), PictureGroup(pictures)]
    section = GroupSection("Groups", groups)
    places = [tuple(int(one.name[:-4]) for one in group.pictures) for group in groups]
    found = list(sheets([FactSection("Facts", []), section], [[], places], everything, 1_120_000))
    assert [[part.section.title for part in sheet] for sheet in found] == [
        ["Facts", "Groups"],
        ["Groups (continued)"],
    ]
    assert [[len(part.places) for part in sheet] for sheet in found] == [[0, 2], [1]]
    assert found[1][0].section.groups == [groups[2]]  # larger than a file, and not cut


def test_a_page_that_cannot_be_written_leaves_nothing(folder):
    target = folder / "page.html"
    target.write_text("before")
    (folder / "page_pages").write_text("in the way")
    for number in range(40):
        noise = np.random.default_rng(number).integers(0, 256, (300, 300, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"noise{number}.png", compress_level=0)
    sections = [
        PictureSection("", [NamedPicture(picture(folder, f"noise{n}")) for n in range(40)]),
    ]
    with pytest.raises(FileOperationError, match="cannot write"):
        write_page(target, "", sections, max_bytes=1_000_000)
    assert target.read_text() == "before"
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_what_is_said_of_a_written_page(folder):
    pictures = [NamedPicture(picture(folder, name)) for name in ("a", "empty")]
    sections = [PictureSection("", pictures)]
    written = write_page(folder / "page.html", "", sections)
    assert re.fullmatch(
        r".*/page.html \(\d+\.\d kB, 2 pictures, 1 of them unreadable\)", str(written)
    )
    size = re.search(r"all inside this file of ([\d.]+) kB", written.path.read_text())[1]
    assert float(size) == pytest.approx(written.size / 1000, abs=0.1)
    shown = written._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in shown
    assert "<script" not in shown  # the page is an attribute, escaped
    written.path.unlink()
    assert "<iframe" not in written._repr_html_()


def test_the_wheel_has_the_templates():
    """Plain files beside the code; the build takes whole folders."""
    folder = Path(render.__file__).parent / "templates"
    assert {path.name for path in folder.iterdir()} == {"page.html", "page.css", *render._SCRIPTS}


def test_a_picture_is_one_by_whatever_way_to_its_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    ways = [folder, Path(folder.name), Path(folder.name) / ".." / folder.name]
    pictures = [NamedPicture(PagePicture("a.png", way, stays=way != folder)) for way in ways]
    written = write_page(folder / "page.html", "", [PictureSection("", pictures)])
    assert written.pictures == 1
    assert content(written.path)["pictures"][0][-1] == 1  # nobody can mark it
    assert content(written.path)["folders"] == [str(folder)]
