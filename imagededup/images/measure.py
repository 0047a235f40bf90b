"""How bright, how rich in contrast and how sharp a picture is, in numbers.

All pictures are measured at one size, 160 x 160 grey pixels, so that the numbers of large and small
ones can be compared, and because larger pixels are rarely decoded. A picture counts as sharp if it
looks sharp at that size; one that had fewer pixels is enlarged, and looks blurred.
"""

import math

import numpy as np
from numpy.typing import NDArray

from imagededup.images.decode import Pixels, Reduction
from imagededup.images.resample import Filter, resize
from imagededup.utils.jit import compiled

__all__ = ["MEASURED_SIDE", "MEASURES", "REDUCTION", "measure"]

MEASURED_SIDE = 160
"""Width and height of the pictures that are measured."""

REDUCTION = Reduction(above=0, down_to=MEASURED_SIDE)
"""When a JPEG may be decoded at reduced size for it."""

MEASURES = ("mean", "stdv", "min", "max", "contrast", "blur", "unique")
"""What is measured, in the order of the numbers."""

_SHARE_LEFT_OUT = 0.01


def measure(pixels: Pixels) -> NDArray[np.float32]:
    """Measure a picture.

    Grey levels are the luma after ITU-R 601-2, 0 to 255. Blur is the variance of the Laplacian
    (Pech-Pacheco et al. 2000), four neighbours minus four times the pixel: the lower, the more
    blurred.

    Args:
        pixels: uint8 of shape (h, w, 3) in RGB or (h, w, 1), C-contiguous; resized to 160 x 160 if
            it has another size.

    Returns:
        float32 of shape (7,), named by `MEASURES`: mean, standard deviation, minimum and maximum of
        the grey levels; contrast, the share of the whole range, 0 to 1, between the darkest and
        the brightest level when 1 % is left out at each end; blur; how many levels occur, 1 to 256.

    Examples:
        >>> half = np.zeros((160, 160, 1), np.uint8)
        >>> half[:, 80:] = 255
        >>> dict(zip(MEASURES, measure(half).tolist()))["mean"]
        127.5
    """
    return _measured(resize(pixels, (MEASURED_SIDE, MEASURED_SIDE), Filter.BILINEAR))


@compiled
def _measured(pixels: Pixels) -> NDArray[np.float32]:
    """What `measure` returns, of a picture of the right size; sums are of whole numbers."""
    height, width, channels = pixels.shape
    grey = np.empty((height, width), np.int32)
    count = np.zeros(256, np.int64)
    for y in range(height):
        for x in range(width):
            level = np.int32(pixels[y, x, 0])
            if channels == 3:
                weighted = 19595 * level + 38470 * pixels[y, x, 1] + 7471 * pixels[y, x, 2]
                level = np.int32((weighted + 0x8000) >> 16)
            grey[y, x] = level
            count[level] += 1
    edges, squares = 0, 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            around = grey[y - 1, x] + grey[y + 1, x] + grey[y, x - 1] + grey[y, x + 1]
            edge = int(around - 4 * grey[y, x])
            edges += edge
            squares += edge * edge
    inner = (height - 2) * (width - 2)
    result = np.empty(7, np.float32)
    result[:5] = _of_levels(count, height * width)
    result[5] = squares / inner - (edges / inner) ** 2
    result[6] = np.count_nonzero(count)
    return result


@compiled
def _of_levels(count: NDArray[np.int64], total: int) -> NDArray[np.float32]:
    """Mean, standard deviation, minimum, maximum and contrast of grey levels.

    Args:
        count: How many pixels have each level.
        total: How many there are.
    """
    left_out = _SHARE_LEFT_OUT * total
    levels, squares, below = 0, 0, 0
    lowest, highest, dark, bright = -1, 0, -1, -1
    for level in range(len(count)):
        levels += level * count[level]
        squares += level * level * count[level]
        below += count[level]
        if count[level] > 0:
            highest = level
            lowest = level if lowest < 0 else lowest
        dark = level if dark < 0 and below >= left_out else dark
        bright = level if bright < 0 and below >= total - left_out else bright
    mean = levels / total
    deviation = math.sqrt(max(0.0, squares / total - mean * mean))
    contrast = (bright - dark) / (len(count) - 1)
    return np.array([mean, deviation, lowest, highest, contrast], np.float32)
