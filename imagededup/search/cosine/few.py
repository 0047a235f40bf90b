"""What compiled code does with vectors, by numpy and with the same results to the bit.

For few vectors that takes less time than to load numba.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["cosines", "norms", "products_above", "scaled"]

Descriptors = NDArray[np.float32]
Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]

_LANES = 32
_NUMBERS_AT_ONCE = 1 << 15


def norms(matrix: Descriptors, rows: Indices) -> Numbers:
    """Euclidean norms of some rows."""
    return np.sqrt(_products(matrix, rows, matrix, rows))


def scaled(matrix: Descriptors, rows: Indices, norms: Numbers) -> Descriptors:
    """Some rows divided by their norms."""
    result = matrix[rows]
    np.multiply(result, (1 / norms)[:, None], out=result, dtype=np.float64, casting="same_kind")
    return result


def cosines(
    left: Descriptors, left_rows: Indices, left_norms: Numbers,
    right: Descriptors, right_rows: Indices, right_norms: Numbers,
) -> Descriptors:  # fmt: skip
    """The cosines of some rows with as many others."""
    products = _products(left, left_rows, right, right_rows) / (left_norms * right_norms)
    return np.clip(products, -1.0, 1.0).astype(np.float32)


def products_above(
    products: NDArray[np.float32], least: np.float32, above_diagonal: bool
) -> tuple[Indices, Indices]:
    """Row and column of every product >= `least`."""
    rows, columns = np.divmod(np.flatnonzero(products >= least), max(products.shape[1], 1))
    if not above_diagonal:
        return rows, columns
    above = rows < columns
    return rows[above], columns[above]


def _products(
    left: Descriptors, left_rows: Indices, right: Descriptors, right_rows: Indices
) -> Numbers:
    """Inner products, summed in the order of `vectors._product`."""
    count = max(_NUMBERS_AT_ONCE // max(left.shape[1], 1), 1)
    parts = [
        _sums(left[left_rows[begin : begin + count]], right[right_rows[begin : begin + count]])
        for begin in range(0, len(left_rows), count)
    ]
    return np.concatenate([np.empty(0), *parts])


def _sums(left: Descriptors, right: Descriptors) -> Numbers:
    """Products of rows, summed over their columns."""
    products = np.multiply(left, right, dtype=np.float64)
    whole = products.shape[1] - products.shape[1] % _LANES
    lanes = products[:, :whole].reshape(len(products), -1, _LANES).sum(axis=1)
    total = np.zeros(len(products))
    for column in (*products[:, whole:].T, *lanes.T):
        total += column
    return total
