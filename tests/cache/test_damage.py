"""A damaged cache is put aside with a warning, and never gives a wrong result."""

import os
import random
import sqlite3
from contextlib import closing

import pytest

from imagededup.cache.codes import CodeCache
from imagededup.cache.database import current_file, open_database
from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.stamps import Stamp
from imagededup.methods import PHash
from tests.cache.conftest import decoded_names

METHOD = CachedMethod("test", "fingerprint")
STAMPS = [Stamp(b"/folder", b"%05d" % number, b"state" * 8, True) for number in range(400)]
CODES = [CachedCode(b"%08d" % number, b"") for number in range(400)]


@pytest.fixture
def filled(tmp_path):
    """The folder of a cache that holds 400 codes."""
    folder = tmp_path / "cache"
    with CodeCache(folder, 10**9) as cache:
        cache.add(METHOD, zip(STAMPS, CODES, strict=True))
    return folder


def look_up(folder):
    with CodeCache(folder, 10**9) as cache:
        return cache.find(METHOD, STAMPS)


def sql(folder, *statements):
    with closing(sqlite3.connect(current_file(folder))) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_added_is_found(filled):
    assert look_up(filled) == CODES
    with CodeCache(filled, 10**9) as cache:
        changed = STAMPS[0]._replace(state=b"another")
        elsewhere = STAMPS[0]._replace(folder=b"/elsewhere")
        assert cache.find(METHOD, [changed, elsewhere, None, STAMPS[1]]) == [
            None, None, None, CODES[1],
        ]  # fmt: skip
        assert cache.find(CachedMethod("test", "other"), STAMPS[:2]) == [None, None]
    assert names(filled) == ["codes-1.1.sqlite"]


DAMAGES = {
    "a code": "UPDATE codes SET code = x'00' WHERE name = '00007'",
    "a flipped bit": "UPDATE codes SET code = CAST('10000007' AS BLOB) WHERE name = x'3030303037'",
    "a digest": "UPDATE codes SET plain = x'00' WHERE name = x'3030303037'",
    "a state": "UPDATE codes SET state = x'00' WHERE name = x'3030303037'",
    "text": "UPDATE codes SET code = '00000007' WHERE name = x'3030303037'",
    "a number": "UPDATE codes SET checksum = 7 WHERE name = x'3030303037'",
    "two names": "UPDATE codes SET name = CASE name WHEN x'3030303037' THEN x'3030303038' ELSE "
    "x'3030303039' END WHERE name IN (x'3030303037')",
    "folders": "UPDATE folders SET path = CAST('/elsewhere' AS BLOB)",
    "methods": "UPDATE methods SET fingerprint = x'00112233445566778899aabbccddeeff'",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_entries_that_were_not_written_so(filled, damage, caplog):
    with closing(sqlite3.connect(current_file(filled))) as connection:
        connection.execute("DELETE FROM codes WHERE name = x'3030303038'")  # room for a name
        connection.execute(DAMAGES[damage])
        connection.commit()
    found = look_up(filled)
    assert all(code in (None, expected) for code, expected in zip(found, CODES, strict=True))
    assert found[7] is None or damage == "a code"
    if "is damaged" in caplog.text:
        assert "an entry does not match its checksum" in caplog.text
        assert names(filled) == ["codes-1.1.sqlite.damaged", "codes-1.2.sqlite"]
        assert found == [None] * 400


def test_of_which_are_put_aside(filled, caplog):
    for damage in ("a flipped bit", "a digest", "a state", "text", "a number", "two names"):
        caplog.clear()
        with CodeCache(filled, 10**9) as cache:
            cache.add(METHOD, zip(STAMPS, CODES, strict=True))
        sql(filled, "DELETE FROM codes WHERE name = x'3030303038'", DAMAGES[damage])
        look_up(filled)
        assert caplog.text.count("is damaged (an entry does not match its checksum)") == 1


@pytest.mark.parametrize("seed", range(12))
def test_random_bytes(filled, seed, caplog):
    generator = random.Random(seed)
    file = current_file(filled)
    data = bytearray(file.read_bytes())
    for _ in range(generator.choice([1, 30, 1000])):
        data[generator.randrange(len(data))] = generator.randrange(256)
    file.write_bytes(data)
    found = look_up(filled)
    assert all(code in (None, expected) for code, expected in zip(found, CODES, strict=True))
    with CodeCache(filled, 10**9) as cache:
        cache.add(METHOD, zip(STAMPS, CODES, strict=True))
    found = look_up(filled)
    assert all(code in (None, expected) for code, expected in zip(found, CODES, strict=True))


@pytest.mark.parametrize("length", [19, 50, 100, 4096, 5000, 20_000])
def test_a_file_that_was_cut(filled, length, caplog):
    file = current_file(filled)
    file.write_bytes(file.read_bytes()[:length])
    assert look_up(filled) == [None] * 400
    assert caplog.text.count("is damaged") == 1
    assert "codes-1.1.sqlite.damaged" in names(filled)
    with CodeCache(filled, 10**9) as cache:
        cache.add(METHOD, zip(STAMPS, CODES, strict=True))
    assert look_up(filled) == CODES


@pytest.mark.parametrize("place", [3, 18, 19, 21, 47, 71])
def test_a_wrong_byte_in_the_header(filled, place, caplog):
    file = current_file(filled)
    data = bytearray(file.read_bytes())
    data[place] = 99
    file.write_bytes(data)
    assert look_up(filled) == [None] * 400
    assert caplog.text.count("is damaged") == 1


def test_an_empty_file_becomes_a_cache(filled, caplog):
    current_file(filled).write_bytes(b"")
    assert look_up(filled) == [None] * 400
    assert caplog.text == ""


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE films (name)"],
        ["DROP TABLE codes"],
        ["DROP TABLE runs", "CREATE TABLE runs (last INTEGER NOT NULL, first)"],
        ["PRAGMA application_id = 7"],
    ],
)
def test_a_file_of_something_else(filled, statements, caplog):
    sql(filled, *statements)
    assert look_up(filled) == [None] * 400
    assert "is damaged (it is a file of another program) and was put aside" in caplog.text


