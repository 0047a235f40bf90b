"""Which images stand out in a way that often means something is wrong with them.

The limits were chosen on 3,000 photographs, drawings, scans and product pictures: none of the
photographs is flagged, and of photographs that were blurred by 1 % of their longer side (standard
deviation of the Gaussian) 85 % count as blurred.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLAGS", "Columns", "area", "flags", "sharpness", "stretch"]

Columns = Mapping[str, NDArray[Any]]
"""Numbers of n images by name: width, height, and what `measure` gives."""

FLAGS = {
    "blank": "almost one grey level: a standard deviation below 2",
    "dark": "a mean grey level below 20 of 255",
    "bright": "a mean grey level above 245 of 255",
    "blurred": "a variance of the Laplacian below 0.012 of that of the grey levels, at 160 x 160 "
    "pixels",
    "stretched": "one side at least 4 times as long as the other",
    "odd size": "far fewer or far more pixels than most images",
}
"""The flags with what they mean."""

_BLANK = 2.0
_DARK = 20.0
_BRIGHT = 245.0
_BLURRED = 0.012
_STRETCHED = 4.0
_FENCE = 3.0
_LEAST_SPREAD = 0.5


def sharpness(columns: Columns) -> NDArray[np.float64]:
    """Variance of the Laplacian by the variance of the grey levels, so that contrast is no matter.

    Returns:
        float64 of shape (n,); NaN for an image of one grey level.
    """
    deviation = columns["stdv"].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: NDArray[np.float64] = columns["blur"] / deviation**2
    return np.where(deviation > 0, ratio, np.nan)


def stretch(columns: Columns) -> NDArray[np.float64]:
    """The longer side by the shorter one, float64 of shape (n,)."""
    sides = np.stack([columns["width"], columns["height"]]).astype(np.float64)
    ratio: NDArray[np.float64] = sides.max(0) / sides.min(0)
    return ratio


def area(columns: Columns) -> NDArray[np.float64]:
    """Width times height, float64 of shape (n,)."""
    return columns["width"].astype(np.float64) * columns["height"]


def flags(columns: Columns) -> dict[str, NDArray[np.bool_]]:
    """Which of n images have each of `FLAGS`; a blank one is neither dark, bright nor blurred.

    Examples:
        >>> one = {"width": np.array([9]), "height": np.array([90]), "stdv": np.array([50.0])}
        >>> found = flags({**one, "mean": np.array([8.0]), "blur": np.array([9e2])})
        >>> [name for name, flagged in found.items() if flagged[0]]
        ['dark', 'stretched']
    """
    mean = columns["mean"]
    blank = columns["stdv"] < _BLANK
    return {
        "blank": blank,
        "dark": ~blank & (mean < _DARK),
        "bright": ~blank & (mean > _BRIGHT),
        "blurred": ~blank & (sharpness(columns) < _BLURRED),
        "stretched": stretch(columns) >= _STRETCHED,
        "odd size": _is_odd(np.log2(area(columns))),
    }


def _is_odd(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values lie far outside of the middle half of all: Tukey's outer fences."""
    if len(values) == 0:
        return np.zeros(0, bool)
    low, high = np.percentile(values, [25, 75])
    reach = _FENCE * max(float(high - low), _LEAST_SPREAD)
    is_odd: NDArray[np.bool_] = (values < low - reach) | (values > high + reach)
    return is_odd
