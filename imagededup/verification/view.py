"""A picture as verification looks at it: small, grey, with its local features."""

from dataclasses import dataclass
from os import PathLike
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.images.decode import Pixels, Reduction, load_image

__all__ = ["REDUCTION", "View", "look", "view_of"]

REDUCTION = Reduction(above=512, down_to=256)
"""Large JPEGs are decoded at reduced size."""

_SIDE = 256
_FEATURES = 400


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture as verification looks at it.

    Attributes:
        size: Width and height of the picture in pixels.
        grey: uint8 of shape (h, w).
        points: Where the local features are in `grey`, float32 of shape (n, 2).
        descriptors: float32 of shape (n, 128).
    """

    size: tuple[int, int]
    grey: NDArray[np.uint8]
    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]


def look(path: str | PathLike[str]) -> View:
    """Decode a picture and find its local features.

    Raises:
        UnreadableImageError: The file cannot be decoded; the message says why.
    """
    return view_of(load_image(path, REDUCTION))


def view_of(pixels: Pixels) -> View:
    """The view of a picture given as uint8 of shape (h, w, 3) in RGB or (h, w, 1)."""
    height, width = pixels.shape[:2]
    scale = _SIDE / max(width, height)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    grey: NDArray[Any] = (
        pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    )
    grey = np.asarray(
        cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC),
        np.uint8,
    )
    found, descriptors = cv2.SIFT.create(
        nfeatures=_FEATURES, contrastThreshold=0.02
    ).detectAndCompute(grey, None)
    if descriptors is None:
        return View(
            (width, height), grey, np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
        )
    rooted = np.sqrt(descriptors / (descriptors.sum(axis=1, keepdims=True) + 1e-7))
    return View((width, height), grey, np.array([point.pt for point in found], np.float32), rooted)
