"""From the files of a folder to codes, on several threads in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.folders import Failure, ImageFolder
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import Progress

__all__ = ["CodeArray", "EncodedImages", "encode_folder"]

CodeArray = NDArray[Any]


class _Encoder(Protocol):
    """What of an encoder the work on files needs; `Encoder` says what each does."""

    verbose: bool

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


def encode_folder(
    encoder: _Encoder,
    folder: ImageFolder,
    reduction: Reduction | None,
    files_per_task: int,
    workers: int,
) -> EncodedImages:
    """Encode the files of a folder; those that cannot be read are listed.

    Args:
        encoder: Says how pixels become codes.
        folder: The files.
        reduction: When a JPEG may be decoded at reduced size.
        files_per_task: Files that a thread encodes at once.
        workers: Number of threads; the result does not depend on it.
    """
    tasks = [
        folder.names[begin : begin + files_per_task]
        for begin in range(0, len(folder.names), files_per_task)
    ]
    names: list[str] = []
    failures = list(folder.failures)
    plain: dict[int, bytes] = {}
    codes = encoder._encode_batch([])
    with Progress(len(folder.names), "Encoding", "images", encoder.verbose) as progress:
        encode = partial(_encode_files, encoder, folder, reduction)
        for part, task in zip(ordered_map(encode, tasks, workers), tasks, strict=True):
            if part.names and not names:  # room for all; memory is taken as it is filled
                codes = np.empty((len(folder.names), *part.codes.shape[1:]), part.codes.dtype)
            if part.names:
                codes[len(names) : len(names) + len(part.names)] = part.codes
            plain |= {row + len(names): digest for row, digest in part.plain.items()}
            names += part.names
            failures += part.failures
            progress.advance(len(task))
    return EncodedImages(names, codes[: len(names)], folder, failures, plain)


def _encode_files(
    encoder: _Encoder, folder: ImageFolder, reduction: Reduction | None, names: list[str]
) -> EncodedImages:
    encoded: list[str] = []
    prepared: list[Any] = []
    failures: list[Failure] = []
    plain: dict[int, bytes] = {}
    for name in names:
        try:
            path = folder.path(name)
            pixels = load_image(path, reduction)
            ready = encoder._prepare(pixels)
            if not encoder._has_structure(pixels, ready):
                plain[len(encoded)] = pixel_digest(path)
            encoded.append(name)
            prepared.append(ready)
        except UnreadableImageError as error:
            failures.append(Failure(name, str(error)))
    return EncodedImages(encoded, encoder._encode_batch(prepared), folder, failures, plain)
