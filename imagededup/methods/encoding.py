"""From the files of a folder to codes, on several threads in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import ModelError, UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.opening import opened
from imagededup.models.failures import images_named
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import Progress
from imagededup.utils.text import shown

__all__ = ["CODES_VERSION", "CodeArray", "EncodedImages", "encode_files"]

CodeArray = NDArray[Any]

CODES_VERSION = 1
"""Goes up when a file gets another code than before: stored codes and new ones are not mixed."""


class _Encoder(Protocol):
    """What of an encoder the work on files needs; `Encoder` says what each does."""

    verbose: bool
    _reduction: Reduction | None
    _files_per_task: int

    def _prepare(self, pixels: Pixels) -> Any: ...  # noqa: ANN401

    def _has_structure(self, pixels: Pixels, prepared: Any) -> bool: ...  # noqa: ANN401

    def _encode_batch(self, prepared: Sequence[Any]) -> CodeArray: ...


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
    encoders: Sequence[_Encoder], folder: ImageFolder, workers: int
) -> list[EncodedImages]:
    """Encode the files of a folder by several encoders, and decode each file once.

    Encoders take large JPEGs at different reduced sizes; those are decoded once a size. The codes
    are those that each encoder gives alone. Files that cannot be read are listed.

    Args:
        encoders: Say how pixels become codes.
        folder: The files.
        workers: Number of threads; the result does not depend on it.
    """
    files_per_task = max(encoder._files_per_task for encoder in encoders)
    tasks = [
        folder.names[begin : begin + files_per_task]
        for begin in range(0, len(folder.names), files_per_task)
    ]
    collections = [_Collection(encoder, folder) for encoder in encoders]
    with Progress(len(folder.names), "Encoding", "images", encoders[0].verbose) as progress:
        encode = partial(_encode_task, encoders, folder)
        for parts, task in zip(ordered_map(encode, tasks, workers), tasks, strict=True):
            for collection, part in zip(collections, parts, strict=True):
                collection.add(part)
            progress.advance(len(task))
    return [collection.images() for collection in collections]


class _Collection:
    """The codes of a folder as they come."""

    def __init__(self, encoder: _Encoder, folder: ImageFolder) -> None:
        self._folder = folder
        self._names: list[str] = []
        self._failures = list(folder.failures)
        self._plain: dict[int, bytes] = {}
        self._codes = encoder._encode_batch([])

    def add(self, part: EncodedImages) -> None:
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

    def _check_shape(self, part: EncodedImages) -> None:
        if part.codes.shape[1:] != self._codes.shape[1:]:
            raise ModelError(
                "the model must return descriptors of one length, got "
                f"{self._codes.shape[1]} for {shown(self._names[0])} and {part.codes.shape[1]} for "
                f"{shown(part.names[0])}"
            )


def _encode_task(
    encoders: Sequence[_Encoder], folder: ImageFolder, names: list[str]
) -> list[EncodedImages]:
    tasks = [_Task() for _ in encoders]
    several = len({encoder._reduction for encoder in encoders}) > 1
    for name in names:
        decoder = _Decoder(folder.path(name), several)
        for encoder, task in zip(encoders, tasks, strict=True):
            try:
                task.add(encoder, name, decoder)
            except UnreadableImageError as error:
                task.failures.append(Failure(name, str(error)))
    return [task.encoded(encoder, folder) for encoder, task in zip(encoders, tasks, strict=True)]


@dataclass(slots=True)
class _Task:
    """Files that a thread takes at once, made ready for an encoder."""

    names: list[str] = field(default_factory=list)
    prepared: list[Any] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    plain: dict[int, bytes] = field(default_factory=dict)

    def add(self, encoder: _Encoder, name: str, decoder: "_Decoder") -> None:
        """Add a file; UnreadableImageError if it cannot be decoded."""
        pixels = decoder.pixels(encoder._reduction)
        with images_named([name]):
            ready = encoder._prepare(pixels)
        if not encoder._has_structure(pixels, ready):
            self.plain[len(self.names)] = decoder.digest()
        self.names.append(name)
        self.prepared.append(ready)

    def encoded(self, encoder: _Encoder, folder: ImageFolder) -> EncodedImages:
        """The codes of the files."""
        with images_named(self.names):
            codes = encoder._encode_batch(self.prepared)
        return EncodedImages(self.names, codes, folder, self.failures, self.plain)


class _Decoder:
    """Decodes a file once for all encoders that take the same pixels of it.

    Args:
        path: The file.
        several: Whether encoders take large JPEGs at different sizes.
    """

    def __init__(self, path: Path, several: bool) -> None:
        self._path = path
        self._several = several
        self._of_reduction: dict[Reduction | None, Pixels] = {}
        self._of_form: dict[tuple[int, bool], Pixels] = {}
        self.digest = cache(partial(pixel_digest, path))

    def pixels(self, reduction: Reduction | None) -> Pixels:
        """As `load_image`."""
        if reduction not in self._of_reduction:
            self._of_reduction[reduction] = self._decode(reduction)
        return self._of_reduction[reduction]

    def _decode(self, reduction: Reduction | None) -> Pixels:
        form = self._form(reduction) if self._several else (1, False)
        if form not in self._of_form:
            self._of_form[form] = load_image(self._path, reduction)
        return self._of_form[form]

    def _form(self, reduction: Reduction | None) -> tuple[int, bool]:
        """The divisor of the size, and whether the pixels are grey because of it."""
        with opened(self._path) as (image, _):
            reducible = image.format in ("JPEG", "MPO")
            factor = reduction.factor(image.size) if reduction and reducible else 1
        return factor, factor > 1 and reduction is not None and reduction.to_grey
