"""Pages to look at before acting: what stands in the file, whatever the pictures and names."""

import base64
import json
import re
from io import BytesIO

import pytest
from PIL import Image

from imagededup.errors import InvalidTypeError, InvalidValueError
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
    write_page,
)
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
