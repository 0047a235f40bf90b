"""Better lists of near rows: those that are near the same row are compared with each other.

That is NN-descent (Dong, Moses and Li 2011). Here rows that name a popular one, more of them than
are compared with each other, are compared with what that one names. What is compared, and with
what, depends on the lists at the beginning of a round and not on the number of threads; a list
takes the best of what is proposed to it, in whatever order.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.lists import NearestLists, insert, naming
from imagededup.utils.jit import compiled
from imagededup.utils.parallel import ordered_map

__all__ = ["refine"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]
Proposals = tuple[Numbers, Features, Indices]

_NODES_AT_ONCE = 256
_BLOCKS_AT_ONCE = 128
_PARTS = 64


def refine(rows: Features, lists: NearestLists, joined: int, workers: int) -> NearestLists:
    """Compare rows that are near the same one.

    Args:
        rows: float32 of shape (n, w).
        lists: What is known; it is used up.
        joined: How many of a row's list, and of those that name it, are compared with each other.
        workers: Number of threads; they change nothing in the result.
    """
    near, fresh = lists.near.copy(), lists.fresh
    better = NearestLists(lists.near, lists.gap, np.zeros_like(fresh))
    named_by = naming(near, lists.gap, fresh)
    norms = np.einsum("ij,ij->i", rows, rows)
    part = -(-len(rows) // _PARTS)

    def propose(begin: int) -> Proposals:
        end = min(begin + _NODES_AT_ONCE, len(rows))
        found = _propose(rows, norms, near, fresh, *named_by, better.gap, joined, begin, end)
        return _by_part(*found, part, _PARTS)

    step = _NODES_AT_ONCE * _BLOCKS_AT_ONCE
    for first in range(0, len(rows), step):
        starts = range(first, min(first + step, len(rows)), _NODES_AT_ONCE)
        proposals = list(ordered_map(propose, starts, workers))

        def accept(number: int, proposals: list[Proposals] = proposals) -> None:
            for pairs, distances, start in proposals:
                chosen = slice(start[number], start[number + 1])
                _accept(pairs[chosen], distances[chosen], better.near, better.gap, better.fresh)

        for _ in ordered_map(accept, range(_PARTS), workers):
            pass
    return better


@compiled
def _propose(
    rows: Features, norms: Features, near: Numbers, fresh: Flags, start: Indices, namers: Numbers,
    namers_gap: Features, namers_fresh: Flags, gap: Features, joined: int, begin: int, end: int,
) -> tuple[Numbers, Features]:  # fmt: skip
    """Rows with others that are nearer to them than the last of their lists, and the distances."""
    most = 2 * joined
    members, more = np.empty(most, np.int32), np.empty(most, np.int32)
    pairs, distances, size = np.empty((1 << 14, 2), np.int32), np.empty(1 << 14, np.float32), 0
    for node in range(begin, end):
        first, last = start[node], start[node + 1]
        pairs, distances = _with_room(pairs, distances, size, last - first)
        for place in range(first, last):
            if namers_fresh[place] and namers_gap[place] < gap[node, -1]:
                pairs[size, 0], pairs[size, 1] = node, namers[place]
                distances[size] = namers_gap[place]
                size += 1
        stop = min(first + joined, last)
        named, named_fresh = near[node, :joined], fresh[node, :joined]
        new = _added(named, named_fresh, True, members, 0)
        new = _added(namers[first:stop], namers_fresh[first:stop], True, members, new)
        count = _added(named, named_fresh, False, members, new)
        count = _added(namers[first:stop], namers_fresh[first:stop], False, members, count)
        pairs, distances, size = _compare(
            rows, members[:new], members[:count], new, norms, gap, pairs, distances, size
        )
        new = _added(named, named_fresh, True, members, 0)
        count = _added(named, named_fresh, False, members, new)
        for flag in (True, False):  # those that name it beyond the ones above
            wanted, place = members[: count if flag else new], stop
            while len(wanted) > 0 and place < last:
                found = 0
                while found < most and place < last:
                    if namers_fresh[place] == flag:
                        more[found] = namers[place]
                        found += 1
                    place += 1
                pairs, distances, size = _compare(
                    rows, more[:found], wanted, 0, norms, gap, pairs, distances, size
                )
    return pairs[:size], distances[:size]


@compiled
def _added(others: Numbers, flags: Flags, flag: bool, members: Numbers, count: int) -> int:
    """Add those with a flag that were not added before."""
    for place in range(len(others)):
        if others[place] < 0 or flags[place] != flag:
            continue
        known = False
        for earlier in members[:count]:
            known |= earlier == others[place]
        if not known:
            members[count] = others[place]
            count += 1
    return count


@compiled
def _with_room(pairs: Numbers, distances: Features, size: int, more: int) -> tuple[Any, Any]:
    """The same proposals in arrays that hold more."""
    if size + more <= len(pairs):
        return pairs, distances
    larger = 2 * (size + more)
    grown_pairs, grown = np.empty((larger, 2), np.int32), np.empty(larger, np.float32)
    grown_pairs[:size], grown[:size] = pairs[:size], distances[:size]
    return grown_pairs, grown


@compiled
def _compare(
    rows: Features, left: Numbers, right: Numbers, shared: int, norms: Features, gap: Features,
    pairs: Numbers, distances: Features, size: int,
) -> tuple[Numbers, Features, int]:  # fmt: skip
    """Add proposals for both of every two that are near enough.

    The first `shared` on either side are the same; they are compared once.
    """
    if len(left) == 0 or len(right) == 0:
        return pairs, distances, size
    pairs, distances = _with_room(pairs, distances, size, 2 * len(left) * len(right))
    block, others = rows[left], rows[right]
    products = np.dot(block, others.T)
    right_norms, right_worst = norms[right], gap[right, -1]
    for i in range(len(left)):
        norm, worst = norms[left[i]], gap[left[i], -1]
        for j in range(i + 1 if shared else 0, len(right)):
            apart = max(norm + right_norms[j] - 2 * products[i, j], np.float32(0))
            if (apart < worst or apart < right_worst[j]) and left[i] != right[j]:
                if apart < worst:
                    pairs[size, 0], pairs[size, 1], distances[size] = left[i], right[j], apart
                    size += 1
                if apart < right_worst[j]:
                    pairs[size, 0], pairs[size, 1], distances[size] = right[j], left[i], apart
                    size += 1
    return pairs, distances, size


@compiled
def _by_part(pairs: Numbers, distances: Features, part: int, parts: int) -> Proposals:
    """Proposals by the part of all rows that they are for; those of part p at `start[p]`."""
    start = np.zeros(parts + 1, np.int64)
    for number in pairs[:, 0]:
        start[number // part + 1] += 1
    for number in range(parts):
        start[number + 1] += start[number]
    free = start[:-1].copy()
    sorted_pairs, sorted_distances = np.empty_like(pairs), np.empty_like(distances)
    for place in range(len(pairs)):
        target = free[pairs[place, 0] // part]
        sorted_pairs[target], sorted_distances[target] = pairs[place], distances[place]
        free[pairs[place, 0] // part] += 1
    return sorted_pairs, sorted_distances, start


@compiled
def _accept(
    pairs: Numbers, distances: Features, near: Numbers, gap: Features, fresh: Flags
) -> None:
    for place in range(len(pairs)):
        insert(near, gap, fresh, pairs[place, 0], pairs[place, 1], distances[place])
