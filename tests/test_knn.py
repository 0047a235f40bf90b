import logging

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import pairwise_distances

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.search.knn.distances import similarity_of
from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.index_file import load_index
from imagededup.search.knn.options import Distance, NearestModel, Provider

FAISS_MODES = [
    "HNSW32",
    "Flat",
    "IVF4,Flat",
    "IVF4_HNSW8,Flat",
    "HNSW16,SQ8",
    "PCA20,Flat",
]
TURI = [{"provider": Provider.TURI, "model": model} for model in NearestModel]
SEARCHES = [*TURI, {"provider": Provider.FAISS}]
EXACT = [*TURI[:2], {"provider": Provider.FAISS, "faiss_mode": "Flat"}]

small = st.integers(-2, 2).map(np.float32)


def name_of(search):
    return "-".join(search.values())


def clustered(rows, dimensions=24, seed=0):
    """Points in clusters of five."""
    generator = np.random.default_rng(seed)
    centres = generator.standard_normal((-(-rows // 5), dimensions))
    points = np.repeat(centres, 5, axis=0)[:rows]
    points += 0.1 * generator.standard_normal(points.shape)
    return generator.permutation(points).astype(np.float32)


def distance_between(a, b, distance):
    """Plainly, in float64; what float32 cannot tell apart is equal."""
    if a.tobytes() == b.tobytes():
        return 0
    a, b = a.astype(np.float64), b.astype(np.float64)
    if distance is Distance.COSINE:
        norms = np.linalg.norm(a) * np.linalg.norm(b)
        return 1 - float(np.float32(a @ b / norms if norms else 0))
    if distance is Distance.MANHATTAN:
        return float(np.float32(np.abs(a - b).sum()))
    squared = ((a - b) ** 2).sum()
    return float(np.float32(squared if distance.startswith("squared") else np.sqrt(squared)))


def plain_neighbors(features, k, distance, references=None):
    """Index and distance by a double loop: exact copies first, then by distance and number."""
    among = features if references is None else references
    for row, feature in enumerate(features):
        ranked = sorted(
            (
                feature.tobytes() != other.tobytes(),
                distance_between(feature, other, distance),
                place,
            )
            for place, other in enumerate(among)
            if references is not None or place != row
        )
        yield [place for *_, place in ranked[:k]], [gap for _, gap, _ in ranked[:k]]


def assert_plain(found, features, k, distance, references=None):
    k = min(k, len(features if references is None else references))
    assert found.index.shape == found.similarity.shape == (len(features), k)
    for row, (places, gaps) in enumerate(plain_neighbors(features, k, distance, references)):
        assert found.index[row].tolist() == places + [-1] * (k - len(places))
        expected = similarity_of(np.array(gaps), distance)
        assert found.similarity[row, : len(gaps)] == pytest.approx(expected, abs=2e-5)
        assert np.all(found.similarity[row, len(gaps) :] == -np.inf)


@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("search", EXACT, ids=name_of)
def test_exact_searches_give_what_a_double_loop_gives(search, distance):
    features = clustered(60)
    found = find_neighbors(features, 4, distance=distance, **search)
    assert found.index.dtype == np.int64
    assert found.similarity.dtype == np.float32
    assert_plain(found, features, 4, distance)


@pytest.mark.parametrize("distance", Distance)
@given(
    features=arrays(np.float32, st.tuples(st.integers(1, 12), st.just(3)), elements=small),
    k=st.integers(1, 14),
)
@settings(max_examples=150, deadline=None)
def test_brute_force_gives_what_a_double_loop_gives_with_any_ties(distance, features, k):
    features = features + 0.0  # no -0
    found = find_neighbors(features, k, distance=distance, **TURI[0])
    assert_plain(found, features, k, distance)


@pytest.mark.parametrize("distance", Distance)
@given(
    features=arrays(np.float32, st.tuples(st.integers(1, 6), st.just(2)), elements=small),
    references=arrays(np.float32, st.tuples(st.integers(1, 12), st.just(2)), elements=small),
    k=st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_brute_force_among_references_gives_what_a_double_loop_gives(
    distance, features, references, k
):
    features, references = features + 0.0, references + 0.0
    found = find_neighbors(features, k, distance=distance, references=references, **TURI[0])
    assert_plain(found, features, k, distance, references)


@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_similarities_are_those_of_scikit_learn_and_most_neighbours_the_nearest(search, distance):
    features = clustered(400)
    metric = "sqeuclidean" if distance is Distance.SQUARED_EUCLIDEAN else distance.value
    distances = pairwise_distances(features.astype(np.float64), metric=metric)
    found = find_neighbors(features, 3, distance=distance, **search)
    reported = np.take_along_axis(distances, found.index, axis=1)
    assert found.similarity == pytest.approx(similarity_of(reported, distance), abs=1e-6)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :3]
    shared = [len(set(a) & set(b)) for a, b in zip(found.index, nearest, strict=True)]
    assert np.mean(shared) / 3 > 0.99


@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_exact_copies_are_found_among_many(search, distance):
    copies = np.repeat(clustered(3), [200, 2, 1], axis=0)
    found = find_neighbors(copies, 2, distance=distance, **search)
    assert found.index[0].tolist() == [1, 2]
    assert found.index[150].tolist() == [0, 1]
    assert found.index[200, 0] == 201
    assert found.index[201, 0] == 200
    assert np.all(found.similarity[:200] == 1)
    assert np.all(found.index != np.arange(203)[:, None])


@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_exact_copies_are_found_among_references(search, distance):
    references = clustered(100)
    references[90:] = references[5]
    features = references[[95, 7]]
    found = find_neighbors(features, 3, distance=distance, references=references, **search)
    assert found.index[0].tolist() == [5, 90, 91]
    assert found.index[1, 0] == 7
    assert found.similarity[:, 0].tolist() == [1, 1]


@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_fewer_rows_than_neighbours_leave_places_empty(search):
    found = find_neighbors(clustered(3), 10**12, **search)  # no memory is taken for them
    assert found.index.shape == (3, 3)
    assert np.all(np.sort(found.index[:, :2]) == [[1, 2], [0, 2], [0, 1]])
    assert np.all(found.index[:, 2:] == -1)
    assert np.all(found.similarity[:, 2:] == -np.inf)


def test_more_neighbours_than_the_memory_holds_are_an_error_at_once():
    many = np.zeros((1_000_000, 1), np.float32)
    with pytest.raises(InvalidValueError, match=r"must be at most \d+ for 1000000 images"):
        find_neighbors(many, 10**12)


@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
@pytest.mark.parametrize("rows", [0, 1])
def test_no_row_and_one_row_have_no_neighbours(search, rows):
    found = find_neighbors(clustered(rows), 2, **search)
    assert found.index.tolist() == [[-1]] * rows


@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_rows_among_no_references_have_no_neighbours(search):
    found = find_neighbors(clustered(2), 2, references=clustered(0), **search)
    assert found.index.tolist() == [[-1]] * 2


@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_a_row_of_zeros_has_cosine_0_with_others(search):
    features = np.eye(3, dtype=np.float32)
    features[2] = 0
    assert find_neighbors(features, 1, **search).similarity.tolist() == [[0], [0], [0]]


@pytest.mark.parametrize(
    "search",
    [*SEARCHES, *({"provider": Provider.FAISS, "faiss_mode": mode} for mode in FAISS_MODES)],
    ids=name_of,
)
def test_the_number_of_threads_changes_nothing(search):
    features = clustered(3000)
    one = find_neighbors(features, 3, threads=1, **search)
    three = find_neighbors(features, 3, threads=3, **search)
    assert np.array_equal(one.index, three.index)
    assert np.array_equal(one.similarity, three.similarity)


def test_progress_reaches_its_end():
    for search in SEARCHES:
        done = []
        find_neighbors(clustered(700), 2, advance=done.append, **search)
        assert sum(done) == 1000


def test_a_memory_map_can_be_searched(tmp_path):
    features = clustered(50)
    features.tofile(tmp_path / "features.dat")
    mapped = np.memmap(tmp_path / "features.dat", np.float32, "r", shape=features.shape)
    assert np.array_equal(find_neighbors(mapped, 2).index, find_neighbors(features, 2).index)


@pytest.mark.parametrize("faiss_mode", FAISS_MODES)
@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.EUCLIDEAN])
def test_any_factory_string_of_faiss_is_built_trained_and_searched(faiss_mode, distance):
    features = clustered(500)
    found = find_neighbors(
        features,
        2,
        distance=distance,
        faiss_mode=faiss_mode,
        faiss_param={"nprobe": 4, "efSearch": 50},
    )
    exact = find_neighbors(features, 2, distance=distance, **TURI[0])
    assert np.mean(found.index == exact.index) > 0.9


@pytest.mark.parametrize("faiss_mode", ["Flat", "HNSW32", "IVF4,Flat"])
def test_indexes_that_keep_the_manhattan_distance(faiss_mode):
    features = clustered(500)
    found = find_neighbors(
        features, 2, distance=Distance.MANHATTAN, faiss_mode=faiss_mode, faiss_param={"nprobe": 4}
    )
    exact = find_neighbors(features, 2, distance=Distance.MANHATTAN, **TURI[0])
    assert np.mean(found.index == exact.index) > 0.97


@pytest.mark.parametrize("faiss_mode", ["PCA20,Flat", "HNSW16,SQ8"])
def test_other_indexes_do_not_take_the_manhattan_distance(faiss_mode):
    with pytest.raises(InvalidValueError, match=r"'manhattan' must be used with .* 'IVF256,Flat'"):
        find_neighbors(clustered(50), 2, distance=Distance.MANHATTAN, faiss_mode=faiss_mode)


def test_a_parameter_that_the_index_lacks_is_said(caplog):
    with caplog.at_level(logging.WARNING, "imagededup"):
        find_neighbors(clustered(50), 2, faiss_param={"efSearch": 175, "nprobe": 200})
    assert caplog.messages == ["IndexHNSWFlat has no parameter nprobe, it changes nothing"]


def test_parameters_reach_the_index(tmp_path):
    path = tmp_path / "faiss.index"
    find_neighbors(
        clustered(90), 2, faiss_param={"efSearch": 175, "efConstruction": 80}, index_path=path
    )
    index = load_index(path, 24, 90)
    graph = faiss.downcast_index(index.index).hnsw
    assert (graph.efSearch, graph.efConstruction) == (175, 80)


@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("faiss_mode", ["HNSW32", "IVF2,Flat"])
def test_a_stored_index_finds_what_a_built_one_finds(tmp_path, distance, faiss_mode):
    references, features = clustered(300), clustered(40, seed=1)
    references[200:] = references[0]
    path = tmp_path / "faiss.index"
    search = {"distance": distance, "faiss_mode": faiss_mode}
    find_neighbors(references, 2, index_path=path, **search)
    index = load_index(path, 24, 300)
    assert index.ntotal == 200
    stored = find_neighbors(features, 2, references=references, index=index, **search)
    built = find_neighbors(features, 2, references=references, **search)
    assert np.array_equal(stored.index, built.index)
    assert np.array_equal(stored.similarity, built.similarity)
    assert [file.name for file in tmp_path.iterdir()] == ["faiss.index"]


@pytest.mark.parametrize(
    ("dimension", "count", "message"),
    [(23, 50, "features of length 23, got 24"), (24, 49, "built from 49 features, got 50")],
)
def test_an_index_that_does_not_fit_is_an_error(tmp_path, dimension, count, message):
    find_neighbors(clustered(50), 2, index_path=tmp_path / "faiss.index")
    with pytest.raises(InvalidValueError, match=message):
        load_index(tmp_path / "faiss.index", dimension, count)


def test_an_index_of_other_features_or_another_distance_is_an_error(tmp_path):
    features = clustered(50)
    find_neighbors(features[:40], 2, index_path=tmp_path / "faiss.index")
    index = load_index(tmp_path / "faiss.index", 24, 50)
    with pytest.raises(InvalidValueError, match="built from the stored features, 50 different"):
        find_neighbors(features, 2, references=features, index=index)
    with pytest.raises(InvalidValueError, match="built for distance=euclidean"):
        find_neighbors(
            features, 2, references=features[:40], index=index, distance=Distance.EUCLIDEAN
        )


def test_a_file_that_is_no_index_is_an_error(tmp_path):
    path = tmp_path / "faiss.index"
    with pytest.raises(FileOperationError, match=r"cannot read .*No such file"):
        load_index(path, 24, 50)
    path.write_bytes(b"not an index at all")
    with pytest.raises(InvalidValueError, match="must be an index of faiss"):
        load_index(path, 24, 50)
    faiss.write_index(faiss.IndexFlatL2(24), str(path))
    with pytest.raises(InvalidValueError, match="must be an IndexIDMap"):
        load_index(path, 24, 50)


@pytest.mark.parametrize(
    ("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
)
def test_features_that_are_not_finite_are_an_error(value, kind):
    features = clustered(5)
    features[3, 2] = value
    with pytest.raises(InvalidValueError, match=f"finite numbers, row 3 has {kind}"):
        find_neighbors(features, 2)


@pytest.mark.parametrize("scale", [2.0**-140, 1e-30, 2.0**63, 1e30, 2.0**120])
@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("search", SEARCHES, ids=name_of)
def test_features_of_any_size_have_the_neighbours_of_features_of_size_1(search, distance, scale):
    plain = np.round(16 * clustered(60))  # whole numbers survive a tiny scale
    features = (plain * scale).astype(np.float32)
    found = find_neighbors(features, 1, distance=distance, **search)
    expected = find_neighbors(plain, 1, distance=distance, **search)
    assert np.mean(found.index == expected.index) > 0.95
    metric = "sqeuclidean" if distance is Distance.SQUARED_EUCLIDEAN else distance.value
    measured = plain if distance is Distance.COSINE else features.astype(np.float64)
    gaps = pairwise_distances(measured, metric=metric)
    reported = similarity_of(np.take_along_axis(gaps, found.index, axis=1), distance)
    assert found.similarity == pytest.approx(reported, abs=1e-6)
    stored = find_neighbors(features, 1, distance=distance, references=features[:30], **search)
    assert stored.index[:30, 0].tolist() == list(range(30))


def test_features_of_whole_numbers_are_taken():
    features = (np.abs(clustered(50)) * 1e18).astype(np.uint64)
    found = find_neighbors(features, 1, **TURI[0])
    expected = find_neighbors(features.astype(np.float32), 1, **TURI[0])
    assert np.array_equal(found.index, expected.index)


def test_references_of_another_length_are_an_error():
    with pytest.raises(InvalidValueError, match="the length of the references, 8, got 24"):
        find_neighbors(clustered(5), 2, references=clustered(5, 8))


def test_no_neighbours_at_all_are_an_error():
    with pytest.raises(InvalidValueError, match="nearest_neighbors_k must be 1 or more, got 0"):
        find_neighbors(clustered(5), 0)


@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.EUCLIDEAN])
def test_the_links_of_a_large_graph_are_chosen_among_principal_numbers(tmp_path, distance):
    generator = np.random.default_rng(0)
    features = clustered(21_000, 16) @ generator.standard_normal((16, 130)).astype(np.float32)
    path = tmp_path / "faiss.index"
    found = find_neighbors(features, 2, distance=distance, threads=2, index_path=path)
    asked = features[:300]
    exact = find_neighbors(asked, 3, distance=distance, references=features, **TURI[0])
    assert np.mean(found.index[:300] == exact.index[:, 1:]) > 0.98
    stored = find_neighbors(
        asked, 3, distance=distance, references=features, index=load_index(path, 130, 21_000)
    )
    assert np.mean(stored.index == exact.index) > 0.98


@pytest.mark.parametrize("distance", [Distance.EUCLIDEAN, Distance.SQUARED_EUCLIDEAN])
def test_a_row_of_zeros_is_a_point_like_any_other(distance):
    features = np.array([[0, 0], [0, -1], [0, -2]], np.float32)
    found = find_neighbors(features, 1, distance=distance, **TURI[0])
    assert found.index.tolist() == [[1], [0], [1]]
