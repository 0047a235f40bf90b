"""Pixels of more than 8 bits, and arrays of other types, to 8 bits.

What value is white? What the file states: the maximum of a portable greymap, the bits of a TIFF or
JPEG 2000 file, the significant bits of a PNG. Otherwise the smallest of the ranges of 8, 10, 12, 14
and 16 bits that holds the largest value of the image; for floats up to 1.0, it is 1.0.

Colours of 16 bits never come here: Pillow decodes the upper half of their bits only.
"""

import struct
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.images.strips import strips

__all__ = ["DEEP_MODES", "check_array", "deep_to_8_bits"]

DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_RANGES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
_BITS_PER_SAMPLE, _MAXIMUM_SAMPLE_VALUE = 258, 281  # tags of TIFF


def check_array(array: object) -> NDArray[np.uint8]:
    """Check an image given as an array and convert it to 8 bits.

    Args:
        array: Shape (h, w) or (h, w, 3), any numeric dtype. uint8 is taken as it is, bool as 0
            and 255. Of other types, white is 1.0 (floats up to 1.0), or else the smallest of 255,
            1023, 4095, 16383 and 65535 that is not below the largest value.

    Returns:
        uint8 of shape (h, w, 1) or (h, w, 3), C-contiguous.

    Raises:
        InvalidTypeError: Not a numpy array of numbers.
        InvalidValueError: Another shape, no pixels, values that are negative, too large or NaN.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif":
        given = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InvalidTypeError(f"image_array must be a numpy array of real numbers, got {given}")
    if array.size == 0 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)):
        raise InvalidValueError(
            f"image_array must have shape (h, w) or (h, w, 3), got shape {array.shape}"
        )
    pixels = _to_8_bits(array, array.shape, None)
    return np.ascontiguousarray(pixels.reshape(*array.shape[:2], -1))


def deep_to_8_bits(image: Image.Image, file: BinaryIO) -> NDArray[np.uint8]:
    """Convert a decoded image of one of `DEEP_MODES`.

    Args:
        image: The image; its pixels have been loaded.
        file: The file that it comes from.

    Returns:
        uint8 of shape (h, w, 1).

    Raises:
        InvalidValueError: Values that are negative, above 65535 or NaN.
    """
    white = None
    with suppress(LookupError, TypeError, ValueError, struct.error):  # damaged metadata
        white = _stated_white(image, file)
    return _to_8_bits(image, (image.height, image.width), white)[:, :, None]


def _stated_white(image: Image.Image, file: BinaryIO) -> int | None:
    if image.format in ("JPEG2000", "PPM") and image.mode != "F":  # Pillow scales to 16 bits
        return 65535
    if image.format == "PNG":
        bits = _significant_bits(file)
        return None if bits is None else int(2**bits - 1)
    tags: Any = getattr(image, "tag_v2", {})
    bits = int(np.max(tags.get(_BITS_PER_SAMPLE, 16)))
    if 8 < bits < 16:
        return int(2**bits - 1)
    used = tags.get(_MAXIMUM_SAMPLE_VALUE)
    return None if used is None else _range_of(float(np.max(used)))


def _significant_bits(file: BinaryIO) -> int | None:
    """What the sBIT chunk of a PNG says, which lies before the pixels."""
    file.seek(8)
    while True:
        length, kind = struct.unpack(">L4s", file.read(8))
        if kind == b"sBIT":
            bits = file.read(1)[0]
            return bits if 1 <= bits <= 16 else None
        if kind in (b"IDAT", b"IEND"):
            return None
        file.seek(length + 4, 1)


def _to_8_bits(
    source: Image.Image | NDArray[Any], shape: tuple[int, ...], stated: int | None
) -> NDArray[np.uint8]:
    """Scale white to 255, strip by strip."""
    if isinstance(source, np.ndarray):
        if source.dtype == np.uint8:
            return source
        if source.dtype == np.bool_:
            return source.astype(np.uint8) * np.uint8(255)
    white = _white(source, stated)
    pixels = np.empty(shape, np.uint8)
    for rows, strip in strips(source):
        values = np.asarray(strip)
        if values.dtype.kind == "f":
            pixels[rows] = np.rint(values.astype(np.float64) * (255 / white))
        else:  # no ties: white is odd
            pixels[rows] = (values.astype(np.uint32) * 255 + white // 2) // white
    return pixels


def _white(source: Image.Image | NDArray[Any], stated: int | None) -> int:
    """The value that stands for white."""
    extremes, kind = [], "f"
    for _, strip in strips(source):
        values = np.asarray(strip)
        extremes.append((float(values.min()), float(values.max())))
        kind = values.dtype.kind
    low, high = (float(bound) for bound in (np.min(extremes), np.max(extremes)))
    if not (low >= 0 and high <= _RANGES[-1]):  # also when one of them is NaN
        raise InvalidValueError(
            "pixel values must lie within 0 to 1 (floats), 0 to 255 or 0 to 65535, "
            f"got {low:g} to {high:g}"
        )
    if kind == "f" and high <= 1:
        return 1
    if stated is not None:  # values above it have been scaled to 16 bits, as PNG asks for
        return stated if high <= stated else _RANGES[-1]
    return _range_of(high)


def _range_of(value: float) -> int:
    return next((white for white in _RANGES if value <= white), _RANGES[-1])
