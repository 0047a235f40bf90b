"""Keeping a cache below its limit: what was not used for longest goes first."""

import sqlite3
from dataclasses import dataclass

from imagededup.cache.tables import transaction

__all__ = ["make_room", "used_bytes"]

_SHARE_KEPT = 0.8
_MOST_ROWS = 10_000
_LEAST_ROWS = 100
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
    surplus = _Surplus(connection, int(limit * _SHARE_KEPT))
    for last in surplus.runs_to_remove(run):
        surplus.remove_until(last)
    with transaction(connection, "IMMEDIATE"):
        for table, number in (("folders", "folder"), ("methods", "method")):
            connection.execute(
                f"DELETE FROM {table} WHERE id NOT IN (SELECT DISTINCT {number} FROM codes)"
            )
    connection.executescript("PRAGMA incremental_vacuum")


@dataclass(frozen=True, slots=True)
class _Surplus:
    """What a cache has too much.

    Attributes:
        connection: To the cache.
        kept: Bytes that may stay.
    """

    connection: sqlite3.Connection
    kept: int

    def bytes(self) -> int:
        """How much it is."""
        return used_bytes(self.connection) - self.kept

    def runs_to_remove(self, run: int) -> list[int]:
        """Up to which runs codes go: up to the first all of them, up to the second some."""
        found = self.connection.execute(
            "SELECT used, SUM(LENGTH(name) + LENGTH(code) + ?) FROM codes WHERE used < ? "
            "GROUP BY used ORDER BY used",
            (_ROW_BYTES, run),
        ).fetchall()
        left = self.bytes()
        for used, size in found:
            left -= size
            if left <= 0:
                return [used - 1, used]
        return [run - 1] if found else []

    def remove_until(self, last: int) -> None:
        """Remove codes that no run after this one used, folder by folder, in short transactions."""
        (rows,) = self.connection.execute("SELECT COUNT(*) FROM codes").fetchone()
        row_bytes = used_bytes(self.connection) / max(1, rows)
        shelves = self.connection.execute("SELECT DISTINCT method, folder FROM codes").fetchall()
        for shelf in shelves:
            removed = wanted = _LEAST_ROWS
            while removed == wanted and self.bytes() > 0:
                wanted = min(_MOST_ROWS, max(_LEAST_ROWS, int(self.bytes() / row_bytes)))
                removed = self._remove(shelf, last, wanted)

    def _remove(self, shelf: tuple[int, int], last: int, count: int) -> int:
        with transaction(self.connection, "IMMEDIATE"):
            return self.connection.execute(
                "DELETE FROM codes WHERE method = ? AND folder = ? AND name IN ("
                "SELECT name FROM codes WHERE method = ? AND folder = ? AND used <= ? LIMIT ?)",
                (*shelf, *shelf, last, count),
            ).rowcount
