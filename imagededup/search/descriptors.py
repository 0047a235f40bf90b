"""Descriptors of any real type and size, as float32."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError

__all__ = ["as_descriptors", "check_descriptors"]

_LEAST_EXPONENT = -100
_MOST_EXPONENT = 127
_ROWS_AT_ONCE = 4096


def as_descriptors(array: NDArray[Any]) -> NDArray[np.float32]:
    """Descriptors as float32, for comparison by their cosine.

    A row whose numbers leave the range of float32, or lose their digits at its lower end, is
    divided by a power of two, which changes no cosine. Rows with NaN or infinity keep them. float32
    is returned as it is, because norms and cosines are summed in float64.

    Args:
        array: Real numbers of shape (n, d).

    Returns:
        float32 of shape (n, d), C-contiguous; the array itself where it is that.

    Examples:
        >>> as_descriptors(np.array([[3.0, 4.0], [3 * 2.0**999, 4 * 2.0**999]])).tolist()
        [[3.0, 4.0], [0.375, 0.5]]
    """
    if array.dtype == np.float32:
        return np.ascontiguousarray(array)
    result = np.empty(array.shape, np.float32)
    for begin in range(0, len(array), _ROWS_AT_ONCE):
        block = array[begin : begin + _ROWS_AT_ONCE]
        with np.errstate(over="ignore", under="ignore"):  # of numbers beside NaN or infinity
            result[begin : begin + _ROWS_AT_ONCE] = _scaled(block)
    return result


def check_descriptors(names: Sequence[str], descriptors: NDArray[np.float32]) -> None:
    """Raise if a descriptor has no direction.

    Args:
        names: What each row is of.
        descriptors: float32 of shape (n, d).

    Raises:
        InvalidValueError: A row has NaN, infinity, or zeros only.
    """
    peaks = _peaks(descriptors)
    wrong = np.flatnonzero(~(np.isfinite(peaks) & (peaks > 0)))
    if len(wrong) == 0:
        return
    peak = peaks[wrong[0]]
    kind = "NaN" if np.isnan(peak) else "infinity" if peak else "zeros only"
    raise InvalidValueError(
        f"descriptors must be finite and not zero, that of {names[wrong[0]]!r} has {kind}"
    )


def _scaled(block: NDArray[Any]) -> NDArray[Any]:
    """Rows within the range of float32."""
    peaks = _peaks(block)
    exponents = np.frexp(np.where(np.isfinite(peaks), peaks, 1))[1]
    outside = (exponents < _LEAST_EXPONENT) | (exponents > _MOST_EXPONENT)
    outside &= peaks != 0
    if not outside.any():
        return block
    scaled = block.astype(peaks.dtype)
    scaled[outside] = np.ldexp(scaled[outside], -exponents[outside, None])
    return scaled


def _peaks(rows: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """The largest magnitude of every row, without a copy of the rows; NaN where there is one."""
    kind = np.promote_types(rows.dtype, np.float64)
    highest, lowest = (limit(axis=1, initial=0).astype(kind) for limit in (rows.max, rows.min))
    result: NDArray[np.floating[Any]] = np.maximum(highest, -lowest)
    return result
