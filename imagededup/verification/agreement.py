"""How well two pictures agree, window by window, where one is laid on the other.

The measure is the correlation of a window's pixels, which brightness and contrast leave alone. The
sharper picture is blurred to match the other. A window that is white or black in one picture
because that one was made brighter or darker says nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from imagededup.verification.coverage import shown
from imagededup.verification.geometry import Map, scale_of

__all__ = ["Agreement", "Box", "Laid", "agreement", "cells", "laid_on", "rough_agreement"]

Grey = NDArray[np.uint8]
Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[float, float, float, float]

_CELL = 3
_WINDOW = 5, 5  # cells
_STRIDE = 2
_HALF_WINDOW = 3, 3
_HALF_STRIDE = 1
_CELL_KERNEL = np.ones((_CELL, _CELL))
_LEAST_SHARE = 0.4
_NEARLY_ALL = 0.99
_NOISE = 4.0
_TEXTURED = 5.0**2
_STRONG = 10.0**2
_FLAT = 4.0**2
_WHITE, _NEARLY_WHITE = 235.0, 225.0
_BLACK, _NEARLY_BLACK = 20.0, 30.0
_DISAGREES = 0.5
_STRONGLY_AGREES = 0.6
_FEW = 3
_ENOUGH_WHOLE = 0.1
_DARKEST, _BRIGHTEST = 5.0, 250.0
_AGREES = 0.8
_ENOUGH = 0.95
_HOPELESS = 0.25
_BLURS = ((1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (1.0, 3.5), (3.5, 1.0), (2.0, 2.0), (3.5, 3.5))
_HANDICAPS = (0.0, 0.0, 0.0, 0.0, 0.0, 0.02, 0.04)
"""What a blur of both pictures must gain, because it hides differences."""
_HALF_BLURS = tuple((source / 2, target / 2) for source, target in _BLURS)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two pictures agree where the source is laid on the target.

    Attributes:
        windows: How many windows have texture in either picture.
        mean: Their mean correlation.
        low: The correlation that 99 % of those with strong texture exceed; 1 without any.
        differing: The share of all windows that disagree.
        differing_windows: How many these are.
        region: A box around those, in shares of the target's width and height; None without any.
        spread: How much the contrast of the pictures differs from window to window: the range, in
            logarithms, of four fifths of the windows that agree.
        residual: The grey level that 98 % of the windows differ by at most, after the change of
            brightness and contrast that fits best.
    """

    windows: int
    mean: float
    low: float
    differing: float
    differing_windows: int
    region: Box | None
    spread: float
    residual: float


class Laid(NamedTuple):
    """A picture laid on another one, the target.

    Attributes:
        moved: The picture where it lies on the target, float32 of the target's shape.
        inside: 1 where it does, 0 elsewhere, of the same shape.
    """

    moved: Image
    inside: Image


def agreement(laid: Laid, target: Grey) -> Agreement:
    """Compare the target with the source that is laid on it.

    Args:
        laid: The source on the target.
        target: uint8 of shape (h, w).
    """
    plain = _Overlay.of(laid.moved, target.astype(np.float32), laid.inside, _WINDOW, _STRIDE)
    overlay, windows = _best_blur(plain)
    return Agreement(*windows.summary(overlay))


def laid_on(source: Grey, target: Grey, matrix: Map) -> Laid:
    """Lay the source on the target.

    Args:
        source: uint8 of shape (h, w).
        target: uint8 of shape (h, w).
        matrix: The affine map from pixels of the source to pixels of the target.
    """
    moved = cv2.warpAffine(
        _antialiased(source, scale_of(matrix)),
        matrix,
        target.shape[::-1],
        borderMode=cv2.BORDER_REPLICATE,
    )
    whole = (shown(target, matrix, source) > _NEARLY_ALL).astype(np.float32)
    mask = cv2.erode(whole, np.ones((3, 3)), borderValue=(1.0,))
    return Laid(np.asarray(moved, np.float32), np.asarray(mask, np.float32))


