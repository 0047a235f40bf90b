"""How well two pictures agree, window by window, where one is laid on the other.

The measure is the correlation of a window's pixels, which brightness and contrast leave alone. The
sharper picture is blurred to match the other. A window that is white or black in one picture
because that one was made brighter or darker says nothing.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.verification.geometry import Map, inverse, scale_of

__all__ = ["Agreement", "agreement"]

Grey = NDArray[np.uint8]
Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]

_WINDOW = 15, 15
_STRIDE = 6
_NOISE = 4.0
_TEXTURED = 5.0**2
_STRONG = 10.0**2
_CONTENT = 2.5**2
_FLAT = 4.0**2
_WHITE, _NEARLY_WHITE = 235.0, 225.0
_BLACK, _NEARLY_BLACK = 20.0, 30.0
_DISAGREES = 0.5
_AGREES = 0.8
_ENOUGH = 0.95
_HOPELESS = 0.25
_BLURS = ((1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (1.0, 3.5), (3.5, 1.0), (2.0, 2.0), (3.5, 3.5))
_HANDICAPS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.02, 0.04)
"""What a blur of both pictures must gain, because it hides differences."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two pictures agree where the source is laid on the target.

    Attributes:
        windows: How many windows have texture in either picture.
        mean: Their mean correlation.
        low: The correlation that 99 % of those with strong texture exceed; 1 without any.
        differing: The share of all windows that disagree.
        region: A box around those, in shares of the target's width and height; None without any.
        spread: How much the contrast of the pictures differs from window to window: the range, in
            logarithms, of four fifths of the windows that agree.
        residual: The grey level that 98 % of the windows differ by at most, after the change of
            brightness and contrast that fits best.
        source_covered: The share of the source that the target shows.
        target_covered: The share of the target that the source shows.
        source_extra: The share of the source's content that lies outside the target.
        target_extra: The share of the target's content that lies outside the source.
    """

    windows: int
    mean: float
    low: float
    differing: float
    region: Box | None
    spread: float
    residual: float
    source_covered: float
    target_covered: float
    source_extra: float
    target_extra: float


def agreement(source: Grey, target: Grey, matrix: Map) -> Agreement:
    """Compare the target with the source that is laid on it.

    Args:
        source: uint8 of shape (h, w).
        target: uint8 of shape (h, w).
        matrix: The affine map from pixels of the source to pixels of the target.
    """
    height, width = target.shape
    moved = cv2.warpAffine(
        _antialiased(source, scale_of(matrix)),
        matrix,
        (width, height),
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = _covered(source, matrix, target)
    back = _covered(target, inverse(matrix), source)
    whole = (inside > 0.99).astype(np.float32)
    mask: Image = np.asarray(cv2.erode(whole, np.ones((3, 3)), borderValue=(1.0,)), np.float32)
    shares: Image = np.asarray(cv2.boxFilter(mask, -1, _WINDOW), np.float32)
    weight = shares[::_STRIDE, ::_STRIDE]
    seen = (weight > 0.4) & (mask[::_STRIDE, ::_STRIDE] > 0)
    windows = _best_blur(np.asarray(moved), target.astype(np.float32), mask, weight, seen)
    return Agreement(
        *windows.summary(seen),
        source_covered=float(back.mean()),
        target_covered=float(inside.mean()),
        source_extra=_extra(source, back),
        target_extra=_extra(target, inside),
    )


def _antialiased(source: Grey, scale: float) -> Image:
    pixels = source.astype(np.float32)
    if scale > 0.8:
        return pixels
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.45 * np.sqrt(1 / scale**2 - 1)))


def _covered(picture: Grey, matrix: Map, other: Grey) -> Image:
    """1 where another picture shows this one, 0 elsewhere."""
    ones = np.ones(picture.shape, np.float32)
    return np.asarray(cv2.warpAffine(ones, matrix, other.shape[::-1]), np.float32)


def _extra(grey: Grey, covered: Image) -> float:
    """The share of a picture's content that is not covered; a border of one colour is none."""
    pixels = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0)
    mean = cv2.boxFilter(pixels, -1, (9, 9))
    content = cv2.boxFilter(pixels * pixels, -1, (9, 9)) - mean * mean > _CONTENT
    outside = cv2.erode((covered < 0.5).astype(np.uint8), np.ones((11, 11)), borderValue=(1,))
    return float((content & (outside > 0)).sum() / max(int(content.sum()), 1))


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """Windows of both pictures, those that are seen: arrays of shape (n,)."""

    correlation: Image
    source_mean: Image
    source_variance: Image
    target_mean: Image
    target_variance: Image
    source_range: tuple[Image, Image]
    target_range: tuple[Image, Image]

    def summary(self, seen: Mask) -> tuple[int, float, float, float, Box | None, float, float]:
        """The first attributes of `Agreement`."""
        texture = np.maximum(self.source_variance, self.target_variance)
        gain, bias, spread = self._contrast(texture)
        says = (texture > _TEXTURED) & ~self._clipped(gain, bias)
        strong = (texture > _STRONG) & says
        differing = says & (self.correlation < _DISAGREES)
        residual = np.abs(self.target_mean - (gain * self.source_mean + bias))
        return (
            int(says.sum()),
            float(self.correlation[says].mean()) if says.any() else 0.0,
            float(np.quantile(self.correlation[strong], 0.01)) if strong.any() else 1.0,
            float(differing.mean()) if len(differing) else 0.0,
            _box(seen, differing),
            spread,
            float(np.quantile(residual, 0.98)) if len(residual) else 255.0,
        )

    def _contrast(self, texture: Image) -> tuple[float, float, float]:
        """How target = gain * source + bias, and how much the gain varies."""
        good = (self.correlation > _AGREES) & (texture > _TEXTURED)
        if good.sum() < 3:
            return 1.0, 0.0, 0.0
        slopes = np.sqrt((self.target_variance[good] + 1) / (self.source_variance[good] + 1))
        gain = float(np.median(slopes))
        bias = float(np.median(self.target_mean[good] - gain * self.source_mean[good]))
        low, high = np.quantile(np.log(slopes), (0.1, 0.9))
        return gain, bias, float(high - low)

    def _clipped(self, gain: float, bias: float) -> Mask:
        """Windows that are white or black in one picture where the other is nearly so."""
        lowest, highest = self.source_range
        target_lowest, target_highest = self.target_range
        flat = self.target_variance < _FLAT
        white = flat & (self.target_mean > _WHITE) & (gain * lowest + bias > _NEARLY_WHITE)
        black = flat & (self.target_mean < _BLACK) & (gain * highest + bias < _NEARLY_BLACK)
        flat = self.source_variance < _FLAT
        white |= flat & (self.source_mean > _WHITE) & (target_lowest > gain * _NEARLY_WHITE + bias)
        black |= flat & (self.source_mean < _BLACK) & (target_highest < gain * _NEARLY_BLACK + bias)
        return white | black


