"""Codes that were read from a file, as arrays."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagededup.errors import InvalidValueError
from imagededup.methods.encoding import EncodedImages
from imagededup.methods.hexadecimal import write_hashes

__all__ = ["FileRecords", "StoredEncodings", "check_made_alike"]

UNKNOWN = 2**64 - 1
"""Stands for a size or a time that is not known; no file has it."""


@dataclass(frozen=True, slots=True, eq=False)
class FileRecords:
    """What the files of images were like when they were encoded.

    Attributes:
        folders: The folders that images are from.
        folder: Which of them each of the n images is from, int64 of shape (n,); -1: not known.
        size: Sizes in bytes, uint64 of shape (n,).
        modified: Times of modification in nanoseconds, uint64 of shape (n,).
    """

    folders: tuple[str, ...]
    folder: NDArray[np.int64]
    size: NDArray[np.uint64]
    modified: NDArray[np.uint64]

    @classmethod
    def unknown(cls, count: int) -> "FileRecords":
        """Those of images of whose files nothing is known."""
        nothing = np.full(count, UNKNOWN, np.uint64)
        return cls((), np.full(count, -1, np.int64), nothing, nothing)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StoredEncodings(Mapping[str, Any]):
    """Codes by name that `load_encodings` has read; a search takes them as those of a dictionary.

    A million hashes are held as arrays of a few bytes an image.

    Attributes:
        path: The file.
        method: The word for what made the codes, such as 'phash'; None where the file does not say.
        made_by: The method with its settings; None where the file does not say.
        images: Names, codes, and which images have no structure.
        records: What the files of the images were like.
    """

    path: Path
    method: str | None
    made_by: str | None
    images: EncodedImages
    records: FileRecords

    def __repr__(self) -> str:
        return f"StoredEncodings({str(self.path)!r}, {len(self):,} by {self.method or 'a hash'})"

    def __len__(self) -> int:
        return len(self.images.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.images.names)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        """The hash, or the descriptor of shape (1, d), as `encode_images` returns it."""
        names = self.images.names
        place = bisect_left(names, name) if isinstance(name, str) else len(names)
        if names[place : place + 1] != [name]:
            raise KeyError(name)
        codes = self.images.codes[place : place + 1]
        return write_hashes(codes)[0] if self.holds_hashes else codes

    @property
    def holds_hashes(self) -> bool:
        """Whether the codes are hashes; descriptors otherwise."""
        return bool(self.images.codes.dtype == np.uint64)

    def check_method(self, method: str, dtype: DTypeLike) -> None:
        """Check that an encoder compares these codes.

        Args:
            method: The word for the encoder.
            dtype: The type of its codes.

        Raises:
            InvalidValueError: It does not.
        """
        if method != (self.method or method) or self.images.codes.dtype != dtype:
            holds = self.method or "hashes"
            raise InvalidValueError(
                f"{str(self.path)!r} holds codes of {holds}, which {method} does not compare"
            )


def check_made_alike(sources: list[StoredEncodings], own: str | None) -> None:
    """Check that codes which are compared were made in the same way.

    Args:
        sources: Codes from files.
        own: What makes the others, where there are others and that can be told.

    Raises:
        InvalidValueError: They were not.
    """
    said = [(repr(str(one.path)), one.made_by) for one in sources if one.made_by is not None]
    said += [] if own is None else [("the encoder", own)]
    for name, made_by in said[1:]:
        if made_by != said[0][1]:
            raise InvalidValueError(
                "codes must be made alike to be compared: "
                f"{said[0][0]} has {said[0][1]!r}, {name} {made_by!r}"
            )
