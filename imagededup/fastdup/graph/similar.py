"""Pairs of similar images: each in both directions, most similar first."""

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.find import Neighbors
from imagededup.utils.jit import compiled, unless_quick

__all__ = ["neighbors_above", "similar_pairs", "sorted_by"]

Indices = NDArray[np.int64]
Scores = NDArray[np.float32]
Found = tuple[Indices, Indices, Scores]

_FEW = 50_000
"""Pairs that numpy brings into order in less time than it takes to load compiled code."""
_SECONDS_A_PAIR = 3e-7


def neighbors_above(neighbors: Neighbors, threshold: float) -> Found:
    """Images, their neighbours of at least some similarity, and this similarity; by image."""
    place = np.nonzero((neighbors.index >= 0) & (neighbors.similarity >= threshold))
    return place[0], neighbors.index[place], neighbors.similarity[place]


def similar_pairs(neighbors: Neighbors, threshold: float) -> Found:
    """Pairs of at least some similarity in both directions, each once, most similar first.

    Args:
        neighbors: The nearest neighbours of n images among each other.
        threshold: Least similarity.

    Returns:
        Two images and their similarity, of shape (m,) each, by similarity, then by the images.
    """
    found = neighbors_above(neighbors, threshold)
    both_directions = _both_directions_of_few
    if len(found[0]) > _FEW:
        seconds = len(found[0]) * _SECONDS_A_PAIR
        both_directions = unless_quick(_both_directions, seconds, _both_directions_of_few)
    left, right, score = both_directions(*found, len(neighbors.index))
    order = _highest_first(score)
    return left[order], right[order], score[order]


@compiled
def sorted_by(side: Indices, order: Indices, count: int) -> tuple[Indices, Indices]:
    """Pairs in some order, sorted by one side, and where those of each item begin."""
    start = np.zeros(count + 1, np.int64)
    for item in side:
        start[item + 1] += 1
    for item in range(count):
        start[item + 1] += start[item]
    place, sorted_pairs = start[:-1].copy(), np.empty(len(order), np.int64)
    for pair in order:
        sorted_pairs[place[side[pair]]] = pair
        place[side[pair]] += 1
    return sorted_pairs, start


def _highest_first(score: Scores) -> Indices:
    """The order of scores; equals stay in theirs.

    Sorted as whole numbers, which takes a fifth of the time: the bits of a float ascend with it if
    those of a negative one are inverted, and its place follows in the lower half.
    """
    if len(score) >= 1 << 32:
        return np.argsort(-score, kind="stable")
    bits = (score + np.float32(0)).view(np.int32).astype(np.int64)  # no -0
    descending = np.where(bits < 0, bits & 0x7FFFFFFF, -bits)
    keys = np.sort((descending << 32) | np.arange(len(score)))
    return keys & 0xFFFFFFFF


def _both_directions_of_few(left: Indices, right: Indices, score: Scores, count: int) -> Found:
    """As `_both_directions`; for few pairs it takes less time than to load compiled code."""
    keys = np.concatenate([left, right]) * count + np.concatenate([right, left])
    keys, first = np.unique(keys, return_index=True)
    count = max(count, 1)
    return keys // count, keys % count, np.concatenate([score, score])[first]


@compiled
def _both_directions(left: Indices, right: Indices, score: Scores, count: int) -> Found:
    """Pairs, which come by `left`, with those in the other direction; each once, sorted.

    Sorted twice by one side, they are sorted by both. Where both directions were found, the score
    is that of this one.
    """
    turned, turned_start = sorted_by(right, np.arange(len(right)), count)
    straight, straight_start = sorted_by(left, turned, count)
    pairs = 2 * len(left)
    lefts, rights = np.empty(pairs, np.int64), np.empty(pairs, np.int64)
    scores = np.empty(pairs, np.float32)
    size = 0
    for item in range(count):
        here, end = straight_start[item], straight_start[item + 1]
        there, turned_end = turned_start[item], turned_start[item + 1]
        first = size
        while here < end or there < turned_end:
            mine = right[straight[here]] if here < end else count
            other = left[turned[there]] if there < turned_end else count
            if size == first or rights[size - 1] != min(mine, other):
                lefts[size], rights[size] = item, min(mine, other)
                scores[size] = score[straight[here] if mine <= other else turned[there]]
                size += 1
            if mine <= other:
                here += 1
            if other <= mine:
                there += 1
    return lefts[:size].copy(), rights[:size].copy(), scores[:size].copy()
