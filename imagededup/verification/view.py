"""A picture as verification looks at it: small, grey, with its local features."""

import math
from dataclasses import dataclass, field
from functools import cache
from os import PathLike
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.images.decode import Pixels, Reduction, decode, orientation
from imagededup.images.opening import opened

__all__ = [
    "CONTRAST_STEPS",
    "QUARTERS",
    "REDUCTION",
    "LocalFeatures",
    "View",
    "look",
    "normalised",
    "view_of",
]

REDUCTION = Reduction(above=1024, down_to=512)
"""Large JPEGs are decoded at reduced size."""

Grey = NDArray[np.uint8]
Image = NDArray[np.float32]

QUARTERS = 4
"""Quarter turns of a picture, none included."""

CONTRAST_STEPS = 32
"""Of normalised pixels: this much is the standard deviation around a pixel."""

_FINE_SIDE = 768
_SIDE = 256
_FEATURE_SIDE = 160
_FINE_FEATURE_SIDE = 240
_FEW_FEATURES = 120
_COLOUR_SIDE = 64
_THUMBNAIL_SIDE = 24
_LEAST_SIDE = 16
_FEATURES = 200
_CONTRAST = 0.01
_MOST_GAIN = 4.0
_SAMPLED = 4
_AROUND = 31, 31
_SMOOTHING = 1.5
_NOISE = 6.0
_CONTENT = 2.5**2
_DETAIL = 9, 9
_TURNED = 5, 6, 7, 8  # EXIF orientations that exchange width and height


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """The local features of a picture.

    Attributes:
        keypoints: x and y in the grey picture, diameter, and orientation in radians, float32 of
            shape (n, 4).
        descriptors: SIFT descriptors of length 255 after the square root of each entry, uint8 of
            shape (n, 128).
    """

    keypoints: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


@dataclass(slots=True, eq=False)
class View:
    """A picture as verification looks at it, 200 to 700 kB.

    Attributes:
        size: Width and height of the picture in pixels.
        fine: Grey values with most of their range used, uint8 of shape (h, w), the longer side 256
            to 768.
        grey: The same with a longer side of 256.
        colour: RGB, uint8 of shape (h, w, 3), the longer side 64.
        orientations: `grey` squeezed into 24 x 24 pixels, without its mean and of length 1, turned
            to the left by 0 to 3 quarters, then mirrored and turned so; float32 of shape (8, 576).
    """

    size: tuple[int, int]
    fine: Grey
    grey: Grey
    colour: NDArray[np.uint8]
    orientations: NDArray[np.float32]
    _features: LocalFeatures | None = field(default=None, repr=False)
    _normalised: NDArray[np.int8] | None = field(default=None, repr=False)
    _content: NDArray[np.bool_] | None = field(default=None, repr=False)

    @property
    def features(self) -> LocalFeatures:
        """The local features, found when they are first asked for."""
        if self._features is None:
            self._features = _local_features(self.grey)
        return self._features

    @property
    def normalised(self) -> NDArray[np.int8]:
        """`grey`, normalised, made when it is first asked for."""
        if self._normalised is None:
            self._normalised = normalised(self.grey)
        return self._normalised

    @property
    def content(self) -> NDArray[np.bool_]:
        """Where `grey` has any detail, found when it is first asked for."""
        if self._content is None:
            pixels: Image = cv2.GaussianBlur(self.grey, (0, 0), 1.0).astype(np.float32)
            mean = cv2.boxFilter(pixels, -1, _DETAIL)
            variance = cv2.boxFilter(pixels * pixels, -1, _DETAIL) - mean * mean
            self._content = np.asarray(variance > _CONTENT)
        return self._content


def look(path: str | PathLike[str]) -> View:
    """Decode a picture for verification.

    Raises:
        UnreadableImageError: The file cannot be decoded; the message says why.
    """
    with opened(path) as (image, file):
        turned = orientation(image) in _TURNED
        size = image.size[::-1] if turned else image.size
        return view_of(decode(image, file, REDUCTION), size)


