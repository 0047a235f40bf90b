"""Digests that are equal if, and only if, images are equal pixel for pixel, alpha included."""

import hashlib
from collections.abc import Iterator
from os import PathLike
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.images.decode import DEEP_MODES, Pixels, decode, opened, transposition

__all__ = ["array_digest", "pixel_digest"]

_STRIP_BYTES = 2**22


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
        rest = _file_digest(file) if _decoded_in_part(image) else b""
        if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
            return array_digest(decode(image, file, None), rest)
        image.load()
        turn = transposition(image)
        upright = image if turn is None else image.transpose(turn)
        if image.mode in DEEP_MODES:
            return _deep_digest(upright, str(image.info.get("transparency", "")).encode() + rest)
        mode = "LAB" if image.mode == "LAB" else "RGBA"  # LAB has no exact values in RGB
        return _digest(mode, _strips_in(upright, mode), upright.size, rest)


def array_digest(pixels: Pixels, rest: bytes = b"") -> bytes:
    """The digest of an opaque image that is given as an array.

    Args:
        pixels: uint8 of shape (h, w, 3) in RGB or (h, w, 1).
        rest: What else the digest depends on.

    Returns:
        16 bytes, those of `pixel_digest` for a file of these pixels.
    """
    height, width, _ = pixels.shape
    return _digest("RGBA", _opaque_strips(pixels), (width, height), rest)


def _decoded_in_part(image: Image.Image) -> bool:
    if image.mode not in DEEP_MODES and ";16" in str(getattr(image, "tile", "")):
        return True
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # the second frame is damaged
        return True


def _file_digest(file: BinaryIO) -> bytes:
    file.seek(0)
    digest = hashlib.blake2b()
    while block := file.read(_STRIP_BYTES):
        digest.update(block)
    return digest.digest()


def _deep_digest(image: Image.Image, rest: bytes) -> bytes:
    values = np.asarray(image)
    strips = (
        np.ascontiguousarray(strip, values.dtype.newbyteorder("<")) for strip in _strips(values)
    )
    return _digest(f"{values.dtype.kind}{values.dtype.itemsize}", strips, image.size, rest)


def _strips_in(image: Image.Image, mode: str) -> Iterator[Pixels]:
    rows = max(1, _STRIP_BYTES // max(1, 4 * image.width))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        yield np.asarray(strip.convert(mode))


def _opaque_strips(pixels: Pixels) -> Iterator[Pixels]:
    for strip in _strips(pixels):
        rgba = np.full((*strip.shape[:2], 4), 255, np.uint8)
        rgba[:, :, :3] = strip
        yield rgba


def _strips(values: NDArray[np.generic]) -> Iterator[NDArray[np.generic]]:
    rows = max(1, _STRIP_BYTES // max(1, values[:1].nbytes))
    for top in range(0, len(values), rows):
        yield values[top : top + rows]


def _digest(
    kind: str, strips: Iterator[NDArray[np.generic]], size: tuple[int, int], rest: bytes
) -> bytes:
    digest = hashlib.blake2b(f"{kind} {size[0]} {size[1]} ".encode(), digest_size=16)
    for strip in strips:
        digest.update(strip.data)
    digest.update(rest)
    return digest.digest()
