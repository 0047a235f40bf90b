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
_NUMBERS_AT_ONCE = 1 << 16


def norms(matrix: Descriptors, rows: Indices) -> Numbers:
    """Euclidean norms of some rows."""
    return np.sqrt(_products(matrix, rows, matrix, rows))


def scaled(matrix: Descriptors, rows: Indices, norms: Numbers) -> Descriptors:
    """Some rows divided by their norms."""
    result: Descriptors = (matrix[rows] * (1 / norms)[:, None]).astype(np.float32)
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
    above = products >= least
    rows, columns = np.nonzero(np.triu(above, 1) if above_diagonal else above)
    return rows, columns


def _products(
    left: Descriptors, left_rows: Indices, right: Descriptors, right_rows: Indices
) -> Numbers:
    """Inner products, summed in the order of `vectors._product`."""
    count = max(_NUMBERS_AT_ONCE // max(left.shape[1], 1), 1)
    parts = [
        _sums(left[left_rows[begin : begin + count]].T, right[right_rows[begin : begin + count]].T)
        for begin in range(0, len(left_rows), count)
    ]
    return np.concatenate([np.empty(0), *parts])


def _sums(left: Descriptors, right: Descriptors) -> Numbers:
    """Products of columns, summed over the rows."""
    products = left.astype(np.float64) * right
    whole = len(products) - len(products) % _LANES
    lanes = np.zeros((_LANES, products.shape[1]))
    for begin in range(0, whole, _LANES):
        lanes += products[begin : begin + _LANES]
    total = np.zeros(products.shape[1])
    for row in (*products[whole:], *lanes):
        total += row
    return total
