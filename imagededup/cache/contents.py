"""What a cache holds, and clearing it."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from imagededup.cache.database import (
    FAILURES,
    current_file,
    damaged_files,
    is_damage,
    open_database,
    put_aside,
)
from imagededup.cache.tables import transaction
from imagededup.errors import FileOperationError

__all__ = ["CacheContents", "cache_contents", "clear_cache"]


@dataclass(frozen=True, slots=True)
class CacheContents:
    """What a cache holds.

    Attributes:
        size: Bytes of its file.
        images: Number of codes by the name of their method.
        damaged: Damaged files that were put aside.
    """

    size: int
    images: dict[str, int]
    damaged: list[Path]


def cache_contents(folder: Path) -> CacheContents:
    """Look at the cache of a folder; where there is none, it holds nothing.

    Raises:
        FileOperationError: It cannot be read, or is damaged.
    """
    try:
        file = current_file(folder)
        if not file.exists():
            return CacheContents(0, {}, damaged_files(folder))
        with closing(open_database(file)) as connection:
            rows = connection.execute(
                "SELECT CAST(methods.name AS TEXT), COUNT(*) FROM codes "
                "JOIN methods ON method = id GROUP BY methods.name ORDER BY methods.name"
            )
            images = {str(name): int(count) for name, count in rows}
        return CacheContents(file.stat().st_size, images, damaged_files(folder))
    except FAILURES as error:
        raise FileOperationError(f"the cache in {str(folder)!r} cannot be read: {error}") from error


def clear_cache(folder: Path) -> int:
    """Remove all codes, and files that were put aside. A run that uses the cache goes on.

    Returns:
        The bytes that were given back.

    Raises:
        FileOperationError: They cannot be removed.
    """
    try:
        file = current_file(folder)
        before = _size([file, *damaged_files(folder)])
        if file.exists():
            _empty(file)
        for damaged in damaged_files(folder):
            damaged.unlink(missing_ok=True)
        return max(0, before - _size([file]))
    except FAILURES as error:
        reason = getattr(error, "strerror", None) or error
        raise FileOperationError(f"cannot clear the cache in {str(folder)!r}: {reason}") from error


def _empty(file: Path) -> None:
    try:
        with closing(open_database(file)) as connection:
            with transaction(connection, "IMMEDIATE"):
                for table in ("codes", "folders", "methods"):
                    connection.execute(f"DELETE FROM {table}")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except FAILURES as error:
        if not is_damage(error):
            raise
        put_aside(file)


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.exists())
