"""In which order pairs are verified, so that few pictures are held and few are decoded twice."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Visit", "visiting_order", "visits"]

Indices = NDArray[np.int64]


class Visit(NamedTuple):
    """A pair whose turn it is.

    Attributes:
        pair: Its place.
        left: Its left item.
        right: Its right item.
        looks: Items to decode before.
        drops: Items to let go of afterwards.
    """

    pair: int
    left: int
    right: int
    looks: tuple[int, ...]
    drops: tuple[int, ...]


def visiting_order(left: Indices, right: Indices) -> Indices:
    """An order of pairs in which the pairs of an item are close together.

    The items are those of a matrix of small bandwidth, one connected component after the other
    (Cuthill and McKee 1969).

    Args:
        left: Items, int64 of shape (n,).
        right: Items, int64 of shape (n,).

    Returns:
        Places of the pairs, int64 of shape (n,).
    """
    if len(left) == 0:
        return np.empty(0, np.int64)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    items, node = np.unique(np.concatenate([left, right]), return_inverse=True)
    one, other = node[: len(left)], node[len(left) :]
    both = np.concatenate([one, other]), np.concatenate([other, one])
    graph = coo_matrix((np.ones(len(both[0]), np.int8), both), (len(items), len(items))).tocsr()
    place = np.empty(len(items), np.int64)
    place[reverse_cuthill_mckee(graph, symmetric_mode=True)] = np.arange(len(items))
    first, last = np.minimum(place[one], place[other]), np.maximum(place[one], place[other])
    return np.lexsort((first, last)).astype(np.int64)


def visits(left: Indices, right: Indices, order: Indices, most: int) -> Iterator[Visit]:
    """Visit all pairs in some order.

    An item is let go of after its last pair, and before where too many are held: then the one that
    was not needed for longest, which is decoded again when its turn comes.

    Args:
        left: Items, int64 of shape (n,).
        right: Items, int64 of shape (n,).
        order: Places of the pairs, int64 of shape (n,).
        most: How many items may be held at once, 2 or more.
    """
    items, count = np.unique(np.concatenate([left, right]), return_counts=True)
    remaining = dict(zip(items.tolist(), count.tolist(), strict=True))
    held: OrderedDict[int, None] = OrderedDict()
    for pair in order.tolist():
        ends = int(left[pair]), int(right[pair])
        looks = tuple(item for item in dict.fromkeys(ends) if item not in held)
        drops = []
        for item in ends:
            held[item] = None
            held.move_to_end(item)
        while len(held) > most:
            drops.append(held.popitem(last=False)[0])
        for item in ends:
            remaining[item] -= 1
            if not remaining[item]:
                del held[item]
                drops.append(item)
        yield Visit(pair, *ends, looks, tuple(drops))
