"""Where the cache of the command lies, and how large it may become."""

import sys
from pathlib import Path

import pytest

from imagededup.cache.place import size_limit, user_cache_folder
from imagededup.errors import InvalidValueError


@pytest.mark.parametrize(
    ("platform", "environment", "place"),
    [
        ("linux", {}, "home/.cache/imagededup"),
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/imagededup"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/imagededup"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "home/Library/Caches/imagededup"),
        ("win32", {}, "home/AppData/Local/imagededup/Cache"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/imagededup/Cache"),
        ("linux", {"IMAGEDEDUP_CACHE_DIR": "/c", "XDG_CACHE_HOME": "/x"}, "/c"),
        ("linux", {"IMAGEDEDUP_CACHE_DIR": ""}, "home/.cache/imagededup"),
    ],
)
def test_place(monkeypatch, platform, environment, place):
    for name in ("IMAGEDEDUP_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert user_cache_folder() == Path(place)


@pytest.mark.parametrize(
    ("said", "limit"), [("", 2 * 10**9), ("20G", 20 * 10**9), ("1GiB", 2**30), ("100000", 100_000)]
)
def test_limit(monkeypatch, said, limit):
    monkeypatch.setenv("IMAGEDEDUP_CACHE_LIMIT", said)
    assert size_limit() == limit


@pytest.mark.parametrize("said", ["much", "-1", "0", "99999", "2 X"])
def test_no_limit(monkeypatch, said):
    monkeypatch.setenv("IMAGEDEDUP_CACHE_LIMIT", said)
    with pytest.raises(InvalidValueError, match="IMAGEDEDUP_CACHE_LIMIT"):
        size_limit()
