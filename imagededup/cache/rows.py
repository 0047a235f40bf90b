"""Entries as rows of a table, with a checksum, because SQLite does not notice a flipped bit."""

import hashlib
from typing import Any

from imagededup.cache.database import DamagedCacheError
from imagededup.cache.entries import CachedCode
from imagededup.cache.stamps import Stamp

__all__ = ["as_row", "from_row"]

_CHECKSUM_BYTES = 8


def as_row(key: bytes, stamp: Stamp, cached: CachedCode) -> tuple[bytes, ...]:
    """Name, state, plain, checksum and code."""
    checksum = _checksum(key, stamp.folder, stamp.name, stamp.state, *cached)
    return stamp.name, stamp.state, cached.plain, checksum, cached.code


def from_row(key: bytes, stamp: Stamp, row: tuple[Any, ...]) -> CachedCode | None:
    """The code of an image; None if it was another state of the file that had it.

    Args:
        key: Of the method.
        stamp: What the file is like now.
        row: state, plain, checksum and code.

    Raises:
        DamagedCacheError: They are not what was written.
    """
    state, plain, checksum, code = row
    if not all(isinstance(value, bytes) for value in row) or checksum != _checksum(
        key, stamp.folder, stamp.name, state, code, plain
    ):
        raise DamagedCacheError("an entry does not match its checksum")
    return CachedCode(code, plain) if state == stamp.state else None


def _checksum(key: bytes, *parts: bytes) -> bytes:
    lengths = b"".join([len(part).to_bytes(8, "little") for part in parts])
    whole = b"".join((lengths, *parts))
    return hashlib.blake2b(whole, digest_size=_CHECKSUM_BYTES, key=key).digest()
