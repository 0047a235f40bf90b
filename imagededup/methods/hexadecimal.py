"""Hashes as users see them: 16 hexadecimal digits for 64 bits."""

import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = ["parse_hashes", "write_hashes"]

_DIGITS = 16


def write_hashes(codes: NDArray[np.uint64]) -> list[str]:
    """Codes of shape (n,) as hexadecimal digits."""
    digits = codes.astype(">u8").tobytes().hex()
    return [digits[place : place + _DIGITS] for place in range(0, len(digits), _DIGITS)]


def parse_hashes(name: str, keys: Sequence[str], hashes: Sequence[Any]) -> NDArray[np.uint64]:
    """Hexadecimal digits as codes of shape (n,).

    Args:
        name: What the hashes are called in errors.
        keys: What each hash is of.
        hashes: As many.

    Raises:
        InvalidTypeError: One of them is no str.
        InvalidValueError: One of them is no hash.
    """
    try:
        if all(map(_DIGITS.__eq__, map(len, hashes))):
            codes = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8")
            if len(codes) == len(hashes):
                return codes.astype(np.uint64)
    except (TypeError, ValueError):
        pass
    wrong = next(key for key, value in zip(keys, hashes, strict=True) if not _is_hash(value))
    value = hashes[keys.index(wrong)]
    kind = InvalidValueError if isinstance(value, str) else InvalidTypeError
    raise kind(f"{name} must hold str of {_DIGITS} hexadecimal digits, got {value!r} for {wrong!r}")


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and len(value) == _DIGITS and set(value) <= set(string.hexdigits)
