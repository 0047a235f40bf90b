"""What is done without compiled code, or without faiss, gives the same to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix, csgraph

from imagededup.search import matches
from imagededup.search.cosine import exact, few, vectors
from imagededup.search.greedy import independent_groups
from imagededup.search.hamming.flat import pairs_by_faiss, pairs_by_numpy
from imagededup.search.matches import components_of_few, connected_components

seeds = st.integers(0, 10_000)


def rows_of_any_norm(generator, shape):
    scales = 10.0 ** generator.integers(-15, 15, (shape[0], 1))
    return (generator.standard_normal(shape) * scales).astype(np.float32)


@pytest.mark.parametrize("length", [1, 31, 32, 33, 576, 1000, 1024])
@pytest.mark.parametrize("count", [1, 2, 70])
def test_vectors(count, length):
    generator = np.random.default_rng(length)
    matrix = rows_of_any_norm(generator, (count, length))
    others = rows_of_any_norm(generator, (count, length))
    others[-1] = matrix[0]
    rows, other_rows = generator.permutation(count), generator.integers(0, count, count)
    norms, other_norms = vectors._norms(matrix, rows), vectors._norms(others, other_rows)
    assert few.norms(matrix, rows).tobytes() == norms.tobytes()
    assert few.scaled(matrix, rows, norms).tobytes() == (
        vectors._scaled(matrix, rows, norms).tobytes()
    )
    arguments = matrix, rows, norms, others, other_rows, other_norms
    assert few.cosines(*arguments).tobytes() == vectors._cosines(*arguments).tobytes()


def test_no_vectors():
    matrix, rows = np.empty((0, 4), np.float32), np.empty(0, np.int64)
    assert few.norms(matrix, rows).shape == (0,)
    assert few.scaled(matrix, rows, np.empty(0)).shape == (0, 4)
    assert few.cosines(matrix, rows, np.empty(0), matrix, rows, np.empty(0)).dtype == np.float32


@given(seed=seeds, rows=st.integers(1, 20), columns=st.integers(1, 20), above=st.booleans())
@settings(deadline=None, max_examples=40)
def test_products_above(seed, rows, columns, above):
    products = np.random.default_rng(seed).integers(0, 4, (rows, columns)).astype(np.float32)
    for found, expected in zip(
        few.products_above(products, np.float32(2), above),
        exact.products_above(products, np.float32(2), above),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@given(
    seed=seeds,
    queries=st.integers(1, 50),
    targets=st.integers(1, 400),
    bits=st.sampled_from([12, 64]),
    most=st.integers(0, 64),
)
@settings(deadline=None, max_examples=40)
def test_hamming_pairs(seed, queries, targets, bits, most):
    generator = np.random.default_rng(seed)
    left, right = (generator.integers(0, 2**bits, count, np.uint64) for count in (queries, targets))
    found, expected = (
        sorted(zip(pairs.left.tolist(), pairs.right.tolist(), pairs.score.tolist(), strict=True))
        for pairs in (way(left, right, most) for way in (pairs_by_numpy, pairs_by_faiss))
    )
    assert found == expected


@given(seed=seeds, count=st.integers(1, 60), links=st.integers(0, 80))
@settings(deadline=None, max_examples=80)
def test_components(seed, count, links):
    left, right = np.random.default_rng(seed).integers(0, count, (2, links))
    graph = coo_matrix((np.ones(links, np.bool_), (left, right)), (count, count))
    expected = csgraph.connected_components(graph, directed=False)[1]
    np.testing.assert_array_equal(components_of_few(left, right, count), expected)
    np.testing.assert_array_equal(matches._components(left, right, count), expected)
    np.testing.assert_array_equal(connected_components(left, right, count), expected)


@given(seed=seeds, count=st.integers(1, 30), links=st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_greedy_walk(seed, count, links):
    generator = np.random.default_rng(seed)
    owners = np.sort(generator.integers(0, count, links))
    start, linked = (
        np.searchsorted(owners, np.arange(count + 1)),
        generator.integers(0, count, links),
    )
    walk = generator.permutation(count)[: generator.integers(0, count + 1)]
    np.testing.assert_array_equal(
        independent_groups.in_python(walk, start, linked), independent_groups(walk, start, linked)
    )
