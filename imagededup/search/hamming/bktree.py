"""Search in a BK-tree, a metric tree for discrete distances, in compiled code.

Every child of a node has another distance to it, and all below the child have the same. By the
triangle inequality only children whose distance differs from the query's by at most the threshold
can hold a match (Burkhard, Keller: Some Approaches to Best-Match File Searching, 1973).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.jit import compiled
from imagededup.utils.machine_code import popcount
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["BKTree", "hamming_pairs"]

Codes = NDArray[np.uint64]
Indices = NDArray[np.int64]

_QUERIES_PER_TASK = 256
_NONE = -1


@dataclass(frozen=True, slots=True)
class BKTree:
    """A tree over the codes; node i is code i, and node 0 is the root.

    Attributes:
        codes: uint64 of shape (n,), each code once.
        edge: int64 of shape (n,): Hamming distance to the parent.
        child: int64 of shape (n,): the first child, or -1.
        sibling: int64 of shape (n,): the next child of the same parent, or -1.
    """

    codes: Codes
    edge: Indices
    child: Indices
    sibling: Indices

    @classmethod
    def of(cls, codes: Codes) -> "BKTree":
        """Build the tree by inserting the codes in their order."""
        tree = cls(codes, *(np.full(len(codes), _NONE, np.int64) for _ in range(3)))
        _insert_all(tree.codes, tree.edge, tree.child, tree.sibling)
        return tree

    def search(self, queries: Codes, threshold: int) -> tuple[Indices, Indices, Indices]:
        """Query, node and distance of all matches, each int64 of shape (n,)."""
        size = max(4 * len(queries), 1024)
        while True:
            found = np.empty((3, size), np.int64)
            count = _search(
                self.codes, self.edge, self.child, self.sibling, queries, threshold, found
            )
            if count <= size:
                return found[0, :count], found[1, :count], found[2, :count]
            size = count


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
    tree = BKTree.of(queries if targets is None else targets)

    def search_block(begin: int) -> Pairs:
        query, node, distance = tree.search(queries[begin : begin + _QUERIES_PER_TASK], threshold)
        query = query + begin
        wanted = slice(None) if targets is not None else query < node
        return Pairs(query[wanted], node[wanted], distance[wanted])

    found = []
    blocks = range(0, len(queries), _QUERIES_PER_TASK)
    finish = per_mille(advance, len(blocks))
    for block in ordered_map(search_block, blocks, workers):
        found.append(block)
        finish(1)
    return concatenate(found)


@compiled
def _insert_all(codes: Codes, edge: Indices, child: Indices, sibling: Indices) -> None:
    for new in range(1, len(codes)):
        node = 0
        while True:
            distance = popcount(codes[new] ^ codes[node])
            next_node = child[node]
            while next_node >= 0 and edge[next_node] != distance:
                next_node = sibling[next_node]
            if next_node < 0:
                break
            node = next_node
        edge[new] = distance
        sibling[new] = child[node]
        child[node] = new


@compiled
def _search(
    codes: Codes, edge: Indices, child: Indices, sibling: Indices,
    queries: Codes, threshold: int, found: Indices,
) -> int:  # fmt: skip
    """Write the matches as far as they fit; return how many there are."""
    count = 0
    waiting = np.empty(len(codes) + 1, np.int64)
    for query in range(len(queries)):
        waiting[0] = 0
        size = 1
        while size > 0:
            size -= 1
            node = waiting[size]
            distance = popcount(codes[node] ^ queries[query])
            if distance <= threshold:
                if count < found.shape[1]:
                    found[0, count] = query
                    found[1, count] = node
                    found[2, count] = distance
                count += 1
            node = child[node]
            while node >= 0:
                if abs(edge[node] - distance) <= threshold:
                    waiting[size] = node
                    size += 1
                node = sibling[node]
    return count
