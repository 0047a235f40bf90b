"""Which factory strings of faiss are taken; what faiss does not survive never reaches it."""

import logging

import faiss
import numpy as np
import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.search.knn.factory import check_factory, fit_factory, parse_factory
from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.index_file import load_index
from imagededup.search.knn.options import Distance, Provider

DIMENSION = 32


def points(rows, dimension=DIMENSION, seed=0):
    """Unrelated points, each with a near one."""
    generator = np.random.default_rng(seed)
    halves = generator.standard_normal((-(-rows // 2), dimension))
    near = halves + 0.05 * generator.standard_normal(halves.shape)
    return np.stack([halves, near], axis=1).reshape(-1, dimension)[:rows].astype(np.float32)


def search(factory, rows=400, distance=Distance.COSINE, **options):
    text = parse_factory("faiss_mode", factory)
    return find_neighbors(points(rows), 1, faiss_mode=text, distance=distance, **options)


@pytest.mark.parametrize(
    ("factory", "text"),
    [
        ("HSNW32", "HNSW32"),
        ("HNSW", "HNSW"),
        (" HNSW32 , SQ8 ", "HNSW32,SQ8"),
        ("IDMap,HNSW16", "HNSW16"),
        ("IDMap2,Flat", "Flat"),
        ("IVF64,Flat,IDMap", "IVF64,Flat"),
        ("Flat,IDMap2", "Flat"),
    ],
)
def test_other_spellings(factory, text):
    assert parse_factory("faiss_mode", factory) == text


@pytest.mark.parametrize("distance", [Distance.COSINE, Distance.EUCLIDEAN])
@pytest.mark.parametrize(
    "factory",
    [
        "Flat",
        "HNSW16",
        "HNSW16_SQ8",
        "HNSW32,PQ8x4",
        "HNSW32,PQ8",
        "HNSW16,8+PQ8",
        "HNSW16,2x2+PQ8",
        "IDMap,IVF4,Flat",
        "IVF4,SQfp16",
        "IVF4,PQ8x4",
        "IVF4,PQ8x4fsr",
        "IVF4,PQ8+8",
        "IVF4_HNSW8,FlatDedup",
        "IMI2x2,Flat",
        "LSH",
        "LSH256rt",
        "ITQ,LSH",
        "ITQ16,Flat",
        "NSG16",
        "OPQ4_16,PQ4x4",
        "PCA16,IVF4,Flat",
        "PCAWR8,HNSW16",
        "PQ16x4",
        "PQ8x4fs,RFlat",
        "IVF4,PQ8x4,Refine(SQ8)",
        "RQ4x4",
        "RR64,Flat",
        "RaBitQ",
        "SQ8",
    ],
)
def test_what_faiss_can_do_is_done_with_any_distance(factory, distance, tmp_path):
    path = tmp_path / "faiss.index"
    found = search(factory, distance=distance, faiss_param={"nprobe": 4}, index_path=path)
    partner = np.arange(400) ^ 1
    assert np.mean(found.index[:, 0] == partner) > 0.5
    index = load_index(path, DIMENSION, 400)
    assert faiss.vector_to_array(index.id_map).tolist() == list(range(400))
    stored = find_neighbors(
        points(400) + np.float32(1e-3), 1, references=points(400), index=index, distance=distance
    )
    assert np.mean(stored.index[:, 0] == np.arange(400)) > 0.5


@pytest.mark.parametrize(
    "factory",
    [
        "HNSW0",
        "HNSW1",
        "HNSW1025",
        "HNSW99999999999999999999",
        "HNSW32,PQ0",
        "HNSW16,0+PQ8",
        "HNSW16,PQ8x0",
        "IDMap,HNSW1",
        "IVF0,Flat",
        "IVF9999M,Flat",
        "IVF8_HNSW1,Flat",
        "IMI2x0,Flat",
        "IMI2x13,Flat",
        "LSH0",
        "NSG0",
        "OPQ0,PQ8",
        "OPQ8_0,PQ8",
        "PCA0,Flat",
        "PCA16,HNSW1",
        "Pad0,Flat",
        "PQ8x0",
        "PQ8x24",
        "PQ8x4fs_0",
        "Flat,Refine(HNSW1)",
        "RQ0x4",
        "RQ4x0",
        "PRQ2x0x4",
        "RR0,Flat",
    ],
)
def test_a_number_that_ends_the_process_is_an_error(factory):
    with pytest.raises(InvalidValueError, match="^faiss_mode must have a number from .* got "):
        parse_factory("faiss_mode", factory)


@pytest.mark.parametrize(
    "factory",
    ["Nonsense", "HNSW32,", "RQ8x4fs", "IVF8", "IVF8,", "Residual8,PQ8", "IVF8(HNSW1),Flat",
     "SQ8_direct",
     "Flat,Flat", "HNSW٣", "(HNSW16)", ","],
)  # fmt: skip
def test_an_unknown_form_is_an_error_that_shows_the_known_ones(factory):
    with pytest.raises(InvalidValueError, match="faiss_mode must be like 'Flat', 'SQ8', 'PQ16'"):
        parse_factory("faiss_mode", factory)


def test_nothing_and_what_is_no_text_are_errors():
    for nothing in ("", " ", "IDMap,"):
        with pytest.raises(InvalidValueError, match="an index-factory string of faiss, got none"):
            parse_factory("faiss_mode", nothing)
    with pytest.raises(InvalidTypeError, match="faiss_mode must be a str, got int"):
        parse_factory("faiss_mode", 32)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("PQ7", "a divisor of 576, the length of the features, in 'PQ7', got 7"),
        ("IVF64,PQ100", "a divisor of 576"),
        ("HNSW32,PQ5", "a divisor of 576"),
        ("PCA64,PQ9", "a divisor of 64, the length of the features, in 'PQ9', got 9"),
        ("OPQ10,PQ8", "a divisor of 576, .* in 'OPQ10', got 10"),
        ("PRQ5x2x4", "a divisor of 576"),
        ("PCA577,Flat", "a number up to 576, the length of the features, in 'PCA577'"),
        ("PCA64,ITQ65,LSH", "a number up to 64"),
        ("PQ8x4fs_48", "a multiple of 32 after the last _ in 'PQ8x4fs_48', got 48"),
    ],
)
def test_lengths_that_do_not_fit_are_errors(factory, message):
    with pytest.raises(InvalidValueError, match=message):
        check_factory(parse_factory("faiss_mode", factory), Distance.COSINE, 576)


@pytest.mark.parametrize("factory", ["PCA20,Flat", "HNSW16,SQ8", "IVF4,PQ8", "LSH"])
def test_only_some_indexes_keep_the_manhattan_distance(factory):
    with pytest.raises(InvalidValueError, match=r"'manhattan' must be used with .* 'IVF256,Flat'"):
        check_factory(factory, Distance.MANHATTAN)
    for kept in ("Flat", "HNSW16", "IVF4_HNSW8,Flat"):
        check_factory(kept, Distance.MANHATTAN, 24)


@pytest.mark.parametrize(
    ("factory", "rows", "fitted"),
    [
        ("IVF4,Flat", 156, "IVF4,Flat"),
        ("IVF4,Flat", 155, "IVF3,Flat"),
        ("IVF4k_HNSW32,PQ8", 1000, "IVF25_HNSW32,PQ8"),
        ("PCA16,IVF1M,SQ8,RFlat", 78, "PCA16,IVF2,SQ8,RFlat"),
        ("HNSW32,64+PQ8", 390, "HNSW32,10+PQ8"),
        ("PQ8", 256, "PQ8"),
        ("PQ8", 255, "Flat"),
        ("PQ8x4", 16, "PQ8x4"),
        ("IVF4,PQ8x10", 1023, "Flat"),
        ("PCA16,Flat", 15, "Flat"),
        ("NSG32", 255, "Flat"),
        ("IMI2x5,Flat", 31, "Flat"),
        ("HNSW32", 1, "HNSW32"),
    ],
)
def test_few_images_have_fewer_cells_or_no_training(factory, rows, fitted, caplog):
    with caplog.at_level(logging.WARNING, "imagededup"):
        assert fit_factory(factory, rows, DIMENSION) == fitted
    assert len(caplog.messages) == (factory != fitted)
    if factory != fitted:
        assert f"faiss_mode {factory!r}" in caplog.text


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 17, 60])
@pytest.mark.parametrize(
    "factory",
    ["IVF4096,Flat", "IVF16_HNSW8,PQ8x4fs", "PQ16", "PCA32,HNSW16", "ITQ,LSH",
     "NSG16", "IMI2x8,PQ8",
     "OPQ8,PQ8", "RQ4x4", "HNSW16,64+PQ8", "LSHrt", "RaBitQfs", "SQ4", "LSQ2x4"],
)  # fmt: skip
def test_few_images_are_no_error(factory, rows, tmp_path):
    found = search(factory, rows, index_path=tmp_path / "faiss.index")
    assert len(found.index) == rows
    assert (tmp_path / "faiss.index").exists()


def test_a_search_with_fewer_cells_finds_what_a_search_without_cells_finds():
    found = search("IVF4096,Flat", 60, provider=Provider.FAISS)
    assert found.index[:, 0].tolist() == (np.arange(60) ^ 1).tolist()


@pytest.mark.parametrize(
    "factory", ["PQ8x4", "IVF4,PQ8x4", "HNSW16,PQ8x4", "PCA16,IVF4,PQ4x4", "PQ8x4fs,RFlat", "RQ4x4"]
)
def test_faiss_writes_nothing_to_the_terminal(factory, capfd):
    search(factory, 200)
    assert capfd.readouterr() == ("", "")