def view_of(pixels: Pixels, size: tuple[int, int] | None = None) -> View:
    """The view of a picture given as pixels.

    Args:
        pixels: uint8 of shape (h, w, 3) in RGB or (h, w, 1).
        size: Width and height of the picture, if it was decoded at another size.
    """
    height, width = pixels.shape[:2]
    side = min(_FINE_SIDE, max(_SIDE, height, width))
    fine = _stretched(_resized(_grey(pixels), side))
    grey = _resized(fine, _SIDE)
    colour = _resized(pixels, _COLOUR_SIDE)
    if colour.ndim == 2:
        colour = np.repeat(colour[:, :, None], 3, axis=2)
    return View(size or (width, height), fine, grey, colour, _orientations(grey))


def normalised(grey: Grey) -> NDArray[np.int8]:
    """Pixels without the mean and the contrast around them, in `CONTRAST_STEPS`, int8 (h, w)."""
    pixels: Image = np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _SMOOTHING))
    mean: Image = np.asarray(cv2.boxFilter(pixels, -1, _AROUND))
    variance = np.asarray(cv2.boxFilter(pixels * pixels, -1, _AROUND)) - mean * mean
    contrast = (np.sqrt(np.maximum(variance, 0)) + np.float32(_NOISE)) / CONTRAST_STEPS
    return np.clip(np.rint((pixels - mean) / contrast), -127, 127).astype(np.int8)


def _orientations(grey: Grey) -> NDArray[np.float32]:
    size = _THUMBNAIL_SIDE, _THUMBNAIL_SIDE
    square = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    square -= np.float32(square.mean())
    square /= np.float32(np.linalg.norm(square) + 1e-3)
    turned = [
        np.rot90(face, turns) for face in (square, square[:, ::-1]) for turns in range(QUARTERS)
    ]
    return np.stack(turned).reshape(len(turned), -1)


def _grey(pixels: Pixels) -> NDArray[Any]:
    return pixels[:, :, 0] if pixels.shape[2] == 1 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _resized(pixels: NDArray[Any], side: int) -> NDArray[np.uint8]:
    """The picture with this longer side; a very narrow one keeps 16 pixels across."""
    height, width = pixels.shape[:2]
    scale = side / max(width, height)
    size = max(_LEAST_SIDE, round(width * scale)), max(_LEAST_SIDE, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=method), np.uint8)


def _stretched(grey: Grey) -> Grey:
    """A picture with most of its range used, so that dull pictures have features too."""
    low, high = np.percentile(grey[::_SAMPLED, ::_SAMPLED], (1, 99)).tolist()
    gain = min(255 / max(high - low, 1.0), _MOST_GAIN)
    table: Grey = np.clip((np.arange(256.0) - low) * gain, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(grey, table), np.uint8)


@cache
def _detector() -> Any:  # noqa: ANN401
    return cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=_CONTRAST)


def _local_features(grey: Grey) -> LocalFeatures:
    """SIFT, which doubles a picture before it begins, of a picture that is made smaller.

    A picture without much detail is looked at more closely.
    """
    features = _features_at(grey, _FEATURE_SIDE)
    if len(features.keypoints) < _FEW_FEATURES:
        features = _features_at(grey, _FINE_FEATURE_SIDE)
    return features


def _features_at(grey: Grey, side: int) -> LocalFeatures:
    small = _resized(grey, side)
    found, descriptors = _detector().detectAndCompute(small, None)
    if descriptors is None:
        return LocalFeatures(np.zeros((0, 4), np.float32), np.zeros((0, 128), np.uint8))
    rows = [[*point.pt, point.size, math.radians(point.angle)] for point in found]
    keypoints: NDArray[np.float32] = np.array(rows, np.float32)
    across, down = grey.shape[1] / small.shape[1], grey.shape[0] / small.shape[0]
    keypoints[:, 0] = (keypoints[:, 0] + 0.5) * across - 0.5
    keypoints[:, 1] = (keypoints[:, 1] + 0.5) * down - 0.5
    keypoints[:, 2] *= (across + down) / 2
    entries: NDArray[np.float32] = np.asarray(descriptors, np.float32)
    sums = entries.sum(axis=1, keepdims=True) + np.float32(1e-7)
    return LocalFeatures(keypoints, np.rint(255 * np.sqrt(entries / sums)).astype(np.uint8))
