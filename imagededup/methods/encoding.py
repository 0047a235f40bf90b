"""From the files of a folder to codes, on several threads in bounded memory."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import ModelError
from imagededup.methods.tasks import CodeArray, EncodedPart, FileEncoder, FileEncoding, split
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.utils.processes import shared_map
from imagededup.utils.progress import Progress
from imagededup.utils.text import shown

if TYPE_CHECKING:
    from imagededup.methods.cached import FolderCache

__all__ = ["CODES_VERSION", "CodeArray", "EncodedImages", "encode_files"]

logger = logging.getLogger("imagededup")

CODES_VERSION = 1
"""Goes up when a file gets another code than before: stored codes and new ones are not mixed.

So it does when other images count as plain, when their digests change, or what `report` measures.
"""


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """Images with their codes.

    Attributes:
        names: Sorted, one a row of `codes`.
        codes: One row an image.
        folder: The folder they come from, where there is one.
        failures: Files that could not be read.
        plain: Rows of images without structure, ascending, with the digest of their exact pixels.
    """

    names: list[str]
    codes: CodeArray
    folder: ImageFolder | None = None
    failures: list[Failure] = field(default_factory=list)
    plain: dict[int, bytes] = field(default_factory=dict)

    def structured_rows(self) -> NDArray[np.int64]:
        """The rows of the other images, ascending."""
        return np.delete(np.arange(len(self.names)), list(self.plain))

    def structured_codes(self) -> CodeArray:
        """The codes that say something."""
        return self.codes[self.structured_rows()] if self.plain else self.codes


def encode_files(
    encoders: Sequence[FileEncoder], folder: ImageFolder, workers: int
) -> list[EncodedImages]:
    """Encode the files of a folder by several encoders, and decode each file once.

    Encoders take large JPEGs at different reduced sizes; those are decoded once a size. The codes
    are those that each encoder gives alone. Files that cannot be read are listed. What the cache of
    an encoder knows is not decoded.

    Args:
        encoders: Say how pixels become codes.
        folder: The files.
        workers: Number of threads, of several processes where they are many; the result does not
            depend on it.
    """
    collections = [_Collection(encoder, folder) for encoder in encoders]
    with (
        Progress(len(folder.names), "Encoding", "images", encoders[0].verbose) as progress,
        _cache_of(encoders, folder) as folder_cache,
    ):
        stamped_root = folder_cache.root if folder_cache and folder_cache.in_use else None
        encoding = FileEncoding(encoders, folder.root, stamped_root)
        tasks = split(folder, encoders, folder_cache, workers)
        with closing(shared_map(encoding, tasks, workers)) as encoded:
            for parts in encoded:
                for collection, part in zip(collections, parts, strict=True):
                    collection.add(part)
                if folder_cache:
                    folder_cache.add([part.fresh for part in parts])
                progress.advance(len(parts[0].names) + len(parts[0].failures))
    return [collection.images() for collection in collections]


def _cache_of(
    encoders: Sequence[FileEncoder], folder: ImageFolder
) -> "AbstractContextManager[FolderCache | None]":
    if all(encoder.cache_dir is None for encoder in encoders):
        return nullcontext()
    try:
        from imagededup.methods.cached import FolderCache  # loads SQLite
    except ImportError as error:  # a Python that was built without it
        logger.warning("the cache cannot be used (%s); images are encoded without it", error)
        return nullcontext()
    return FolderCache(encoders, folder)


class _Collection:
    """The codes of a folder as they come."""

    def __init__(self, encoder: FileEncoder, folder: ImageFolder) -> None:
        self._folder = folder
        self._names: list[str] = []
        self._failures = list(folder.failures)
        self._plain: dict[int, bytes] = {}
        self._codes = encoder._encode_batch([])

    def add(self, part: EncodedPart) -> None:
        """Add the images of a task."""
        begin = len(self._names)
        if part.names and not begin:  # room for all; memory is taken as it is filled
            shape = (len(self._folder.names), *part.codes.shape[1:])
            self._codes = np.empty(shape, part.codes.dtype)
        if part.names:
            self._check_shape(part)
            self._codes[begin : begin + len(part.names)] = part.codes
        self._plain |= {row + begin: digest for row, digest in part.plain.items()}
        self._names += part.names
        self._failures += part.failures

    def images(self) -> EncodedImages:
        """All images so far."""
        codes = self._codes[: len(self._names)]
        failures = sorted(self._failures, key=lambda failure: failure.name)
        return EncodedImages(self._names, codes, self._folder, failures, self._plain)

    def _check_shape(self, part: EncodedPart) -> None:
        if part.codes.shape[1:] != self._codes.shape[1:]:
            raise ModelError(
                "the model must return descriptors of one length, got "
                f"{self._codes.shape[1]} for {shown(self._names[0])} and {part.codes.shape[1]} for "
                f"{shown(part.names[0])}"
            )
