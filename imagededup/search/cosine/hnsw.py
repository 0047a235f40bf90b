"""Pairs within a cosine similarity, by graphs of near neighbours (Malkov and Yashunin 2018).

The graphs are built on the short vectors of principal.py. A query whose last neighbour still
reaches the threshold asks again for twice as many, and is compared with everything once it has
outgrown the graph, so no cluster is cut off.

A graph is built by one thread, because several would build another one each time. Large
collections are cut into a few graphs that are built side by side; their number depends on nothing
but the size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine.exact import pairs_of_rows
from imagededup.search.cosine.principal import Screen
from imagededup.search.cosine.vectors import verified
from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.matches import Pairs, concatenate, each_once
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["cosine_pairs"]

Indices = NDArray[np.int64]

_LINKS = 16
_BUILD_BREADTH = 64
_SEARCH_BREADTH = 32
_FIRST_NEIGHBORS = 8
_MOST_NEIGHBORS = 128
_QUERIES_AT_ONCE = 1024
_ROWS_PER_GRAPH = 50_000
_MOST_GRAPHS = 4


def cosine_pairs(
    queries: Screen,
    targets: Screen | None,
    threshold: float,
    workers: int,
    advance: Callable[[int], None],
) -> Pairs:
    """Most pairs of cosine similarity >= `threshold`; with `targets` None, `left < right`.

    Args:
        queries: n vectors.
        targets: m vectors, or None.
        threshold: Least cosine similarity, -1 to 1.
        workers: Number of threads; the result does not depend on it.
        advance: Called with the number of per mille of the search that are done.
    """
    searched = targets or queries
    size = len(searched.vectors)
    starts = range(0, len(queries.vectors), _QUERIES_AT_ONCE)
    count = min(max(size // _ROWS_PER_GRAPH, 1), _MOST_GRAPHS)
    edges = np.linspace(0, size, count + 1).astype(int).tolist()
    finish = per_mille(advance, count + len(starts))
    graphs = []
    for graph in ordered_map(
        lambda place: _Graph.of(searched, edges[place], edges[place + 1]), range(count), workers
    ):
        graphs.append(graph)
        finish(1)
    search = _GraphSearch(queries, searched, graphs, targets is None, threshold)
    found = []
    for pairs in ordered_map(search.run, starts, workers):
        found.append(pairs)
        finish(1)
    return each_once(found, size, targets is None)


@dataclass(frozen=True, slots=True)
class _Graph:
    """A graph of the targets from `begin` to `end`."""

    index: Any
    begin: int
    end: int

    @classmethod
    def of(cls, targets: Screen, begin: int, end: int) -> "_Graph":
        import faiss

        index = faiss.IndexHNSWFlat(targets.width, _LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = _BUILD_BREADTH
        with one_faiss_thread():
            index.add(targets.block(begin, end))
        return cls(index, begin, end)

    def nearest(
        self, queries: NDArray[np.float32], neighbors: int
    ) -> tuple[NDArray[np.float32], Indices]:
        """Products with the nearest targets, best first, and their numbers; -1 where none is."""
        import faiss

        breadth = max(_SEARCH_BREADTH, 2 * neighbors)
        parameters = faiss.SearchParametersHNSW(efSearch=breadth)  # type: ignore[attr-defined, unused-ignore]
        products, places = self.index.search(queries, neighbors, params=parameters)
        return products, np.where(places < 0, -1, places + self.begin)


@dataclass(frozen=True, slots=True)
class _GraphSearch:
    queries: Screen
    targets: Screen
    graphs: list[_Graph]
    symmetric: bool
    threshold: float

    def run(self, begin: int) -> Pairs:
        """The pairs of a block of queries with all targets.

        Within one collection the graphs before the block's own are left to their own queries.
        """
        end = min(begin + _QUERIES_AT_ONCE, len(self.queries.vectors))
        graphs = [graph for graph in self.graphs if not self.symmetric or begin < graph.end]
        with one_faiss_thread():
            return concatenate([self.pairs(graph, begin, end) for graph in graphs], np.float32)

    def pairs(self, graph: _Graph, begin: int, end: int) -> Pairs:
        """The pairs of a block of queries with the targets of a graph."""
        least = np.float32(self.threshold - self.queries.margin)
        block = self.queries.block(begin, end)
        rows, neighbors, found = np.arange(end - begin), _FIRST_NEIGHBORS, []
        while len(rows) and neighbors <= _MOST_NEIGHBORS:
            products, places = graph.nearest(block[rows], neighbors)
            cut_off = products[:, -1] >= least
            reached = (products >= least) & (places >= 0) & ~cut_off[:, None]
            query, rank = np.nonzero(reached)
            candidates = rows[query] + begin, places[query, rank]
            found.append(
                verified(self.queries.vectors, self.targets.vectors, candidates, self.threshold)
            )
            rows, neighbors = rows[cut_off], 2 * neighbors
        if len(rows):
            everything = range(graph.begin, graph.end)
            found.append(
                pairs_of_rows(self.queries, rows + begin, self.targets, everything, self.threshold)
            )
        return concatenate(found, np.float32)
