"""Decoding of common JPEGs in files of their own, without Pillow.

It gives the pixels that the way by Pillow gives, and leaves to that way whatever it does not know
for certain: other files, unusual headers, damaged ones, and the reasons why they are refused.
"""

import os
import stat
from io import FileIO
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.images.jpeg_header import JpegHeader, read_header
from imagededup.images.limits import budget
from imagededup.images.needs import bytes_of_jpeg
from imagededup.images.reduction import Reduction
from imagededup.images.upright import upright, upright_sides
from imagededup.sources.limits import limits

__all__ = ["LONGEST_METADATA", "decode_jpeg", "load_directly"]

LONGEST_METADATA = 2**25
"""How many bytes longer than its raw pixels a JPEG may be, to be read at once."""

_FIRST_BYTES = 2**18
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def load_directly(
    path: str | PathLike[str], reduction: Reduction | None
) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
    """As `load_with_size` of `decode`; None for what is not decoded here.

    Raises:
        UnreadableImageError: It takes more memory than `Limits` allow.
    """
    try:
        size = _size_of_file(os.stat(path))  # noqa: PTH116 - once an image
        descriptor = os.open(path, _FLAGS) if size else -1
    except (OSError, ValueError):  # ValueError: a null character
        return None
    if descriptor < 0:
        return None
    try:
        return _decoded(descriptor, _size_of_file(os.fstat(descriptor)), reduction)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def decode_jpeg(
    data: bytes | NDArray[np.uint8], size: tuple[int, int], factor: int, grey: bool
) -> NDArray[np.uint8]:
    """Decode by simplejpeg, uint8 of shape (h, w, 3) or (h, w, 1).

    Args:
        data: The whole file.
        size: Width and height that its header gives.
        factor: By how much they are reduced.
        grey: Whether only the luma is decoded.

    Raises:
        ValueError: It is damaged, or of a kind that simplejpeg does not know.
    """
    import simplejpeg

    width, height = size
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
        data,
        colorspace="GRAY" if grey else "RGB",
        min_height=-(-height // factor),
        min_width=-(-width // factor),
    )
    return pixels


def _size_of_file(status: os.stat_result) -> int:
    """Bytes of a file that may be read; 0 for what may not."""
    allowed = stat.S_ISREG(status.st_mode) and status.st_size <= limits().file_size
    return status.st_size if allowed else 0


def _decoded(
    descriptor: int, length: int, reduction: Reduction | None
) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
    head = os.read(descriptor, min(length, _FIRST_BYTES))
    header = read_header(head)
    if header is None or not _is_allowed(header, length):
        return None
    size = header.width, header.height
    factor = reduction.factor(size) if reduction else 1
    grey = header.channels == 1 or bool(factor > 1 and reduction and reduction.to_grey)
    with budget.hold(bytes_of_jpeg(size, factor)):
        data = _whole(head, descriptor, length)
        if data is None:
            return None
        try:
            pixels = decode_jpeg(data, size, factor, grey)
        except (ValueError, MemoryError):
            return None
    if header.orientation == 1:
        return pixels, size
    turned = np.ascontiguousarray(upright(pixels, header.orientation))
    return turned, upright_sides(size, header.orientation)


def _is_allowed(header: JpegHeader, length: int) -> bool:
    """Whether neither Pillow nor `Limits` refuse so many pixels, or so long a file for them."""
    pixels = header.width * header.height
    if pixels > limits().pixels or length > pixels * header.channels + LONGEST_METADATA:
        return False
    return Image.MAX_IMAGE_PIXELS is None or pixels <= Image.MAX_IMAGE_PIXELS


def _whole(head: bytes, descriptor: int, length: int) -> Any:  # noqa: ANN401 - bytes, or an array
    """All bytes of a file, of which some have been read; None if they are not as many as before."""
    if length <= len(head):
        return head if length == len(head) else None
    data = np.empty(length, np.uint8)
    data[: len(head)] = np.frombuffer(head, np.uint8)
    place = len(head)
    with FileIO(descriptor, closefd=False) as file:
        while place < length:
            count = file.readinto(memoryview(data)[place:])
            if not count:
                return None
            place += count
    return data
