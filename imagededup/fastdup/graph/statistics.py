"""Statistics of the graph of similar images: components, PageRank and degrees.

PageRank is that of Brin and Page (1998) in GraphLab's form (Low et al. 2012): ranks are not
normalised, so a node without edges into it has the reset probability.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.fastdup.graph.similar import sorted_by
from imagededup.search.matches import connected_components
from imagededup.utils.jit import compiled, unless_quick

__all__ = [
    "GraphStatistics",
    "analyze_graph",
    "component_sizes",
    "degree_distribution",
    "page_rank",
]

Indices = NDArray[np.int64]
Ranks = NDArray[np.float64]

_RESET_PROBABILITY = 0.15
_TOLERANCE = 1e-10
_MOST_ROUNDS = 1000
_FEW = 20_000
"""Edges that numpy follows in less time than it takes to load compiled code."""
_SECONDS_AN_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class GraphStatistics:
    """What is known of every node; None where it was not computed.

    Attributes:
        component_id: Number of the connected component, int64 of shape (n,). Components are
            numbered from 0 in the order of their first nodes; directions do not count.
        pagerank: float64 of shape (n,).
        delta: How much the last round changed the PageRank, float64 of shape (n,).
        in_degree: Number of edges into the node, int64 of shape (n,).
        out_degree: Number of edges out of the node, int64 of shape (n,).
    """

    component_id: Indices | None
    pagerank: Ranks | None
    delta: Ranks | None
    in_degree: Indices | None
    out_degree: Indices | None


def analyze_graph(
    count: int,
    left: Indices,
    right: Indices,
    *,
    run_cc: bool = True,
    run_pagerank: bool = True,
    run_degree: bool = True,
) -> GraphStatistics:
    """Compute the statistics of a directed graph; an edge that comes twice counts once.

    Args:
        count: Number of nodes.
        left: Where the edges start, int64 of shape (m,).
        right: Where they end, int64 of shape (m,).
        run_cc: Whether to compute the components.
        run_pagerank: Whether to compute the PageRank.
        run_degree: Whether to compute the degrees.

    Examples:
        >>> graph = analyze_graph(4, np.array([0, 2]), np.array([2, 0]))
        >>> graph.component_id.tolist(), graph.in_degree.tolist()
        ([0, 1, 0, 2], [1, 0, 1, 0])
        >>> graph.pagerank.round(2).tolist()
        [1.0, 0.15, 1.0, 0.15]
    """
    edges = np.sort(left * np.int64(count) + right)  # np.unique takes thirty times as long
    edges = edges[np.diff(edges, prepend=-1) > 0]
    left, right = edges // max(count, 1), edges % max(count, 1)
    pagerank, delta = page_rank(count, left, right) if run_pagerank else (None, None)
    return GraphStatistics(
        component_id=connected_components(left, right, count) if run_cc else None,
        pagerank=pagerank,
        delta=delta,
        in_degree=np.bincount(right, minlength=count) if run_degree else None,
        out_degree=np.bincount(left, minlength=count) if run_degree else None,
    )


def page_rank(count: int, left: Indices, right: Indices) -> tuple[Ranks, Ranks]:
    """PageRank with a reset probability of 0.15, iterated until no rank changes by 1e-10.

    The rank of a node is 0.15 + 0.85 * (the sum over the edges into it of the rank of the edge's
    start, divided by the number of edges that start there). A node where no edge starts passes
    nothing on.

    Args:
        count: Number of nodes.
        left: Where the edges start, int64 of shape (m,), no edge twice.
        right: Where they end, int64 of shape (m,).

    Returns:
        The ranks, and how much the last round changed each; float64 of shape (count,).
    """
    is_linked = np.zeros(count, bool)
    is_linked[left] = is_linked[right] = True
    number = np.cumsum(is_linked) - 1
    weights = (1 - _RESET_PROBABILITY) / np.bincount(left, minlength=count)[left]
    least_rounds = 1 if is_linked.all() else 2  # that many move the others to where they stay
    rank_linked = _rank_linked_of_few
    if len(left) > _FEW:
        rank_linked = unless_quick(_rank_linked, len(left) * _SECONDS_AN_EDGE, rank_linked)
    rank, delta = np.full(count, _RESET_PROBABILITY), np.zeros(count)
    rank[is_linked], delta[is_linked] = rank_linked(
        number[left], number[right], weights, int(is_linked.sum()), least_rounds
    )
    return rank, delta


def component_sizes(component_id: Indices) -> tuple[Indices, Indices]:
    """The components and their numbers of nodes, largest first; equals by lowest number.

    Args:
        component_id: Component of every node, int64 of shape (n,).

    Examples:
        >>> [column.tolist() for column in component_sizes(np.array([0, 1, 1, 2]))]
        [[1, 0, 2], [2, 1, 1]]
    """
    number, count = np.unique(component_id, return_counts=True)
    order = np.argsort(-count, kind="stable")
    return number[order], count[order]


def degree_distribution(
    in_degree: Indices, out_degree: Indices
) -> tuple[Indices, Indices, Indices]:
    """How many nodes have each degree.

    Args:
        in_degree: int64 of shape (n,).
        out_degree: int64 of shape (n,).

    Returns:
        The degrees that occur, ascending; how many nodes have each as in-degree; and as
        out-degree.

    Examples:
        >>> columns = degree_distribution(np.array([0, 2, 0]), np.array([1, 0, 1]))
        >>> [column.tolist() for column in columns]
        [[0, 1, 2], [2, 0, 1], [1, 2, 0]]
    """
    size = int(max(in_degree.max(initial=-1), out_degree.max(initial=-1))) + 1
    incoming = np.bincount(in_degree, minlength=size)
    outgoing = np.bincount(out_degree, minlength=size)
    degree = np.flatnonzero(incoming + outgoing)
    return degree, incoming[degree], outgoing[degree]


def _rank_linked_of_few(
    left: Indices, right: Indices, weights: Ranks, count: int, least_rounds: int
) -> tuple[Ranks, Ranks]:
    """As `_rank_linked`; for few edges it takes less time than to load compiled code."""
    rank: Ranks = np.ones(count)
    delta: Ranks = np.zeros(count)
    for finished in range(1, _MOST_ROUNDS + 1):
        incoming = np.bincount(right, weights * rank[left], minlength=count)
        updated: Ranks = np.add(_RESET_PROBABILITY, incoming)
        delta, rank = np.abs(updated - rank), updated
        if finished >= least_rounds and delta.max(initial=0) < _TOLERANCE:
            break
    return rank, delta


@compiled
def _rank_linked(
    left: Indices, right: Indices, weights: Ranks, count: int, least_rounds: int
) -> tuple[Ranks, Ranks]:
    """Ranks and their last changes of nodes that all have edges, which come by `left`."""
    order, start = sorted_by(right, np.arange(len(right)), count)
    source, weights = left[order], weights[order]
    rank, before = np.ones(count), np.ones(count)
    for finished in range(1, _MOST_ROUNDS + 1):
        rank, before = before, rank
        largest = 0.0
        for node in range(count):
            incoming = 0.0
            for edge in range(start[node], start[node + 1]):
                incoming += weights[edge] * before[source[edge]]
            rank[node] = _RESET_PROBABILITY + incoming
            largest = max(largest, abs(rank[node] - before[node]))
        if finished >= least_rounds and largest < _TOLERANCE:
            break
    return rank, np.abs(rank - before)