def _best_blur(moved: Image, fixed: Image, mask: Image, weight: Image, seen: Mask) -> _Windows:
    """The windows at the blur of either picture that lets them agree best."""
    best, most = None, -2.0
    for (one, other), handicap in zip(_BLURS, _HANDICAPS, strict=True):
        source: Image = np.asarray(cv2.GaussianBlur(moved, (0, 0), one), np.float32)
        target: Image = np.asarray(cv2.GaussianBlur(fixed, (0, 0), other), np.float32)
        correlation, *moments = _correlation(source, target, mask, weight, seen)
        textured = np.maximum(moments[1], moments[3]) > _TEXTURED
        typical = float(correlation[textured].mean()) - handicap if textured.any() else -1.0
        if typical > most:
            best, most = (correlation, moments, source, target), typical
        if most > _ENOUGH or typical < _HOPELESS:
            break
    if best is None:  # nothing is seen, or NaN: cannot happen with finite pixels
        raise ValueError("no blur was tried")
    correlation, moments, source, target = best
    return _Windows(
        correlation,
        moments[0],
        moments[1],
        moments[2],
        moments[3],
        _range(source, seen),
        _range(target, seen),
    )


def _correlation(
    source: Image, target: Image, mask: Image, weight: Image, seen: Mask
) -> tuple[Image, Image, Image, Image, Image]:
    """Correlation, and mean and variance of either picture, of the windows that are seen."""
    share = weight[seen]

    def mean(values: Image) -> Image:
        found: Image = np.asarray(cv2.boxFilter(values * mask, -1, _WINDOW), np.float32)
        return found[::_STRIDE, ::_STRIDE][seen] / share

    source_mean, target_mean = mean(source), mean(target)
    source_variance = np.maximum(mean(source * source) - source_mean**2, 0)
    target_variance = np.maximum(mean(target * target) - target_mean**2, 0)
    covariance = mean(source * target) - source_mean * target_mean
    scale = np.sqrt((source_variance + _NOISE) * (target_variance + _NOISE))
    return covariance / scale, source_mean, source_variance, target_mean, target_variance


def _range(pixels: Image, seen: Mask) -> tuple[Image, Image]:
    """The lowest and the highest value of each window."""
    kernel = np.ones(_WINDOW, np.uint8)
    lowest: Image = np.asarray(cv2.erode(pixels, kernel), np.float32)[::_STRIDE, ::_STRIDE]
    highest: Image = np.asarray(cv2.dilate(pixels, kernel), np.float32)[::_STRIDE, ::_STRIDE]
    return lowest[seen], highest[seen]


def _box(seen: Mask, chosen: Mask) -> Box | None:
    """The smallest box around the windows chosen among those seen."""
    if not chosen.any():
        return None
    rows, columns = (places[chosen] for places in np.nonzero(seen))
    height, width = seen.shape
    return (
        float(columns.min() / width),
        float(rows.min() / height),
        float((columns.max() + 1) / width),
        float((rows.max() + 1) / height),
    )
