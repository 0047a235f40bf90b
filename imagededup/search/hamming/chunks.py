"""How to cut 64 bits into chunks for a multi-index search.

Two codes within distance t agree within a smaller distance in at least one of m chunks: with
t = m r + a, either within r in one of the first a + 1 chunks or within r - 1 in one of the others
(Norouzi, Punjani, Fleet: Fast Exact Search in Hamming Space with Multi-Index Hashing, 2014).
"""

from dataclasses import dataclass
from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chunk", "ChunkPlan", "masks_within", "plan_chunks"]

_CODE_BITS = 64
_MOST_BITS = 22

# Seconds, measured; their ratio decides how many chunks are best.
_VISIT_COST = 2.5e-9
_CHECK_COST = 0.55e-9
_BUCKET_COST = 1.0e-9


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some neighbouring bits of a code, searched within a radius.

    Attributes:
        shift: Number of bits to the right of the chunk.
        bits: Number of bits of the chunk.
        radius: Largest Hamming distance within the chunk; negative: not searched.
    """

    shift: int
    bits: int
    radius: int


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """The chunks to search, and the estimated seconds of one core."""

    chunks: tuple[Chunk, ...]
    cost: float


def plan_chunks(queries: int, targets: int, threshold: int) -> ChunkPlan:
    """Choose the number of chunks with the least estimated work.

    Args:
        queries: Number of codes.
        targets: Number of codes that they are compared with.
        threshold: Largest Hamming distance, 0 to 64.
    """
    fewest = -(-_CODE_BITS // _MOST_BITS)
    plans = (_plan(count, queries, targets, threshold) for count in range(fewest, 17))
    return min(plans, key=lambda plan: plan.cost)


@cache
def masks_within(bits: int, radius: int) -> NDArray[np.int64]:
    """All numbers of `bits` bits with at most `radius` ones, ascending; not to be changed."""
    numbers = np.arange(1 << bits, dtype=np.int64)
    return numbers[np.bitwise_count(numbers) <= radius]


def _plan(count: int, queries: int, targets: int, threshold: int) -> ChunkPlan:
    radius, wider = divmod(threshold, count)
    shift = 0
    cost = 0.0
    chunks = []
    for index in range(count):
        bits = _CODE_BITS // count + (index < _CODE_BITS % count)
        chunk = Chunk(shift, bits, min(radius if index <= wider else radius - 1, bits))
        chunks.append(chunk)
        cost += _cost(chunk, queries, targets)
        shift += bits
    return ChunkPlan(tuple(chunks), cost)


def _cost(chunk: Chunk, queries: int, targets: int) -> float:
    buckets = 1 << chunk.bits
    masks = _mask_count(chunk.bits, chunk.radius)
    visits = min(queries, buckets) * masks
    checks = queries * masks * targets / buckets
    return visits * _VISIT_COST + checks * _CHECK_COST + buckets * _BUCKET_COST


@cache
def _mask_count(bits: int, radius: int) -> int:
    return sum(comb(bits, ones) for ones in range(radius + 1))
