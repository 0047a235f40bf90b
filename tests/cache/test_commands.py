"""The cache of the command: --cache, --no-cache, cache info and cache clear."""

import json
from pathlib import Path

import pytest

from imagededup.cache.contents import cache_contents
from tests.cache.conftest import decoded_names, let_settle


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGEDEDUP_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def album(photos):
    let_settle(photos)
    return photos


NAMES = ["beach.png", "beach_copy.png", "beach_small.jpg", "city.png", "city_blurred.png"]
TRUTH = {"forest.png": []} | {
    name: [other for other in NAMES if other != name and other[:4] == name[:4]] for name in NAMES
}
COMMANDS = {
    "find": ("find", "{album}"),
    "against": ("find", "{album}", "--against", "{album}/../others", "--method", "dhash"),
    "remove": ("remove", "{album}"),
    "encode": ("encode", "{album}", "-o", "{work}/codes.json"),
    "sweep": ("sweep", "{album}", "{work}/truth.json", "-m", "phash,ahash"),
    "report": ("report", "{album}", "--method", "phash", "-o", "{work}/page.html", "--force"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_keeps_codes_and_takes_them(
    command, album, place, tmp_path, monkeypatch, name
):
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    others = album.parent / "others"
    others.mkdir()
    (others / "beach.png").write_bytes((album / "beach.png").read_bytes())
    let_settle(others)
    arguments = [part.format(album=album, work=tmp_path) for part in COMMANDS[name]]
    expected = command(*arguments, "--no-cache")
    assert expected[0] == 0, expected[2]
    assert not place.exists()
    with decoded_names(monkeypatch) as cold:
        assert command(*arguments) == expected
    with decoded_names(monkeypatch) as warm:
        assert command(*arguments, "--cache") == expected
    assert {"beach.png", "city.png"} <= set(cold)
    assert set(warm) <= {"notes.txt"}
    with decoded_names(monkeypatch) as without:
        assert command(*arguments, "--no-cache") == expected
    assert sorted(without) == sorted(cold)


def test_info_and_clear(command, album, place):
    nothing = f"Folder: {place}\nSize: 0 bytes of 2.0 GB\n"
    assert command("cache", "info") == (0, nothing, "")
    assert command("cache", "clear") == (0, "The cache is empty, 0 bytes were freed\n", "")
    assert not place.exists()
    command("find", album)
    command("find", album, "--method", "ahash")
    command("find", album, "--full-decode")
    code, out, err = command("cache", "info")
    size = cache_contents(place).size
    lines = [f"Folder: {place}", f"Size: {size / 1000:.1f} kB of 2.0 GB", "AHash: 6 images"]
    assert (code, out.splitlines(), err) == (0, [*lines, "PHash: 12 images"], "")
    assert command("cache", "clear")[0] == 0
    assert cache_contents(place).images == {}
    assert cache_contents(place).size <= size


def test_what_was_put_aside(command, album, place):
    command("find", album)
    (place / "codes-1.1.sqlite").write_bytes(b"x" * 50_000)
    code, out, err = command("find", album)
    assert (code, "3 images" in out, err.count("is damaged")) == (0, True, 1)
    assert "Damaged and put aside: codes-1.1.sqlite.damaged, 50.0 kB" in command("cache", "info")[1]
    assert command("cache", "clear")[1].startswith("The cache is empty, 5")
    assert [path.name for path in place.iterdir()] == ["codes-1.2.sqlite"]


def test_a_damaged_cache_can_be_cleared(command, album, place):
    command("find", album)
    (place / "codes-1.1.sqlite").write_bytes(b"x" * 50_000)
    code, _, err = command("cache", "info")
    assert (code, "cannot be read: its header is wrong" in err) == (1, True)
    assert command("cache", "clear") == (0, "The cache is empty, 50.0 kB were freed\n", "")
    assert list(place.iterdir()) == []


def test_a_place_that_is_a_file(command, album, place):
    place.write_text("")
    code, out, err = command("find", album, "--against", album.parent / "photos")
    assert err.count("the cache") <= 1
    code, out, err = command("find", album)
    assert (code, "duplicates" in out) == (0, True)
    for action in ("info", "clear"):
        code, out, err = command("cache", action)
        assert (code, out) == (1, "")
        assert err.startswith("imagededup: ")
        assert str(place) in err


def test_no_home(command, album, monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("IMAGEDEDUP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", home)
    code, out, err = command("find", album)
    assert (code, "duplicates" in out, err.count("there is no cache")) == (0, True, 1)
    assert command("cache", "info")[0] == 1


def test_a_limit_that_is_none(command, album, monkeypatch, place):
    monkeypatch.setenv("IMAGEDEDUP_CACHE_LIMIT", "much")
    code, _, err = command("find", album)
    assert (code, "IMAGEDEDUP_CACHE_LIMIT: a size is a number of bytes" in err) == (2, True)
    assert command("find", album, "--no-cache")[0] == 0
