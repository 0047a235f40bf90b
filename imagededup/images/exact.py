"""Digests that are equal if, and only if, images are equal pixel for pixel, alpha included."""

import hashlib
from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.images.decode import Pixels, decode, orientation, upright
from imagededup.images.deep import DEEP_MODES
from imagededup.images.limits import budget
from imagededup.images.needs import bytes_needed
from imagededup.images.opening import opened
from imagededup.images.strips import strips
from imagededup.sources.readable import open_source

__all__ = ["array_digest", "pixel_digest"]


def pixel_digest(path: str | PathLike[str]) -> bytes:
    """A digest of an image's size and pixels: upright, in full decode, with their alpha channel.

    The format, the metadata and the way that the pixels are stored do not count: grey, palettes,
    RGB and an alpha channel that is opaque everywhere are the same as RGBA. The colour beneath
    transparent pixels counts. Values of more than 8 bits count as they are; they are never equal
    to 8-bit ones. Where Pillow decodes less than the file holds (several frames, colours of 16
    bits), the bytes of the file count as well.

    Args:
        path: A regular file.

    Returns:
        16 bytes (BLAKE2b), the same on every machine.

    Raises:
        UnreadableImageError: The file cannot be decoded; the message says why.
    """
    with opened(path) as (image, file):
        rest = _file_digest(path) if _decoded_in_part(image) else b""
        if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
            return array_digest(decode(image, file, None), rest)
        with budget.hold(bytes_needed(image)):
            image.load()
            if image.mode in DEEP_MODES:
                rest += repr(image.info.get("transparency")).encode()
            size = image.size[::-1] if orientation(image) in (5, 6, 7, 8) else image.size
            return _digest(_kind(image), size, _upright_strips(image), rest)


def array_digest(pixels: Pixels, rest: bytes = b"") -> bytes:
    """The digest of an opaque image that is given as an array.

    Args:
        pixels: uint8 of shape (h, w, 3) in RGB or (h, w, 1).
        rest: What else the digest depends on.

    Returns:
        16 bytes, those of `pixel_digest` for a file of these pixels.
    """
    height, width, _ = pixels.shape
    return _digest("RGBA", (width, height), (_with_alpha(part) for _, part in strips(pixels)), rest)


def _decoded_in_part(image: Image.Image) -> bool:
    if image.mode not in DEEP_MODES and ";16" in str(getattr(image, "tile", "")):
        return True
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # the second frame is damaged
        return True


def _file_digest(path: str | PathLike[str]) -> bytes:
    with open_source(path) as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _kind(image: Image.Image) -> str:
    if image.mode in DEEP_MODES:
        return np.asarray(image.crop((0, 0, 1, 1))).dtype.str[1:]
    return "LAB" if image.mode == "LAB" else "RGBA"  # LAB has no exact values in RGB


def _upright_strips(image: Image.Image) -> Iterator[NDArray[Any]]:
    """The exact values of an image from top to bottom; only a turned one is held as a whole."""
    parts = ((rows, _exact_values(strip)) for rows, strip in strips(image))
    turn = orientation(image)
    if turn not in range(2, 9):
        yield from (part for _, part in parts)
        return
    first = _exact_values(image.crop((0, 0, 1, 1)))
    values = np.empty((image.height, image.width, *first.shape[2:]), first.dtype)
    for rows, part in parts:
        values[rows] = part
    yield from (part for _, part in strips(upright(values, turn)))


def _exact_values(image: Image.Image) -> NDArray[Any]:
    return np.asarray(image if image.mode in DEEP_MODES else image.convert(_kind(image)))


def _digest(kind: str, size: tuple[int, int], parts: Iterator[NDArray[Any]], rest: bytes) -> bytes:
    digest = hashlib.blake2b(f"{kind} {size[0]} {size[1]} ".encode(), digest_size=16)
    for part in parts:
        digest.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
    digest.update(rest)
    return digest.digest()


def _with_alpha(pixels: Pixels) -> Pixels:
    if pixels.shape[2] == 4:
        return pixels
    rgba = np.full((*pixels.shape[:2], 4), 255, np.uint8)
    rgba[:, :, :3] = pixels
    return rgba
