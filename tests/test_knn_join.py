"""The nearest neighbours of many rows among themselves, and the graph that is made of them."""

import os
from contextlib import ExitStack
from threading import Event

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.errors import FileOperationError
from imagededup.search.knn.cells import Cells, fill_lists
from imagededup.search.knn.distances import Points
from imagededup.search.knn.faiss_index import write_joined_index
from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.index_file import load_index, write_index
from imagededup.search.knn.options import Distance, Provider
from imagededup.search.knn.projection import Projection
from imagededup.search.knn.self_join import SelfJoin


def clustered(rows, dimensions, inner=24, seed=0):
    """Points in clusters of five, of few directions among many."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((-(-rows // 5), inner))
    points = np.repeat(centres, 5, axis=0)[:rows]
    points += 0.3 * generator.standard_normal(points.shape)
    turned = generator.permutation(points) @ generator.standard_normal((inner, dimensions))
    return turned.astype(np.float32)


def join(features, distance=Distance.COSINE, workers=1):
    points = Points.of(features, np.arange(len(features)), distance, 1)
    return points, SelfJoin.of(points, Projection.of(points), workers, lambda _: None)


def lists_of(joined):
    """The lists by point, and their distances."""
    place = np.argsort(joined.order)
    near = joined.lists.near[place]
    return np.where(near < 0, -1, joined.order[near]), joined.lists.gap[place]


@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.EUCLIDEAN])
@given(rows=st.integers(1, 60), levels=st.integers(2, 9), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_few_rows_are_all_compared(distance, rows, levels, seed):
    generator = np.random.default_rng(seed)
    features = np.unique(generator.integers(1, levels, (rows, 6)), axis=0).astype(np.float32)
    points, joined = join(features, distance)
    near, gap = lists_of(joined)
    taken = points.take(np.arange(len(points))).astype(np.float64)
    distances = ((taken[:, None] - taken) ** 2).sum(axis=-1)
    np.fill_diagonal(distances, np.inf)
    size = min(near.shape[1], len(features) - 1)
    assert np.all(near[:, size:] == -1)
    assert gap[:, :size] == pytest.approx(np.sort(distances, axis=1)[:, :size], abs=1e-3)
    assert np.take_along_axis(distances, near[:, :size], axis=1) == pytest.approx(
        gap[:, :size], abs=1e-3
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_are_compared_with_the_cells_that_they_probe_and_no_others(workers):
    rows = clustered(700, 12).astype(np.float32)
    cells = Cells.of(rows, 9, 3, workers)
    rows = rows[cells.order]
    cell = np.repeat(np.arange(9), np.diff(cells.start))
    assert np.array_equal(cells.probes[:, 0], cell)
    lists = fill_lists(rows, cells, 8, workers)
    distances = ((rows[:, None].astype(np.float64) - rows) ** 2).sum(axis=-1)
    probed = (cells.probes[:, :, None] == cell).any(axis=1)
    np.fill_diagonal(probed, False)
    expected = np.sort(np.where(probed, distances, np.inf), axis=1)[:, :8]
    assert lists.gap == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert np.all(probed[np.arange(700)[:, None], lists.near])


def test_the_number_of_threads_changes_no_list_and_no_link(tmp_path):
    features = clustered(4000, 32)
    features[::7] = np.round(features[::7])  # ties
    features[1000:1400] = np.unique(np.round(features[:3000, :2]), axis=0)[:400].repeat(16, axis=1)
    features = np.unique(features, axis=0)
    files = []
    for workers in (1, 2, 4):
        points, joined = join(features, workers=workers)
        write_joined_index(points, "HNSW16", joined, workers, tmp_path / "faiss.index")
        near, gap = lists_of(joined)
        files.append((near.tobytes(), gap.tobytes(), (tmp_path / "faiss.index").read_bytes()))
    assert files[0] == files[1] == files[2]


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Many rows, their neighbours among each other, and where the index lies."""
    rows = clustered(20_500, 160)
    path = tmp_path_factory.mktemp("index") / "faiss.index"
    done = []
    found = find_neighbors(rows, 2, threads=2, index_path=path, advance=done.append)
    assert sum(done) == 1000
    return rows, found, path


def test_nearly_all_neighbours_of_many_rows_are_found(searched):
    rows, found, _ = searched
    exact = find_neighbors(rows[:300], 3, provider=Provider.TURI, references=rows).index[:, 1:]
    assert np.mean(found.index[:300] == exact) > 0.995


def test_the_graph_of_a_join_finds_the_neighbours_of_other_rows(searched):
    rows, _, path = searched
    others = rows[:300] + 0.5 * clustered(300, 160, seed=1)
    exact = find_neighbors(others, 2, provider=Provider.TURI, references=rows).index
    index = load_index(path, 160, len(rows))
    found = find_neighbors(others, 2, references=rows, index=index).index
    assert np.mean(found == exact) > 0.98
    again = find_neighbors(rows[::41], 1, references=rows, index=index).index
    assert again[:, 0].tolist() == list(range(0, len(rows), 41))


