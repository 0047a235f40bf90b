"""Texts as arrays, which numpy's format stores without waste and without pickle."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["packed", "packed_text", "unpacked"]


def packed(texts: Iterable[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Texts as the bytes of all, and the number of characters of each."""
    several = list(texts)
    return packed_text("".join(several)), np.fromiter(map(len, several), np.int64, len(several))


def packed_text(text: str) -> NDArray[np.uint8]:
    """One text as bytes in UTF-8; what Python keeps of names that are not valid is kept."""
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def unpacked(texts: NDArray[np.generic], lengths: NDArray[np.generic]) -> list[str]:
    """The texts that `packed` was given.

    Raises:
        ValueError: The arrays are damaged.
    """
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or lengths.min(initial=0) < 0:
        raise ValueError("lengths of texts are not whole numbers")
    text = str(np.ascontiguousarray(texts).data, "utf-8", "surrogatepass")
    ends = np.cumsum(lengths, dtype=np.int64).tolist()
    if (ends[-1] if ends else 0) != len(text):
        raise ValueError("texts are of other lengths")
    return [text[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=False)]
