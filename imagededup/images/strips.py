"""Large images in strips of rows, so that no second copy of the whole is made."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["strips"]

_VALUES = 2**22


def strips(image: Image.Image | NDArray[Any]) -> Iterator[tuple[slice, Any]]:
    """The rows of each strip and the strip itself, an image or a view, from top to bottom.

    Args:
        image: A decoded image, or an array whose first axis is the rows.
    """
    if isinstance(image, np.ndarray):
        height, values = len(image), image[:1].size
    else:
        height, values = image.height, 4 * image.width  # Pillow's pixels have four bytes
    rows = max(1, _VALUES // max(1, values))
    for top in range(0, height, rows):
        part = slice(top, min(top + rows, height))
        if isinstance(image, np.ndarray):
            yield part, image[part]
        elif part.stop - part.start == height:
            yield part, image
        else:
            yield part, image.crop((0, part.start, image.width, part.stop))
