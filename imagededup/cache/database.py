"""The file of a cache: opening and making it, and putting it aside when it is damaged.

Files are numbered. One that was put aside leaves its number to nobody, because SQLite, in a process
that still has it open, deletes the journal of that name at the end.
"""

import re
import sqlite3
import time
from functools import partial
from pathlib import Path

__all__ = [
    "FAILURES",
    "DamagedCacheError",
    "current_file",
    "damaged_files",
    "is_damage",
    "open_database",
    "put_aside",
]

_FORMAT = 1
"""Add one when the tables change: each format has files of its own."""

_APPLICATION = 0x69646375
_NAME = re.compile(rf"codes-{_FORMAT}\.(\d+)\.sqlite(\.damaged)?")
_JOURNALS = ("-wal", "-shm", "-journal")
_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.02
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLES = (  # numbers are never given twice: what is added under one that has gone is nobody's
    """CREATE TABLE methods (
        id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint BLOB NOT NULL UNIQUE, name BLOB NOT NULL
    )""",
    """CREATE TABLE folders (
        id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE
    )""",
    """CREATE TABLE codes (
        method INTEGER NOT NULL, folder INTEGER NOT NULL, name BLOB NOT NULL, used INTEGER NOT NULL,
        state BLOB NOT NULL, plain BLOB NOT NULL, checksum BLOB NOT NULL, code BLOB NOT NULL,
        PRIMARY KEY (method, folder, name)
    ) WITHOUT ROWID""",
    "CREATE TABLE runs (last INTEGER NOT NULL)",
)


class DamagedCacheError(Exception):
    """A cache holds what was never written to it."""


FAILURES = (sqlite3.Error, DamagedCacheError, UnicodeError, OSError)
"""All that the use of a cache may raise."""


def open_database(file: Path) -> sqlite3.Connection:
    """Open a cache; it is made where there is none, and its folder too.

    Raises:
        OSError: It cannot be made.
        sqlite3.Error: The file cannot be opened or written, or is damaged.
        DamagedCacheError: It is a file of something else.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)  # the names of files are nobody else's business
    _check_header(file)
    connection = sqlite3.connect(file, timeout=_PATIENCE_SECONDS, isolation_level=None)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def current_file(folder: Path) -> Path:
    """The file that is in use, or would be made."""
    numbers = {0: False}
    for _, number, aside in _files(folder):
        numbers[number] = not aside
    last = max(numbers)
    return folder / f"codes-{_FORMAT}.{last if numbers[last] else last + 1}.sqlite"


def damaged_files(folder: Path) -> list[Path]:
    """The files that were put aside."""
    return [file for file, _, aside in _files(folder) if aside]


def put_aside(file: Path) -> Path:
    """Give a damaged file another name, in place of an older one.

    Args:
        file: The one that is damaged; another process may have put it aside, and begun a new one.

    Raises:
        OSError: It cannot be renamed.
    """
    aside = file.with_name(f"{file.name}.damaged")
    older = damaged_files(file.parent)
    if file.exists():  # not yet put aside by another process
        file.replace(aside)
    for journal in _JOURNALS:
        Path(f"{file}{journal}").unlink(missing_ok=True)
    for other in older:
        if other != aside:
            other.unlink(missing_ok=True)
    return aside


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is damaged, not that it cannot be used at present."""
    if not isinstance(error, sqlite3.Error):
        return isinstance(error, DamagedCacheError | UnicodeError)  # its messages quote the file
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def _files(folder: Path) -> list[tuple[Path, int, bool]]:
    """The files of a cache, their numbers, and whether they were put aside."""
    try:
        named = [(file, _NAME.fullmatch(file.name)) for file in folder.iterdir()]
    except FileNotFoundError:
        return []
    return [(file, int(found[1]), bool(found[2])) for file, found in named if found]


def _check_header(file: Path) -> None:
    """SQLite would take a file for one that may not be written if these bytes are others."""
    with file.open("rb") as opened:
        versions = opened.read(20)[18:]
    if versions and versions not in (b"\x01\x01", b"\x02\x02"):
        raise DamagedCacheError("its header is wrong")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    complete = _has_tables(connection)
    if not complete:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")
    if not complete:
        connection.execute("BEGIN IMMEDIATE")
        if not _has_tables(connection):  # another process was not quicker
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            for table in _TABLES:
                connection.execute(table)
            connection.execute("INSERT INTO runs VALUES (0)")
        connection.execute("COMMIT")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Several processes that make a cache at once do not wait for one another here."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            break
    if mode != "wal":
        raise sqlite3.OperationalError("this file system has no shared memory for several readers")


def _has_tables(connection: sqlite3.Connection) -> bool:
    """Whether the tables are there; False for a new file.

    Raises:
        DamagedCacheError: There are others.
    """
    query = "SELECT sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid"
    try:
        found = [sql for (sql,) in connection.execute(query)]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # nothing else is wrong with the query
            raise DamagedCacheError(error) from error
        raise
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if not found and application in (0, _APPLICATION):
        return False
    if found != list(_TABLES) or application != _APPLICATION:
        raise DamagedCacheError("it is a file of another program")
    return True
