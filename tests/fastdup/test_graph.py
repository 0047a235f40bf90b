import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagededup.fastdup.graph import statistics
from imagededup.fastdup.graph.statistics import analyze_graph, component_sizes, degree_distribution


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 20))
    node = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(node, node).filter(lambda edge: edge[0] != edge[1])))
    return count, edges


def analyze(count, edges, **parts):
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    return analyze_graph(count, left, right, **parts)


def reference(count, edges):
    graph = nx.DiGraph(edges)
    graph.add_nodes_from(range(count))
    return graph


def graphlab_pagerank(graph):
    """The definition, node by node."""
    rank = dict.fromkeys(graph, 1.0)
    for _ in range(300):
        rank = {
            node: 0.15 + 0.85 * sum(rank[i] / graph.out_degree(i) for i in graph.predecessors(node))
            for node in graph
        }
    return [rank[node] for node in range(len(graph))]


@given(graphs())
def test_components_are_those_of_networkx_numbered_by_their_first_nodes(graph):
    count, edges = graph
    expected = sorted(map(sorted, nx.weakly_connected_components(reference(count, edges))))
    component_id = analyze(count, edges).component_id
    assert component_id.dtype == np.int64
    for number, nodes in enumerate(expected):
        assert np.flatnonzero(component_id == number).tolist() == nodes


@given(graphs())
def test_degrees_are_those_of_networkx(graph):
    count, edges = graph
    expected, found = reference(count, edges), analyze(count, edges)
    assert found.in_degree.tolist() == [expected.in_degree(node) for node in range(count)]
    assert found.out_degree.tolist() == [expected.out_degree(node) for node in range(count)]


@given(graphs())
def test_pagerank_is_graphlabs(graph):
    count, edges = graph
    found = analyze(count, edges)
    assert found.pagerank == pytest.approx(graphlab_pagerank(reference(count, edges)), abs=1e-8)
    assert found.delta.max() < 1e-10


@pytest.mark.parametrize("seed", range(5))
def test_pagerank_is_that_of_networkx_times_the_nodes_where_every_node_passes_on(seed):
    graph = nx.gnp_random_graph(200, 0.02, seed=seed, directed=True)
    graph.add_edges_from((node, (node + 1) % 200) for node in range(200))
    expected = nx.pagerank(graph, alpha=0.85, tol=1e-12, max_iter=1000)
    found = analyze(200, list(graph.edges)).pagerank / 200
    assert found == pytest.approx([expected[node] for node in range(200)], abs=1e-9)


@pytest.mark.parametrize("edges", [0, 1, 300, 3000])
@pytest.mark.parametrize("least_rounds", [1, 2])
def test_compiled_code_ranks_to_the_bit_as_numpy_does(edges, least_rounds):
    rng = np.random.default_rng(edges)
    left, right = np.unique(rng.integers(0, 200, (2, edges)), axis=1)
    arguments = left, right, rng.random(len(left)) * 0.05, 200, least_rounds
    expected = statistics._rank_linked_of_few(*arguments)
    for found, column in zip(statistics._rank_linked(*arguments), expected, strict=True):
        np.testing.assert_array_equal(found, column)


def test_an_isolated_node_has_the_reset_probability():
    assert analyze(3, [(0, 1), (1, 0)]).pagerank[2] == pytest.approx(0.15)


def test_an_edge_that_comes_twice_counts_once():
    once, twice = analyze(3, [(0, 1), (1, 2)]), analyze(3, [(0, 1), (1, 2), (0, 1)])
    assert twice.pagerank.tolist() == once.pagerank.tolist()
    assert twice.out_degree.tolist() == once.out_degree.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("run_cc", {"component_id"}),
        ("run_pagerank", {"pagerank", "delta"}),
        ("run_degree", {"in_degree", "out_degree"}),
    ],
)
def test_a_part_that_is_not_run_is_none(part, fields):
    found = analyze(2, [(0, 1)], **{part: False})
    names = ["component_id", "pagerank", "delta", "in_degree", "out_degree"]
    assert {name for name in names if getattr(found, name) is None} == fields


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_graph_without_edges(count):
    found = analyze(count, [])
    assert found.component_id.tolist() == list(range(count))
    assert found.pagerank.tolist() == [0.15] * count
    assert found.in_degree.tolist() == found.out_degree.tolist() == [0] * count


def test_component_sizes_are_largest_first_then_by_number():
    number, size = component_sizes(np.array([3, 0, 1, 1, 2, 2]))
    assert number.tolist() == [1, 2, 0, 3]
    assert size.tolist() == [2, 2, 1, 1]


def test_degree_distribution_counts_every_degree_that_occurs():
    degree, incoming, outgoing = degree_distribution(np.array([0, 5, 1]), np.array([2, 2, 1]))
    assert degree.tolist() == [0, 1, 2, 5]
    assert incoming.tolist() == [1, 1, 0, 1]
    assert outgoing.tolist() == [0, 1, 2, 0]


def test_degree_distribution_of_nothing_is_empty():
    nothing = np.empty(0, np.int64)
    assert [len(column) for column in degree_distribution(nothing, nothing)] == [0, 0, 0]
