"""Sequences of HEIC and AVIF images: every image of a burst, named by its number.

`burst.heics/000003.jpg` is the fourth. Files of the endings `.avifs`, `.heics` and `.heifs` are
sequences; of a file that ends in `.avif` or `.heic` the one image is taken that viewers show.
"""

import re
import threading
from collections.abc import Callable
from functools import partial
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Protocol

import numpy as np

from imagededup.errors import UnreadableImageError
from imagededup.sources.blobs import Blob, BlobFile, BytesBlob
from imagededup.sources.decoders import decoded_frame
from imagededup.sources.frame_pictures import as_ppm, frame_picture
from imagededup.sources.limits import over_limit
from imagededup.sources.video_files import as_unreadable
from imagededup.sources.video_index import VideoIndex

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageSequence"]

_DAMAGED = "damaged sequence of images, or none"
_NEEDS_PACKAGE = (
    "sequence of HEIC images, which needs further packages (pip install 'imagededup[heif]')"
)

_NAME = re.compile(r"(\d{6,9})\.jpg", re.ASCII)
_AVIF = {b"avif", b"avis"}
_FILM = {b"hevc", b"hevx", b"msf1"}


class _Images(Protocol):
    """The images of a sequence, one after the other; `damage` says why they are not all."""

    damage: str | None

    def __len__(self) -> int: ...

    def picture(self, number: int) -> bytes:
        """An image as the bytes of a PPM file."""


class ImageSequence:
    """A file with several images.

    Args:
        content: Its bytes; nothing is read before names or an image are asked for.

    Attributes:
        damage: Why some are missing, once names were asked for; None if none is.
    """

    def __init__(self, content: Blob) -> None:
        self._content = content
        self._lock = threading.Lock()
        self._known: _Images | None = None
        self.damage: str | None = None

    def names(self, frames_per_second: float) -> list[str]:  # noqa: ARG002 - all are taken
        """The names of all images.

        Raises:
            UnreadableImageError: It is no such file, or the package for it is missing.
        """
        with self._lock, as_unreadable(_DAMAGED):
            return [f"{number:06}.jpg" for number in range(len(self._images()))]

    def open(self, name: str) -> RawIOBase:
        """An image as an uncompressed file in memory.

        Raises:
            UnreadableImageError: There is no image of the name, or it cannot be decoded.
        """
        found = _NAME.fullmatch(name)
        with self._lock, as_unreadable(_DAMAGED):
            images = self._images()
            if found is None or int(found[1]) >= len(images):
                raise UnreadableImageError(f"no such image: there are {len(images):,}")
            return BlobFile(BytesBlob(images.picture(int(found[1]))))

    def _images(self) -> _Images:
        if self._known is None:
            too_large = over_limit("file_size", self._content.size)
            if too_large:
                raise UnreadableImageError(too_large)
            self._known = _kind(self._content)(self._content)
            self.damage = self._known.damage
        return self._known


def _kind(content: Blob) -> Callable[[Blob], _Images]:
    """What reads a file, by its brands."""
    start = content.read(0, 64)
    if start[4:8] != b"ftyp":
        raise UnreadableImageError(_DAMAGED)
    length = min(int.from_bytes(start[:4], "big"), len(start))
    brands = {start[place : place + 4] for place in range(8, length, 4) if place != 12}
    if brands & _AVIF:
        return _AvifImages
    return _FilmImages if brands & _FILM else _HeicImages


class _AvifImages:
    """Decoded by Pillow."""

    damage: str | None = None

    def __init__(self, content: Blob) -> None:
        from PIL import Image, features

        if not features.check("avif"):
            raise UnreadableImageError(
                "sequence of AVIF images, which this Pillow cannot decode "
                "(pip install --upgrade pillow)"
            )
        self._image = Image.open(BufferedReader(BlobFile(content)), formats=["AVIF"])
        _check_size(self._image.size)

    def __len__(self) -> int:
        return getattr(self._image, "n_frames", 1)

    def picture(self, number: int) -> bytes:
        """An image as the bytes of a PPM file."""
        from PIL import ImageOps

        self._image.seek(number)
        return _as_ppm(ImageOps.exif_transpose(self._image))


class _HeicImages:
    """Images side by side, decoded by pillow-heif."""

    damage: str | None = None

    def __init__(self, content: Blob) -> None:
        try:
            from pillow_heif import open_heif
        except ImportError as error:
            raise UnreadableImageError(_NEEDS_PACKAGE) from error
        self._open = partial(open_heif, BufferedReader(BlobFile(content)))
        self._count = len(self._open())

    def __len__(self) -> int:
        return self._count

    def picture(self, number: int) -> bytes:
        """An image as the bytes of a PPM file."""
        image = self._open()[number]  # an open file would keep the pixels of all
        _check_size(image.size)
        return _as_ppm(image.to_pillow())


class _FilmImages:
    """Images that are coded as a film, decoded by PyAV."""

    def __init__(self, content: Blob) -> None:
        try:
            import av  # noqa: F401 - whether it is there
        except ImportError as error:
            raise UnreadableImageError(_NEEDS_PACKAGE) from error
        self._content = content
        self._index = VideoIndex.of(content)
        self.damage = self._index.damage

    def __len__(self) -> int:
        return len(self._index.times)

    def picture(self, number: int) -> bytes:
        """An image as the bytes of a PPM file."""
        time = int(self._index.times[number])
        return frame_picture(decoded_frame(self._content, self._index, time))


def _check_size(size: tuple[int, int]) -> None:
    too_large = over_limit("pixels", size[0] * size[1])
    if too_large:
        raise UnreadableImageError(too_large)


def _as_ppm(image: "Image.Image") -> bytes:
    """Alpha is dropped, as it is of stills."""
    form = "RGBA" if image.mode in ("LA", "PA", "RGBA") else "RGB"
    return as_ppm(np.asarray(image.convert(form).convert("RGB")))