def test_a_second_one_takes_the_place_of_the_first_that_was_put_aside(filled):
    for number in (1, 2, 3):
        current_file(filled).write_bytes(b"x" * 10_000)
        look_up(filled)
        aside = f"codes-1.{number}.sqlite.damaged"
        assert names(filled) == [aside, f"codes-1.{number + 1}.sqlite"]


def test_damage_that_is_met_in_the_middle_of_a_run(pictures, tmp_path, monkeypatch, caplog):
    folder = tmp_path / "cache"
    encoder = PHash(False, cache_dir=folder)
    plain = encoder.encode_images(pictures)
    sql(folder, "UPDATE codes SET code = zeroblob(8) WHERE name = CAST('b.jpg' AS BLOB)")
    assert encoder.encode_images(pictures) == plain
    assert caplog.text.count("is damaged") == 1
    with decoded_names(monkeypatch) as decoded:  # the new one has all that the run encoded
        assert encoder.encode_images(pictures) == plain
    assert set(decoded) == {"broken.jpg"}


def test_who_still_has_the_damaged_file_open_does_no_harm(filled):
    """SQLite deletes the journal of a name when the last who has the file open closes it."""
    file = current_file(filled)
    early = open_database(file)
    early.execute("SELECT * FROM runs").fetchall()
    data = bytearray(file.read_bytes())
    data[100:4096] = b"x" * 3996
    file.write_bytes(data)
    assert look_up(filled) == [None] * 400
    with CodeCache(filled, 10**9) as cache:
        cache.add(METHOD, zip(STAMPS, CODES, strict=True))
        cache._commit()
        journal = filled / "codes-1.2.sqlite-wal"
        assert journal.stat().st_size > 0
        early.close()
        assert journal.exists()
    assert look_up(filled) == CODES


def test_a_new_cache_is_not_put_aside_for_the_damage_of_the_old_one(filled, caplog):
    with CodeCache(filled, 10**9) as first, CodeCache(filled, 10**9) as second:
        sql(filled, DAMAGES["a flipped bit"])
        assert first.find(METHOD, STAMPS) == [None] * 400
        first.add(METHOD, zip(STAMPS, CODES, strict=True))
        first._commit()
        assert second.find(METHOD, STAMPS) == [None] * 400
        assert second.find(METHOD, STAMPS) == CODES  # what the first has added to the new one
    assert caplog.text.count("is damaged") == 2
    assert names(filled) == ["codes-1.1.sqlite.damaged", "codes-1.2.sqlite"]


@pytest.mark.skipif(os.name == "nt", reason="modes of files")
def test_nobody_else_reads_the_names_of_files(tmp_path):
    with CodeCache(tmp_path / "a" / "cache", 10**9) as cache:
        cache.add(METHOD, zip(STAMPS, CODES, strict=True))
        cache._commit()
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "a" / "cache").iterdir()}
    assert modes == {0o600}
    assert (tmp_path / "a" / "cache").stat().st_mode & 0o777 == 0o700
