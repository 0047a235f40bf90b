"""What a cache keeps of an image, and for whom."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["CachedCode", "CachedMethod"]

_KEY_BYTES = 16


class CachedCode(NamedTuple):
    """The code of an image.

    Attributes:
        code: The bytes of its numbers.
        plain: The digest of its pixels if it is without structure, else nothing.
    """

    code: bytes
    plain: bytes


@dataclass(frozen=True, slots=True)
class CachedMethod:
    """What made codes.

    Attributes:
        name: What the method is called.
        fingerprint: What tells it from every other one.
    """

    name: str
    fingerprint: str

    def key(self) -> bytes:
        """A digest of the fingerprint."""
        text = self.fingerprint.encode("utf-8", "surrogateescape")
        return hashlib.blake2b(text, digest_size=_KEY_BYTES).digest()
