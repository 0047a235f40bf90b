"""How much of each picture the other one shows."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.verification.geometry import Map, inverse
from imagededup.verification.view import View

__all__ = ["Coverage", "coverage", "shown"]

_HALF = 0.5
_MARGIN = 11, 11


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of each picture the other one shows.

    Attributes:
        source: The share of the source that the target shows.
        target: The share of the target that the source shows.
        source_extra: The share of the source's content that lies outside the target.
        target_extra: The share of the target's content that lies outside the source.
    """

    source: float
    target: float
    source_extra: float
    target_extra: float


def coverage(source: View, target: View, matrix: Map) -> Coverage:
    """Lay one picture on the other.

    Args:
        source: A picture.
        target: The other one.
        matrix: The affine map from grey pixels of the source to those of the target.
    """
    inside = shown(target.grey, matrix, source.grey)
    back = shown(source.grey, inverse(matrix), target.grey)
    return Coverage(
        float(back.mean()), float(inside.mean()), _extra(source, back), _extra(target, inside)
    )


def shown(picture: NDArray[np.uint8], matrix: Map, other: NDArray[np.uint8]) -> NDArray[np.float32]:
    """1 where another picture shows this one, 0 elsewhere, float32 of the picture's shape.

    Args:
        picture: uint8 of shape (h, w).
        matrix: The affine map from pixels of the other picture to pixels of this one.
        other: uint8 of shape (h, w).
    """
    ones = np.ones(other.shape, np.float32)
    return np.asarray(cv2.warpAffine(ones, matrix, picture.shape[::-1]), np.float32)


def _extra(view: View, covered: NDArray[np.float32]) -> float:
    """The share of a picture's content that is not covered; a border of one colour is none."""
    outside = cv2.erode((covered < _HALF).astype(np.uint8), np.ones(_MARGIN), borderValue=(1,))
    return float((view.content & (outside > 0)).sum() / max(int(view.content.sum()), 1))
