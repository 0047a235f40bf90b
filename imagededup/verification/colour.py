"""Whether the colours of two pictures agree, whatever was done to brightness and saturation."""

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.verification.geometry import Map

__all__ = ["colour_agreement"]

_LEAST_CHROMA = 5.0
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def colour_agreement(source: NDArray[np.uint8], target: NDArray[np.uint8], matrix: Map) -> float:
    """The cosine of the colour differences of two pictures where one lies on the other.

    Args:
        source: RGB, uint8 of shape (h, w, 3).
        target: RGB, uint8 of shape (h, w, 3).
        matrix: The affine map from pixels of the source to pixels of the target.

    Returns:
        -1.0 to 1.0; 1.0 as well where either picture is grey.
    """
    size = target.shape[1::-1]
    ones = np.ones(source.shape[:2], np.float32)
    common = np.asarray(cv2.warpAffine(ones, matrix, size)) > 0.99
    left = np.asarray(cv2.warpAffine(_chroma(source), matrix, size))[common]
    right = _chroma(target)[common]
    if len(right) == 0:
        return 1.0
    lengths = np.sqrt((left**2).sum() / len(left)), np.sqrt((right**2).sum() / len(right))
    if min(lengths) < _LEAST_CHROMA:
        return 1.0
    return float((left * right).sum() / len(right) / (lengths[0] * lengths[1]))


def _chroma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Red and blue without the luma."""
    values = pixels.astype(np.float32)
    luma = values @ _LUMA
    return np.stack([values[:, :, 0] - luma, values[:, :, 2] - luma], axis=2)
