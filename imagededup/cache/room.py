"""Keeping a cache below its limit: what was not used for longest goes first."""

import sqlite3

from imagededup.cache.tables import transaction

__all__ = ["make_room", "used_bytes"]

_SHARE_KEPT = 0.8
_ROWS_AT_ONCE = 10_000
_ROW_BYTES = 80  # besides name and code


def used_bytes(connection: sqlite3.Connection) -> int:
    """The bytes of a cache that hold something."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def make_room(connection: sqlite3.Connection, limit: int, run: int) -> None:
    """Remove the codes that were not used for longest, and give their bytes back.

    Args:
        connection: To a cache that is larger than the limit.
        limit: In bytes; four fifths of it are kept.
        run: Which run it is; what it used itself, or a later one, stays.
    """
    kept = int(limit * _SHARE_KEPT)
    for last in _runs_to_remove(connection, used_bytes(connection) - kept, run):
        _remove_until(connection, last, kept)
    with transaction(connection, "IMMEDIATE"):
        connection.execute(
            "DELETE FROM folders WHERE id NOT IN (SELECT DISTINCT folder FROM codes)"
        )
        connection.execute(
            "DELETE FROM methods WHERE id NOT IN (SELECT DISTINCT method FROM codes)"
        )
    connection.execute("PRAGMA incremental_vacuum").fetchall()


def _runs_to_remove(connection: sqlite3.Connection, surplus: int, run: int) -> list[int]:
    """Up to which runs codes have to go: those that go all, and those of which some go."""
    found = connection.execute(
        "SELECT used, SUM(LENGTH(name) + LENGTH(code) + ?) FROM codes WHERE used < ? "
        "GROUP BY used ORDER BY used",
        (_ROW_BYTES, run),
    ).fetchall()
    for used, size in found:
        surplus -= size
        if surplus <= 0:
            return [used - 1, used]
    return [run - 1] if found else []


def _remove_until(connection: sqlite3.Connection, last: int, kept: int) -> None:
    """Remove codes that no run after the last one used, folder by folder, in short transactions."""
    shelves = connection.execute("SELECT DISTINCT method, folder FROM codes").fetchall()
    for shelf in shelves:
        removed = _ROWS_AT_ONCE
        while removed == _ROWS_AT_ONCE and used_bytes(connection) > kept:
            with transaction(connection, "IMMEDIATE"):
                removed = connection.execute(
                    "DELETE FROM codes WHERE method = ? AND folder = ? AND name IN ("
                    "SELECT name FROM codes WHERE method = ? AND folder = ? AND used <= ? LIMIT ?)",
                    (*shelf, *shelf, last, _ROWS_AT_ONCE),
                ).rowcount
