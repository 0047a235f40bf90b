"""Resizing of 8-bit images, equal to Pillow's to the bit and two to three times as fast.

The convolution is Pillow's: each axis on its own, weights rounded to 22 bits, 8-bit pixels between
the two passes (Pillow, `src/libImaging/Resample.c`). Since Pillow 13 the vertical pass comes first
for tall images; this module always does so, and hashes do not depend on the installed Pillow. The
first images of a process are resized by Pillow, an axis at a time: to load numba takes longer.
"""

import math
from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.images.convolution import (
    PRECISION_BITS,
    combine_columns,
    combine_rows,
    luma,
)
from imagededup.images.decode import Pixels
from imagededup.utils.jit import compiled, worth_compiling

__all__ = ["Filter", "grey", "resize", "resize_by_pillow", "resize_compiled"]

_PILLOW_COST = 1.5e-9
"""How many seconds longer Pillow takes for each number of an image."""

_MOST_FOR_PILLOW = 2**23
"""Numbers of the largest image that Pillow gets: it copies images of three channels to four."""


_LUMA = np.array([19595, 38470, 7471], np.uint32)


class Filter(IntEnum):
    """The interpolation kernels; the value is the support in source pixels at scale 1."""

    BILINEAR = 1
    BICUBIC = 2
    LANCZOS = 3


def resize(pixels: Pixels, size: tuple[int, int], kernel: Filter = Filter.LANCZOS) -> Pixels:
    """Resize an image, ignoring its aspect ratio.

    Args:
        pixels: uint8 of shape (h, w, 3) or (h, w, 1), C-contiguous.
        size: Width and height of the result in pixels.
        kernel: The interpolation kernel.

    Returns:
        uint8 of shape (height, width, 3 or 1), equal to `PIL.Image.Image.resize` of Pillow 13.
    """
    if pixels.size > _MOST_FOR_PILLOW or worth_compiling(pixels.size * _PILLOW_COST):
        return resize_compiled(pixels, size, kernel)
    return resize_by_pillow(pixels, size, kernel)


def resize_by_pillow(pixels: Pixels, size: tuple[int, int], kernel: Filter) -> Pixels:
    """As `resize`, without compiled code."""
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    width, height = size
    between = (image.width, height) if _height_first(pixels, size) else (width, image.height)
    resampling = Image.Resampling[kernel.name]
    resized = np.array(image.resize(between, resampling).resize(size, resampling))
    return resized.reshape(height, width, pixels.shape[2])


def resize_compiled(pixels: Pixels, size: tuple[int, int], kernel: Filter) -> Pixels:
    """As `resize`, by compiled code."""
    width, height = size
    if _height_first(pixels, size):
        return _resize_width(_resize_height(pixels, height, kernel), width, kernel)
    return _resize_height(_resize_width(pixels, width, kernel), height, kernel)


def grey(pixels: Pixels) -> Pixels:
    """Luma of an image after ITU-R 601-2, rounded as by Pillow's conversion to mode 'L'.

    Args:
        pixels: uint8 of shape (h, w, 3) or (h, w, 1).

    Returns:
        uint8 of shape (h, w).
    """
    if pixels.shape[2] == 1:
        return pixels[:, :, 0]
    if worth_compiling(pixels.size * _PILLOW_COST):
        return luma(pixels)
    red, green, blue = (pixels[:, :, channel] * _LUMA[channel] for channel in range(3))
    rounded: NDArray[np.uint32] = (red + green + blue + np.uint32(0x8000)) >> 16
    return rounded.astype(np.uint8)


def _height_first(pixels: Pixels, size: tuple[int, int]) -> bool:
    """Whether an image is so tall that rows are combined before columns."""
    return bool(pixels.shape[0] - size[1] > 2 * max(0, pixels.shape[1] - size[0]))


def _resize_height(pixels: Pixels, height: int, kernel: Filter) -> Pixels:
    if pixels.shape[0] == height:
        return pixels
    return combine_rows(pixels, *_weights(pixels.shape[0], height, int(kernel)))


def _resize_width(pixels: Pixels, width: int, kernel: Filter) -> Pixels:
    if pixels.shape[1] == width:
        return pixels
    return combine_columns(pixels, *_weights(pixels.shape[1], width, int(kernel)))


@lru_cache(maxsize=256)
def _weights(
    length: int, new_length: int, support: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    return _compute_weights(length, new_length, support)


@compiled
def _compute_weights(
    length: int, new_length: int, support: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
    """First source row, number of source rows and fixed-point weights of every new row."""
    scale = length / new_length
    filter_scale = max(scale, 1.0)
    inverse_scale = 1.0 / filter_scale
    reach = support * filter_scale
    taps = int(np.ceil(reach)) * 2 + 1
    first = np.zeros(new_length, np.int64)
    count = np.zeros(new_length, np.int64)
    weights = np.zeros((new_length, taps), np.int32)
    exact = np.zeros(taps)
    for row in range(new_length):
        center = (row + 0.5) * scale
        start = max(int(center - reach + 0.5), 0)
        stop = min(int(center + reach + 0.5), length)
        total = 0.0
        for tap in range(stop - start):
            exact[tap] = _kernel((tap + start - center + 0.5) * inverse_scale, support)
            total += exact[tap]
        for tap in range(stop - start):
            scaled = exact[tap] / total * (1 << PRECISION_BITS)
            weights[row, tap] = int(scaled - 0.5) if scaled < 0 else int(scaled + 0.5)
        first[row] = start
        count[row] = stop - start
    return first, count, weights


@compiled
def _kernel(distance: float, support: int) -> float:
    if not -support <= distance < support:
        return 0.0
    if support == 1:
        return 1.0 - abs(distance)
    if support == 2:
        return _cubic(abs(distance))
    return _sinc(distance) * _sinc(distance / support)


@compiled
def _cubic(x: float) -> float:
    """The cubic convolution kernel with a = -0.5 (Keys 1981)."""
    a = -0.5
    if x < 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a


@compiled
def _sinc(x: float) -> float:
    if x == 0.0:
        return 1.0
    x = x * math.pi
    return math.sin(x) / x
