"""Encoding and measuring the images of a folder, each file decoded once for both."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.cache.entries import CachedMethod
from imagededup.cache.surroundings import surroundings
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, upright_size
from imagededup.images.measure import MEASURES, REDUCTION, measure
from imagededup.images.quality import Columns
from imagededup.methods.encoder import Encoder
from imagededup.methods.encoding import CODES_VERSION, EncodedImages, encode_files
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.sources.readable import reading_workers
from imagededup.utils.parallel import ordered_map

__all__ = ["MeasuredImages", "encode_and_measure", "without_page"]


@dataclass(frozen=True, slots=True)
class MeasuredImages:
    """The images of a folder with their numbers.

    Attributes:
        names: Those that can be read, sorted.
        columns: width, height, file_size and what `MEASURES` names, of shape (n,) each.
        failures: Files that cannot be read.
    """

    names: list[str]
    columns: Columns
    failures: list[Failure]


def encode_and_measure(
    encoder: Encoder[Any], folder: ImageFolder, workers: int
) -> tuple[EncodedImages, MeasuredImages]:
    """Encode and measure the files of a folder.

    Args:
        encoder: What encodes them.
        folder: The files.
        workers: Number of threads; the result does not depend on it.
    """
    encoded, measured = encode_files([encoder, _Measuring(encoder.cache_dir)], folder, workers)
    readers = reading_workers(folder.root, workers)
    sizes = list(ordered_map(partial(_size, folder), measured.names, readers))
    kept = [row for row, size in enumerate(sizes) if not isinstance(size, Failure)]
    names = [measured.names[row] for row in kept]
    width, height = np.array([sizes[row] for row in kept], np.int64).reshape(-1, 2).T
    columns = {
        "width": width,
        "height": height,
        "file_size": np.array([_file_size(folder, name) for name in names], np.int64),
        **dict(zip(MEASURES, measured.codes[kept].T, strict=True)),
    }
    gone = [size for size in sizes if isinstance(size, Failure)]
    return encoded, MeasuredImages(names, columns, measured.failures + gone)


def without_page(folder: ImageFolder, page: Path) -> ImageFolder:
    """The files of a folder but for those of a page that an earlier report has left in it."""
    name = os.path.relpath(page.resolve(), folder.root.resolve()).replace(os.sep, "/")
    further = f"{name.removesuffix(page.suffix)}_pages/page_"
    kept = [
        place
        for place, other in enumerate(folder.names)
        if other != name and not other.startswith(further)
    ]
    return folder.take(np.array(kept, np.int64))


class _Measuring:
    """An encoder whose codes are the measures of a picture.

    Args:
        cache_dir: A folder that keeps them from run to run.
    """

    verbose = True
    _reduction: Reduction | None = REDUCTION
    _files_per_task = 1

    def __init__(self, cache_dir: Path | None) -> None:
        self.cache_dir = cache_dir

    def _cached_method(self) -> CachedMethod:
        fingerprint = f"{MEASURES} version={CODES_VERSION} {surroundings((), None)}"
        return CachedMethod("measures", fingerprint)

    def _obstacle(self) -> str | None:
        return None

    def _prepare(self, pixels: Pixels) -> NDArray[np.float32]:
        return measure(pixels)

    def _has_structure(self, pixels: Pixels, prepared: Any) -> bool:  # noqa: ANN401, ARG002
        return True

    def _encode_batch(self, prepared: Sequence[Any]) -> NDArray[np.float32]:
        return np.array(prepared, np.float32).reshape(-1, len(MEASURES))


def _file_size(folder: ImageFolder, name: str) -> int:
    """Bytes; 0 for what is no file of its own."""
    return folder.state(name)[1].size if folder.is_file(name) else 0


def _size(folder: ImageFolder, name: str) -> tuple[int, int] | Failure:
    try:
        return upright_size(folder.path(name))
    except UnreadableImageError as error:  # it has gone since
        return Failure(name, str(error))
