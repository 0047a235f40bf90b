"""Weighted sums of the rows, or of the columns, of 8-bit images, and their luma, compiled."""

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled

__all__ = ["PRECISION_BITS", "combine_columns", "combine_rows", "luma"]

PRECISION_BITS = 22
"""Bits behind the point of weights."""

_HALF = 1 << (PRECISION_BITS - 1)
_BAND = 16

Pixels = NDArray[np.uint8]


@compiled
def combine_rows(
    pixels: Pixels, first: NDArray[np.int64], count: NDArray[np.int64], weights: NDArray[np.int32]
) -> Pixels:
    """Every new row as a weighted sum of rows.

    Args:
        pixels: uint8 of shape (h, w, channels).
        first: The first row of each sum.
        count: The number of rows of each.
        weights: Their weights, one line a sum.
    """
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels)
    return _combine(rows, 1, first, count, weights).reshape(len(first), width, channels)


@compiled
def combine_columns(
    pixels: Pixels, first: NDArray[np.int64], count: NDArray[np.int64], weights: NDArray[np.int32]
) -> Pixels:
    """Every new column as a weighted sum of columns; the arguments are those of `combine_rows`."""
    height, width, channels = pixels.shape
    columns = _transposed(pixels.reshape(height, width * channels))
    new = _combine(columns, channels, first, count, weights)
    return _transposed(new).reshape(height, len(first), channels)


@compiled
def luma(pixels: Pixels) -> Pixels:
    """The luma of uint8 of shape (h, w, 3) after ITU-R 601-2, uint8 of shape (h, w)."""
    height, width, _ = pixels.shape
    result = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            weighted = np.uint32(0x8000)
            weighted += np.uint32(pixels[y, x, 0]) * np.uint32(19595)
            weighted += np.uint32(pixels[y, x, 1]) * np.uint32(38470)
            weighted += np.uint32(pixels[y, x, 2]) * np.uint32(7471)
            result[y, x] = np.uint8(weighted >> np.uint32(16))
    return result


@compiled
def _combine(
    rows: Pixels,
    step: int,
    first: NDArray[np.int64],
    count: NDArray[np.int64],
    weights: NDArray[np.int32],
) -> Pixels:
    """Sums of every `step`-th row; inner loops run along rows, and take four at once."""
    length = rows.shape[1]
    result = np.empty((len(first) * step, length), np.uint8)
    total = np.empty(length, np.int32)
    for new in range(len(result)):
        line = weights[new // step]
        taps = count[new // step]
        begin = first[new // step] * step + new % step
        total[:] = _HALF
        for tap in range(0, taps - 3, 4):
            row_0, row_1 = rows[begin + tap * step], rows[begin + (tap + 1) * step]
            row_2, row_3 = rows[begin + (tap + 2) * step], rows[begin + (tap + 3) * step]
            weight_0, weight_1 = line[tap], line[tap + 1]
            weight_2, weight_3 = line[tap + 2], line[tap + 3]
            for x in range(length):
                first_two = np.int32(row_0[x]) * weight_0 + np.int32(row_1[x]) * weight_1
                last_two = np.int32(row_2[x]) * weight_2 + np.int32(row_3[x]) * weight_3
                total[x] = np.int32(total[x] + first_two + last_two)
        for tap in range(taps - taps % 4, taps):
            row, weight = rows[begin + tap * step], line[tap]
            for x in range(length):
                total[x] = np.int32(total[x] + np.int32(np.int32(row[x]) * weight))
        for x in range(length):
            result[new, x] = np.uint8(min(max(total[x] >> PRECISION_BITS, 0), 255))
    return result


@compiled
def _transposed(values: Pixels) -> Pixels:
    """Rows as columns, in bands that stay in the processor's cache."""
    height, width = values.shape
    result = np.empty((width, height), np.uint8)
    in_bands = height - height % _BAND
    for start in range(0, in_bands, _BAND):
        for x in range(width):
            for y in range(_BAND):
                result[x, start + y] = values[start + y, x]
    for x in range(width):
        for y in range(in_bands, height):
            result[x, y] = values[y, x]
    return result
