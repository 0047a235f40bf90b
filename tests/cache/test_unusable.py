"""Where a cache cannot be opened or written, one warning says so, and the work is done."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from imagededup.cache import database
from imagededup.cache.database import current_file
from imagededup.methods import PHash

CHECKOUT = Path(__file__).resolve().parents[2]


def check(pictures, cache, caplog, reason, runs=1):
    """Encode with a cache that fails: the result is that without one, with one warning."""
    plain = PHash(False).encode_images(pictures)
    caplog.clear()
    for _ in range(runs):
        assert PHash(False, cache_dir=cache).encode_images(pictures) == plain
    said = [one.getMessage() for one in caplog.records if "the cache in" in one.getMessage()]
    assert len(said) == 1
    assert "cannot be used" in said[0]
    assert reason in said[0]
    assert "images are encoded without it" in said[0]


def test_a_file_is_in_its_place(pictures, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file")
    check(pictures, tmp_path / "cache", caplog, "Not a directory", runs=3)
    check(pictures, tmp_path / "cache" / "below", caplog, "Not a directory")
    assert (tmp_path / "cache").read_text() == "a file"


def test_a_folder_is_in_the_place_of_its_file(pictures, tmp_path, caplog):
    (tmp_path / "cache" / "codes-1.1.sqlite").mkdir(parents=True)
    check(pictures, tmp_path / "cache", caplog, "")


def test_a_folder_that_cannot_be_made(pictures, caplog):
    check(pictures, Path("/proc/cache"), caplog, "/proc/cache")


def test_another_process_holds_it(pictures, tmp_path, caplog, monkeypatch):
    cache = tmp_path / "cache"
    PHash(False, cache_dir=cache).encode_images(pictures)
    monkeypatch.setattr(database, "_PATIENCE_SECONDS", 0.05)
    with closing(sqlite3.connect(current_file(cache), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        check(pictures, cache, caplog, "database is locked")
    caplog.clear()
    PHash(False, cache_dir=cache).encode_images(pictures)
    assert "the cache" not in caplog.text


def test_a_file_system_without_shared_memory(pictures, tmp_path, caplog, monkeypatch):
    """SQLite then keeps another kind of journal."""
    connect = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, statement, *rest):
            return super().execute(statement.replace("= WAL", "= DELETE"), *rest)

    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))
    check(pictures, tmp_path / "cache", caplog, "no shared memory")


def test_python_without_sqlite(pictures, tmp_path):
    code = (
        "import sys; sys.modules['_sqlite3'] = None\n"
        "from imagededup.methods import PHash\n"
        "print(len(PHash(False, cache_dir=sys.argv[2]).encode_images(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(pictures), str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, check=True)
    assert done.stdout == "3\n"
    assert done.stderr.count("the cache") == 1


FULL = """
import resource, sys
from imagededup.cache import codes
from imagededup.methods import PHash
plain = PHash(False).encode_images(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
for _ in range(2):
    assert PHash(False, cache_dir=sys.argv[2]).encode_images(sys.argv[1]) == plain
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
assert PHash(False, cache_dir=sys.argv[2]).encode_images(sys.argv[1]) == plain
"""


@pytest.mark.parametrize("room", [0, 40_000, 10**7])
def test_a_disk_that_is_full(pictures, tmp_path, room):
    """Files end after so many bytes, in their middle, as on a full disk."""
    command = [sys.executable, "-c", FULL, pictures, tmp_path / "cache", str(room)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot be used") == (room < 10**7), done.stderr


def test_a_cache_dir_of_a_wrong_type():
    from imagededup.errors import InvalidTypeError

    with pytest.raises(InvalidTypeError, match="cache_dir must be a path or None, got int"):
        PHash(cache_dir=3)


def test_encoders_say_where_their_cache_is():
    assert repr(PHash(cache_dir="a/b")) == "PHash(cache_dir='a/b')"
    assert PHash(cache_dir="~/x").cache_dir == Path("~/x").expanduser()
    assert PHash().cache_dir is None