def rough_agreement(source: Grey, target: Grey, matrix: Map) -> float:
    """The mean correlation of the windows with texture at half the size, -1 without any.

    It takes a fraction of the time of `agreement`, and a map that is some pixels off will do.
    """
    height, width = target.shape
    half = np.array([[0.5], [0.5]]) * matrix + np.array([[0, 0, -0.25], [0, 0, -0.25]])
    size = max(1, width // 2), max(1, height // 2)
    moved = cv2.warpAffine(_antialiased(source, scale_of(half)), half, size)
    mask = cv2.warpAffine(np.ones(source.shape, np.float32), half, size) > _NEARLY_ALL
    overlay = _Overlay.of(
        np.asarray(moved, np.float32),
        _halved(target.astype(np.float32)),
        mask.astype(np.float32),
        _HALF_WINDOW,
        _HALF_STRIDE,
    )
    return overlay.blurred(1.0, 1.0).windows().typical()


def _antialiased(source: Grey, scale: float) -> Image:
    pixels = source.astype(np.float32)
    if scale > 0.8:
        return pixels
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.45 * np.sqrt(1 / scale**2 - 1)))


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """Windows of both pictures, those that are seen: arrays of shape (n,)."""

    correlation: Image
    source_mean: Image
    source_variance: Image
    target_mean: Image
    target_variance: Image

    def typical(self) -> float:
        """The mean correlation of those with texture, -1 without any."""
        textured = np.maximum(self.source_variance, self.target_variance) > _TEXTURED
        return float(self.correlation[textured].mean()) if textured.any() else -1.0

    def summary(
        self, overlay: "_Overlay"
    ) -> tuple[int, float, float, float, int, Box | None, float, float]:
        """The first attributes of `Agreement`."""
        texture = np.maximum(self.source_variance, self.target_variance)
        ranges = overlay.range_of(overlay.source), overlay.range_of(overlay.target)
        gain, bias, spread = self._contrast(texture, *ranges)
        says = (texture > _TEXTURED) & ~self._clipped(gain, bias, *ranges)
        strong = (texture > _STRONG) & says
        differing = says & (self.correlation < np.where(strong, _STRONGLY_AGREES, _DISAGREES))
        residual = self._residual(gain, bias)
        return (
            int(says.sum()),
            float(self.correlation[says].mean()) if says.any() else 0.0,
            float(np.quantile(self.correlation[strong], 0.01)) if strong.any() else 1.0,
            float(differing.mean()) if len(differing) else 0.0,
            int(differing.sum()),
            _box(overlay.seen, differing),
            spread,
            float(np.quantile(residual, 0.98)) if len(residual) else 255.0,
        )

    def _contrast(
        self, texture: Image, source: tuple[Image, Image], target: tuple[Image, Image]
    ) -> tuple[float, float, float]:
        """How target = gain * source + bias, and how much the gain varies."""
        good = (self.correlation > _AGREES) & (texture > _TEXTURED)
        if good.sum() < _FEW:
            return 1.0, 0.0, 0.0
        lowest, highest = np.minimum(source[0], target[0]), np.maximum(source[1], target[1])
        whole = good & (lowest > _DARKEST) & (highest < _BRIGHTEST)
        if whole.sum() >= max(_FEW, _ENOUGH_WHOLE * good.sum()):
            good = whole
        slopes = np.sqrt((self.target_variance[good] + 1) / (self.source_variance[good] + 1))
        gain = float(np.median(slopes))
        bias = float(np.median(self.target_mean[good] - gain * self.source_mean[good]))
        low, high = np.quantile(np.log(slopes), (0.1, 0.9))
        return gain, bias, float(high - low)

    def _residual(self, gain: float, bias: float) -> Image:
        """Grey levels between the means of windows, whichever picture has lost its extremes."""
        forth = np.abs(self.target_mean - np.clip(gain * self.source_mean + bias, 0, 255))
        back = np.abs(self.source_mean - np.clip((self.target_mean - bias) / gain, 0, 255))
        residual: Image = np.minimum(forth, gain * back)
        return residual

    def _clipped(
        self, gain: float, bias: float, source: tuple[Image, Image], target: tuple[Image, Image]
    ) -> Mask:
        """Windows that are white or black in one picture where the other is nearly so."""
        lowest, highest = source
        target_lowest, target_highest = target
        flat = self.target_variance < _FLAT
        white = flat & (self.target_mean > _WHITE) & (gain * lowest + bias > _NEARLY_WHITE)
        black = flat & (self.target_mean < _BLACK) & (gain * highest + bias < _NEARLY_BLACK)
        flat = self.source_variance < _FLAT
        white |= flat & (self.source_mean > _WHITE) & (target_lowest > gain * _NEARLY_WHITE + bias)
        black |= flat & (self.source_mean < _BLACK) & (target_highest < gain * _NEARLY_BLACK + bias)
        return white | black


class _Moments(NamedTuple):
    """A picture, and the mean and the variance of its windows."""

    picture: Image
    mean: Image
    variance: Image


