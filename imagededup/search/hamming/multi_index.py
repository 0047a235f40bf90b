"""Exact join of 64-bit codes by a multi-index, in compiled code.

For every chunk of the codes, both sides are sorted by their bits in the chunk. Every bucket of one
side is compared with the buckets of the other side that differ by a mask of few bits. A pair that
an earlier chunk has already given is dropped.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagededup.search.hamming.chunks import Chunk, masks_within, plan_chunks
from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.jit import compiled
from imagededup.utils.machine_code import popcount
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["hamming_pairs", "pairs_of_chunk"]

Codes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_TASKS_PER_CHUNK = 64
_BUFFER = 1 << 16


def hamming_pairs(
    queries: Codes,
    targets: Codes | None,
    threshold: int,
    workers: int,
    advance: Callable[[int], None],
) -> Pairs:
    """Pairs at most `threshold` apart; with `targets` None, `left < right` within `queries`.

    Args:
        queries: uint64 of shape (n,).
        targets: uint64 of shape (m,), or None.
        threshold: Largest Hamming distance, 0 to 64.
        workers: Number of threads.
        advance: Called with the number of per mille of the search that are done.
    """
    chunks = plan_chunks(
        len(queries), len(queries if targets is None else targets), threshold
    ).chunks
    searched = [number for number, chunk in enumerate(chunks) if chunk.radius >= 0]
    finish = per_mille(advance, 1000 * len(searched))
    found = [
        pairs_of_chunk(queries, targets, threshold, (chunks, number), workers, finish)
        for number in searched
    ]
    return concatenate(found)


def pairs_of_chunk(
    queries: Codes,
    targets: Codes | None,
    threshold: int,
    searched: tuple[Sequence[Chunk], int],
    workers: int = 1,
    advance: Callable[[int], None] = lambda _: None,
) -> Pairs:
    """The pairs that a chunk gives and no chunk before it.

    Args:
        queries: uint64 of shape (n,).
        targets: uint64 of shape (m,), or None.
        threshold: Largest Hamming distance, 0 to 64.
        searched: All chunks, and the place of the one.
        workers: Number of threads.
        advance: Called with the number of per mille of the search that are done.
    """
    chunks, number = searched
    table = np.array([[chunk.shift, chunk.bits, chunk.radius] for chunk in chunks], np.int64)
    left = _Buckets.of(queries, chunks[number])
    right = left if targets is None else _Buckets.of(targets, chunks[number])
    join = _Join(left, right, targets is None, threshold, number, table)
    tasks = list(left.ranges())
    finish = per_mille(advance, len(tasks))
    found: list[Pairs] = []
    for blocks in ordered_map(join.run, tasks, workers):
        found += blocks
        finish(1)
    return concatenate(found)


@dataclass(frozen=True, slots=True)
class _Buckets:
    """Codes sorted by their bits in a chunk: bucket b is at `start[b]` to `start[b + 1]`."""

    codes: Codes
    items: Indices
    start: Indices

    @classmethod
    def of(cls, codes: Codes, chunk: Chunk) -> "_Buckets":
        values = (codes >> np.uint64(chunk.shift)) & np.uint64((1 << chunk.bits) - 1)
        values = values.astype(np.uint16 if chunk.bits <= 16 else np.uint32)
        items = np.argsort(values, kind="stable")
        size = np.bincount(values, minlength=1 << chunk.bits)
        return cls(codes[items], items, np.concatenate([[0], np.cumsum(size)]))

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of buckets with about equal numbers of codes."""
        bounds = np.linspace(0, len(self.items), _TASKS_PER_CHUNK + 1).astype(np.int64)
        edges = np.unique(np.searchsorted(self.start, bounds))
        edges[-1] = len(self.start) - 1
        yield from pairwise(edges.tolist())


@dataclass(frozen=True, slots=True)
class _Join:
    left: _Buckets
    right: _Buckets
    symmetric: bool
    threshold: int
    number: int
    chunks: NDArray[np.int64]

    def run(self, buckets: tuple[int, int]) -> list[Pairs]:
        """The pairs whose left side is in a range of buckets."""
        _, bits, radius = self.chunks[self.number]
        masks = masks_within(int(bits), int(radius))
        found = []
        bucket, size = buckets[0], _BUFFER
        while bucket < buckets[1]:
            output = np.empty((3, size), np.int64)
            count, reached = _join(
                self.left.codes, self.left.items, self.left.start,
                self.right.codes, self.right.items, self.right.start,
                bucket, buckets[1], masks, self.symmetric, self.threshold,
                self.number, self.chunks, output,
            )  # fmt: skip
            found.append(Pairs(*output[:, :count].copy()))
            if reached == bucket:  # the pairs of one bucket do not fit
                size *= 4
            bucket = reached
        return found


@compiled
def _join(  # noqa: C901
    left_codes: Codes, left_items: Indices, left_start: Indices,
    right_codes: Codes, right_items: Indices, right_start: Indices,
    first: int, last: int, masks: Indices, symmetric: bool, threshold: int,
    number: int, chunks: Indices, output: Indices,
) -> tuple[int, int]:  # fmt: skip
    """Write the pairs of whole buckets; return their number and the bucket to go on with."""
    count = 0
    for bucket in range(first, last):
        if left_start[bucket] == left_start[bucket + 1]:
            continue
        before = count
        for mask in masks:
            other = bucket ^ mask
            if symmetric and other < bucket:
                continue
            for i in range(left_start[bucket], left_start[bucket + 1]):
                begin = i + 1 if symmetric and other == bucket else right_start[other]
                for j in range(begin, right_start[other + 1]):
                    difference = left_codes[i] ^ right_codes[j]
                    distance = popcount(difference)
                    if distance > threshold or _given_before(difference, number, chunks):
                        continue
                    if count == output.shape[1]:
                        return before, bucket
                    _write(output, count, left_items[i], right_items[j], distance, symmetric)
                    count += 1
    return count, last


@compiled
def _given_before(difference: int, number: int, chunks: Indices) -> bool:
    for earlier in range(number):
        shift, bits, radius = chunks[earlier]
        inside = (difference >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
        if popcount(inside) <= radius:
            return True
    return False


@compiled
def _write(
    output: Indices, place: int, left: int, right: int, distance: int, ordered: bool
) -> None:
    output[0, place] = min(left, right) if ordered else left
    output[1, place] = max(left, right) if ordered else right
    output[2, place] = distance
