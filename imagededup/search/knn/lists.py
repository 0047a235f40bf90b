"""The nearest known rows of every row, which better ones push out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled

__all__ = ["NearestLists", "insert", "naming", "push"]

Numbers = NDArray[np.int32]
Gaps = NDArray[np.float32]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NearestLists:
    """The nearest known rows of n rows, nearest first; equals by lower number.

    Attributes:
        near: int32 of shape (n, size); -1 where there are no more.
        gap: Their squared distances, float32 of shape (n, size); inf where there are no more.
        fresh: Whether an entry has not been compared with the others yet, of shape (n, size).
    """

    near: Numbers
    gap: Gaps
    fresh: Flags

    @classmethod
    def empty(cls, rows: int, size: int) -> "NearestLists":
        """Lists without entries."""
        shape = rows, size
        return cls(
            np.full(shape, -1, np.int32),
            np.full(shape, np.inf, np.float32),
            np.ones(shape, np.bool_),
        )


@compiled
def push(near: Numbers, gap: Gaps, row: int, other: int, distance: float) -> None:
    """Put a row that is nearer than the last entry, and no entry yet, in its place."""
    place = near.shape[1] - 1
    while place > 0 and (
        gap[row, place - 1] > distance
        or (gap[row, place - 1] == distance and near[row, place - 1] > other)
    ):
        gap[row, place] = gap[row, place - 1]
        near[row, place] = near[row, place - 1]
        place -= 1
    gap[row, place], near[row, place] = distance, other


@compiled
def insert(near: Numbers, gap: Gaps, fresh: Flags, row: int, other: int, distance: float) -> None:
    """Put a row in its place as a fresh entry if it is near enough and no entry yet."""
    last = near.shape[1] - 1
    if distance > gap[row, last] or (distance == gap[row, last] and other >= near[row, last] >= 0):
        return
    for place in range(last + 1):
        if near[row, place] == other:
            return
    place = last
    while place > 0 and (
        gap[row, place - 1] > distance
        or (gap[row, place - 1] == distance and near[row, place - 1] > other)
    ):
        gap[row, place] = gap[row, place - 1]
        near[row, place] = near[row, place - 1]
        fresh[row, place] = fresh[row, place - 1]
        place -= 1
    gap[row, place], near[row, place], fresh[row, place] = distance, other, True


@compiled
def naming(near: Numbers, gap: Gaps, fresh: Flags) -> tuple[Indices, Numbers, Gaps, Flags]:
    """The rows that name each row, those first in whose list it comes first."""
    rows, size = near.shape
    start = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        for other in near[row]:
            if other >= 0:
                start[other + 1] += 1
    for row in range(rows):
        start[row + 1] += start[row]
    free = start[:-1].copy()
    namers = np.empty(start[-1], np.int32)
    gaps = np.empty(start[-1], np.float32)
    flags = np.empty(start[-1], np.bool_)
    for rank in range(size):
        for row in range(rows):
            other = near[row, rank]
            if other >= 0:
                place = free[other]
                namers[place], gaps[place], flags[place] = row, gap[row, rank], fresh[row, rank]
                free[other] += 1
    return start, namers, gaps, flags