@dataclass(frozen=True, slots=True, eq=False)
class _Overlay:
    """Two pictures of one size, and where windows of both are seen.

    Attributes:
        source: float32 of shape (h, w).
        target: The same.
        mask: 1 where the source lies on the target, 0 elsewhere, of the same shape.
        window: Width and height of a window in cells.
        stride: Cells from window to window.
        weight: The share of each window that lies in the mask.
        seen: The windows that count.
    """

    source: Image
    target: Image
    mask: Image
    window: tuple[int, int]
    stride: int
    weight: Image
    seen: Mask

    @classmethod
    def of(
        cls, source: Image, target: Image, mask: Image, window: tuple[int, int], stride: int
    ) -> Self:
        """Choose the windows."""
        shown_cells = cells(mask, _CELL)
        shares: Image = np.asarray(cv2.boxFilter(shown_cells, -1, window), np.float32)
        weight = shares[::stride, ::stride]
        seen = (weight > _LEAST_SHARE) & (shown_cells[::stride, ::stride] > 0)
        return cls(source, target, mask, window, stride, weight, seen)

    def halved(self) -> "_Overlay":
        """The same at half the size."""
        smaller = (_halved(picture) for picture in (self.source, self.target, self.mask))
        source, target, mask = smaller
        return _Overlay.of(source, target, np.floor(mask), _HALF_WINDOW, _HALF_STRIDE)

    def blurred(self, source: float, target: float) -> "_Overlay":
        """The same with both pictures blurred, by standard deviations in pixels."""
        return replace(
            self, source=_blurred(self.source, source), target=_blurred(self.target, target)
        )

    def windows(self) -> _Windows:
        """All windows that are seen."""
        return self._correlated(self._moments(self.source), self._moments(self.target))

    def typical_of(self, blurs: Sequence[tuple[float, float]]) -> list[float]:
        """The mean correlation of the windows with texture after each of some blurs."""
        sources = {sigma: self._moments(_blurred(self.source, sigma)) for sigma, _ in blurs}
        targets = {sigma: self._moments(_blurred(self.target, sigma)) for _, sigma in blurs}
        return [self._correlated(sources[one], targets[other]).typical() for one, other in blurs]

    def range_of(self, pixels: Image) -> tuple[Image, Image]:
        """The lowest and the highest value of each window."""
        places = slice(None, None, self.stride), slice(None, None, self.stride)
        lowest = cv2.erode(_middles(cv2.erode(pixels, _CELL_KERNEL)), np.ones(self.window))
        highest = cv2.dilate(_middles(cv2.dilate(pixels, _CELL_KERNEL)), np.ones(self.window))
        ranges = (np.asarray(limit, np.float32)[places][self.seen] for limit in (lowest, highest))
        least, most = ranges
        return least, most

    def _moments(self, picture: Image) -> _Moments:
        mean = self._mean(picture)
        return _Moments(picture, mean, np.maximum(self._mean(picture * picture) - mean * mean, 0))

    def _correlated(self, source: _Moments, target: _Moments) -> _Windows:
        covariance = self._mean(source.picture * target.picture) - source.mean * target.mean
        noise = np.float32(_NOISE)
        scale = np.sqrt((source.variance + noise) * (target.variance + noise))
        correlation: Image = np.asarray(covariance / scale, np.float32)
        return _Windows(correlation, source.mean, source.variance, target.mean, target.variance)

    def _mean(self, values: Image) -> Image:
        sums: Image = np.asarray(cv2.boxFilter(cells(values * self.mask, _CELL), -1, self.window))
        return sums[:: self.stride, :: self.stride][self.seen] / self.weight[self.seen]


def cells(picture: Image, side: int) -> Image:
    """The means of square cells, without what is left over at the right and below."""
    height, width = (max(1, length // side) for length in picture.shape)
    whole = picture[: height * side, : width * side]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _middles(picture: Any) -> Image:  # noqa: ANN401
    """The middle pixels of the cells."""
    height, width = (side // _CELL * _CELL for side in picture.shape)
    return np.ascontiguousarray(picture[1:height:_CELL, 1:width:_CELL], np.float32)


def _blurred(picture: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)


def _halved(picture: Image) -> Image:
    size = max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _best_blur(overlay: _Overlay) -> tuple[_Overlay, _Windows]:
    """The pictures, blurred so that they agree best; at half the size it is tried which way."""
    plain = overlay.blurred(*_BLURS[0])
    windows = plain.windows()
    if not _HOPELESS <= windows.typical() <= _ENOUGH:
        return plain, windows
    gains = np.array(overlay.halved().typical_of(_HALF_BLURS)) - _HANDICAPS
    chosen = int(np.argmax(gains))
    if chosen == 0:
        return plain, windows
    blurred = overlay.blurred(*_BLURS[chosen])
    return blurred, blurred.windows()


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
