"""The codes that a run looks up and adds."""

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from imagededup.cache.database import (
    FAILURES,
    current_file,
    is_damage,
    open_database,
    put_aside,
)
from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.room import make_room, used_bytes
from imagededup.cache.stamps import Stamp
from imagededup.cache.tables import (
    CodePlace,
    add_codes,
    begin_run,
    find_codes,
    mark_used,
    transaction,
)
from imagededup.utils.text import shown

__all__ = ["CodeCache"]

logger = logging.getLogger("imagededup")

_SECONDS_BETWEEN_COMMITS = 2.0
_MOST_WAITING = 2000
_RUNS_BETWEEN_MARKS = 8
_TIGHT_SHARE = 0.5

_complained: set[Path] = set()


class CodeCache:
    """The cache in a folder, for one run, in one thread.

    What cannot be read is as if it were not there, and what cannot be written is left out; one
    warning says why. Codes are committed every other second, so that a run that is killed leaves
    what it had.

    Args:
        folder: Where the cache lies; it is made where there is none.
        limit: How many bytes it may have.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = self._file = folder
        self._limit = limit
        self._added: dict[CachedMethod, list[tuple[Stamp, CachedCode]]] = {}
        self._used: list[CodePlace] = []
        self._committed = time.monotonic()
        self._run = 0
        self._is_full = self._is_tight = self._is_renewed = False
        self._connection: sqlite3.Connection | None = None
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._commit()
        finally:
            self._close()

    def find(self, method: CachedMethod, stamps: Sequence[Stamp | None]) -> list[CachedCode | None]:
        """The codes of images whose files have not changed; None for the others."""
        codes: list[CachedCode | None] = [None] * len(stamps)
        if self._connection is None:
            return codes
        with self._guarded() as connection:
            with transaction(connection, "DEFERRED"):
                found = list(find_codes(connection, method, stamps))
            self._used += [place for _, place, last in filter(None, found) if self._is_old(last)]
            codes = [None if entry is None else entry[0] for entry in found]
        self._commit_in_time()
        return codes

    def add(self, method: CachedMethod, entries: Iterable[tuple[Stamp, CachedCode]]) -> None:
        """Add codes, in place of those of earlier states of the files."""
        if self._connection is not None and not self._is_full:
            self._added.setdefault(method, []).extend(entries)
            self._commit_in_time()

    def _is_old(self, last: int) -> bool:
        """Whether it has to be noted again that a code is used; every time takes too long."""
        return self._run - last > (0 if self._is_tight else _RUNS_BETWEEN_MARKS)

    def _commit_in_time(self) -> None:
        waiting = len(self._used) + sum(map(len, self._added.values()))
        late = time.monotonic() - self._committed > _SECONDS_BETWEEN_COMMITS
        if late or waiting > _MOST_WAITING:
            self._commit()

    def _commit(self) -> None:
        added, used = self._added, self._used
        self._added, self._used = {}, []
        self._committed = time.monotonic()
        if self._connection is None or not (added or used):
            return
        with self._guarded() as connection:
            with transaction(connection, "IMMEDIATE"):
                mark_used(connection, used, self._run)
                for method, entries in added.items():
                    add_codes(connection, method, entries, self._run)
            self._keep_to_limit(connection)

    def _keep_to_limit(self, connection: sqlite3.Connection) -> None:
        if used_bytes(connection) > self._limit:
            make_room(connection, self._limit, self._run)
        used = used_bytes(connection)
        self._is_full = used > self._limit
        self._is_tight = used > self._limit * _TIGHT_SHARE

    def _open(self) -> None:
        with self._guarded():
            self._file = current_file(self._folder)
            self._connection = connection = open_database(self._file)
            self._run = begin_run(connection)
            self._is_tight = used_bytes(connection) > self._limit * _TIGHT_SHARE

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    @contextmanager
    def _guarded(self) -> Iterator[Any]:
        """Hand out the connection, and go on without it where the cache fails."""
        try:
            yield self._connection
        except FAILURES as error:
            self._close()
            if is_damage(error) and not self._is_renewed:
                self._renew(error)
            elif self._folder not in _complained:
                _complained.add(self._folder)
                _warn(self._folder, f"cannot be used ({error}); images are encoded without it")

    def _renew(self, error: Exception) -> None:
        """Begin a new cache in place of a damaged one."""
        self._is_renewed = True
        with self._guarded():
            aside = put_aside(self._file)
            _warn(self._folder, f"is damaged ({error}) and was put aside as {aside.name!r}")
            self._open()


def _warn(folder: Path, problem: str) -> None:
    logger.warning("the cache in %s %s", shown(str(folder)), problem)
