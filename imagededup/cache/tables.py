"""Reading and writing the tables of a cache."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.rows import as_row, from_row
from imagededup.cache.stamps import Stamp

__all__ = ["CodePlace", "add_codes", "begin_run", "find_codes", "mark_used", "transaction"]

CodePlace = tuple[int, int, bytes]
"""Number of the method, number of the folder, and name."""


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[None]:
    """Do all or nothing of what the block does.

    Args:
        connection: To a cache.
        kind: 'IMMEDIATE' to write, 'DEFERRED' to read.
    """
    connection.execute(f"BEGIN {kind}")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite has not rolled it back itself
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def begin_run(connection: sqlite3.Connection) -> int:
    """The number of a new run, above those of all before; clocks may go back."""
    with transaction(connection, "IMMEDIATE"):
        connection.execute("UPDATE runs SET last = last + 1")
        (run,) = connection.execute("SELECT last FROM runs").fetchone()
    return int(run)


def find_codes(
    connection: sqlite3.Connection, method: CachedMethod, stamps: Sequence[Stamp | None]
) -> Iterator[tuple[CachedCode, CodePlace, int] | None]:
    """The codes of images whose files have not changed, where they stand, and when last used.

    Raises:
        DamagedCacheError: An entry is not what was written.
    """
    key = method.key()
    number = _method_number(connection, method)
    folders: dict[bytes, int | None] = {}
    for stamp in stamps:
        if stamp is None or number is None:
            yield None
            continue
        if stamp.folder not in folders:
            folders[stamp.folder] = _folder_number(connection, stamp.folder)
        place = (number, folders[stamp.folder] or 0, stamp.name)
        row = connection.execute(
            "SELECT used, state, plain, checksum, code FROM codes "
            "WHERE method = ? AND folder = ? AND name = ?",
            place,
        ).fetchone()
        cached = None if row is None else from_row(key, stamp, row[1:])
        yield None if cached is None else (cached, place, row[0])


def add_codes(
    connection: sqlite3.Connection,
    method: CachedMethod,
    entries: Iterable[tuple[Stamp, CachedCode]],
    run: int,
) -> None:
    """Add codes, in place of those of earlier states of the files."""
    key = method.key()
    connection.execute(
        "INSERT OR IGNORE INTO methods (fingerprint, name) VALUES (?, ?)",
        (key, method.name.encode()),
    )
    number = _method_number(connection, method)
    folders: dict[bytes, int | None] = {}

    def rows() -> Iterator[tuple[object, ...]]:
        for stamp, cached in entries:
            if stamp.folder not in folders:
                add = "INSERT OR IGNORE INTO folders (path) VALUES (?)"
                connection.execute(add, (stamp.folder,))
                folders[stamp.folder] = _folder_number(connection, stamp.folder)
            yield number, folders[stamp.folder], run, *as_row(key, stamp, cached)

    connection.executemany(
        "INSERT OR REPLACE INTO codes (method, folder, used, name, state, plain, checksum, code) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows(),
    )


def mark_used(connection: sqlite3.Connection, places: Iterable[CodePlace], run: int) -> None:
    """Note that a run has used codes."""
    connection.executemany(
        "UPDATE codes SET used = ? WHERE method = ? AND folder = ? AND name = ?",
        ((run, *place) for place in places),
    )


def _method_number(connection: sqlite3.Connection, method: CachedMethod) -> int | None:
    query = "SELECT id FROM methods WHERE fingerprint = ?"
    return _first(connection.execute(query, (method.key(),)).fetchone())


def _folder_number(connection: sqlite3.Connection, path: bytes) -> int | None:
    query = "SELECT id FROM folders WHERE path = ?"
    return _first(connection.execute(query, (path,)).fetchone())


def _first(row: tuple[int] | None) -> int | None:
    return None if row is None else row[0]