def test_the_index_is_written_while_the_caller_goes_on(tmp_path, searched, monkeypatch):
    rows, _, path = searched
    goes_on, sync, written = Event(), os.fsync, tmp_path / "faiss.index"

    def fsync(descriptor):
        assert goes_on.wait(60)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with ExitStack() as until_written:
        find_neighbors(rows, 2, threads=2, index_path=written, until_written=until_written)
        assert not written.exists()
        goes_on.set()
    assert written.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("distance", list(Distance)[:3])
@pytest.mark.parametrize("factory", ["HNSW8", "HNSW32,Flat"])
def test_the_file_is_what_faiss_writes_of_an_index_that_holds_the_vectors(
    tmp_path, distance, factory
):
    points, joined = join(clustered(1500, 24), distance)
    write_joined_index(points, factory, joined, 2, tmp_path / "index")
    index = load_index(tmp_path / "index", 24, 1500)
    graph = faiss.downcast_index(index.index)
    assert np.array_equal(graph.reconstruct_n(0, 1500), points.block(0, 1500))
    write_index(index, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "index").read_bytes()


def test_an_index_that_cannot_be_written_is_an_error_at_the_end(tmp_path, searched):
    rows, _, _ = searched
    path = tmp_path / "nowhere" / "index"
    with pytest.raises(FileOperationError, match="cannot write"), ExitStack() as until_written:
        find_neighbors(rows, 2, threads=2, index_path=path, until_written=until_written)


@pytest.mark.parametrize("calls", [1, 2, 20])
def test_nothing_is_left_of_an_index_that_nobody_waits_for(tmp_path, calls):
    points, joined = join(clustered(2000, 64))
    left = iter(range(calls))

    def check():
        if next(left, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_joined_index(points, "HNSW16", joined, 2, tmp_path / "index", check)
    assert list(tmp_path.iterdir()) == []


def test_parameters_of_the_search_are_left_to_faiss(searched):
    rows, found, _ = searched
    coarse = find_neighbors(rows, 2, threads=2, faiss_param={"efConstruction": 16, "efSearch": 1})
    assert np.mean(coarse.index == found.index) < 0.995


def test_rows_are_linked_with_what_they_name_and_what_names_them(tmp_path):
    points, joined = join(clustered(1500, 24))
    write_joined_index(points, "HNSW32", joined, 2, tmp_path / "index")
    index = load_index(tmp_path / "index", 24, 1500)
    graph = faiss.downcast_index(index.index).hnsw
    offsets = faiss.vector_to_array(graph.offsets).astype(np.int64)
    links = faiss.vector_to_array(graph.neighbors)
    near, full = lists_of(joined)[0], 0
    for row in range(1500):
        linked = links[offsets[row] : offsets[row] + 64]
        linked = linked[linked >= 0]
        assert row not in linked
        assert len(set(linked)) == len(linked)
        expected = set(near[row]) | set(np.flatnonzero((near == row).any(axis=1)))
        full += len(linked) == 64
        assert expected <= set(linked) or len(linked) == 64
    assert 0 < full < 500


@pytest.mark.parametrize("rows", [1, 2, 9, 33])
def test_a_graph_of_few_rows_is_complete(tmp_path, rows):
    points, joined = join(np.unique(clustered(rows, 8), axis=0))
    write_joined_index(points, "HNSW8", joined, 1, tmp_path / "index")
    index = load_index(tmp_path / "index", 8, rows)
    found = index.search(points.block(0, rows), min(rows, 8))[1]
    assert found[:, 0].tolist() == list(range(rows))
    assert np.all(found >= 0)


def test_rows_by_the_thousand_in_the_same_place_are_found(tmp_path):
    generator = np.random.default_rng(0)
    features = 1e-3 * generator.standard_normal((20_000, 16)).astype(np.float32)
    features[:, 0] += 1
    features[:10_000, 1] += 3
    path = tmp_path / "faiss.index"
    found = find_neighbors(features, 1, threads=2, index_path=path, distance=Distance.EUCLIDEAN)
    asked = np.arange(0, 20_000, 97)
    assert np.all((found.index[asked, 0] < 10_000) == (asked < 10_000))
    index = load_index(path, 16, 20_000)
    assert isinstance(faiss.downcast_index(index.index), faiss.IndexHNSWFlat)
    again = find_neighbors(
        features[asked], 1, references=features, index=index, distance=Distance.EUCLIDEAN
    )
    assert np.mean(again.index[:, 0] == asked) > 0.99


def test_a_row_that_is_far_from_all_others_changes_no_neighbours():
    features = clustered(60, 8)
    near, _ = lists_of(join(features[1:], Distance.EUCLIDEAN)[1])
    features[0] = 1e12
    with_far, _ = lists_of(join(features, Distance.EUCLIDEAN)[1])
    assert np.array_equal(with_far[1:, :4], near[:, :4] + 1)
