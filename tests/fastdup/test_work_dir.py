import csv
import subprocess
import sys

import numpy as np
import pytest

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.fastdup.config import RunConfig
from imagededup.fastdup.extract import extract_features
from imagededup.fastdup.store import tables
from imagededup.fastdup.store.binary_features import (
    load_binary,
    load_binary_feature,
    load_binary_features,
    save_binary_feature,
)
from imagededup.fastdup.store.long_tables import write_pairs
from imagededup.fastdup.store.tables import read_names, read_rows, write_rows
from imagededup.fastdup.store.work_dir import WorkDir, stem_of

AWFUL_NAMES = [
    "/a, b.jpg",
    '/say "cheese".jpg',
    "/two\nlines.jpg",
    "/carriage\rreturn.jpg",
    "/\r\n.jpg",
    " /leading and trailing ",
    "/Ünïcödé 日本語 🦆.jpg",
    "/not utf-8 \udcff\udc80.jpg",
    "'",
    '"',
    '""',
    ",",
    "\t",
    "\ufeff/mark.jpg",
    "/separator\u2028.jpg",
    "",
]


@pytest.fixture
def work(tmp_path):
    return WorkDir(tmp_path)


def test_awful_names_survive_the_round_trip(tmp_path):
    path = tmp_path / "names.csv"
    write_rows(path, ("filename",), ([name] for name in AWFUL_NAMES))
    assert [name for (name,) in read_rows(path, ("filename",))] == AWFUL_NAMES
    assert read_names(path, "filename") == AWFUL_NAMES
    assert b"not utf-8 \xff\x80.jpg" in path.read_bytes()


def test_other_programs_read_the_same_names(tmp_path):
    path = tmp_path / "names.csv"
    write_rows(path, ("filename", "error"), ([name, "bad"] for name in AWFUL_NAMES))
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["filename"] for row in rows] == AWFUL_NAMES


def test_a_name_that_no_file_can_hold_is_an_error(tmp_path):
    with pytest.raises(InvalidValueError, match="a name cannot be written"):
        save_binary_feature(tmp_path, ["\ud800"], np.ones((1, 3)))
    with pytest.raises(InvalidValueError, match="surrogates not allowed"):
        extract_features(RunConfig(["\ud800"], work_dir=tmp_path), WorkDir(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("last", ["c", "c d ", '"c,d"', "\u2028"])
def test_names_of_many_parts_are_those_of_the_rows(last, end, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "_LETTERS_AT_ONCE", 8)
    path = tmp_path / "names.csv"
    path.write_text(f"filename\n/a\n/b ä\n{last}{end}", encoding="utf-8")
    expected = [name for (name,) in read_rows(path, ("filename",))]
    assert read_names(path, "filename") == expected
    assert expected[:2] == ["/a", "/b ä"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name\na\n", "must begin with 'filename', got 'name'"),
        ("", "must begin with 'filename', got ''"),
        ("filename\na,b\n", "line 2: a row must have 1 cells, got 2"),
        ("filename\na\n\nb\n", "line 3: a row must have 1 cells, got 0"),
        ('filename\n"a\n', "unexpected end of data"),
    ],
)
def test_a_broken_table_is_an_error(content, message, tmp_path):
    path = tmp_path / "names.csv"
    path.write_text(content)
    with pytest.raises(InvalidValueError, match=message):
        list(read_rows(path, ("filename",)))
    with pytest.raises(InvalidValueError, match=message):
        read_names(path, "filename")
    with pytest.raises(InvalidValueError, match="cannot read .*none.csv': No such file"):
        list(read_rows(tmp_path / "none.csv", ("filename",)))


def test_pairs_have_names_and_seven_digits(work):
    scores = np.array([1, 0.98765432, 0.85], np.float32)
    left, right = np.array([0, 1, 2]), np.array([1, 0, 1])
    write_pairs(work.similarity, ["a.jpg", "b,c.jpg", "d.jpg"], left, right, scores)
    assert work.similarity.read_bytes() == (
        b'from,to,distance\na.jpg,"b,c.jpg",1\n"b,c.jpg",a.jpg,0.9876543\nd.jpg,"b,c.jpg",0.85\n'
    )
    new, stored = ["new.jpg"], ["a.jpg", "b.jpg"]
    write_pairs(work.query_outliers, new, np.array([0]), np.array([1]), scores[:1], stored)
    assert work.query_outliers.read_text() == "from,to,distance\nnew.jpg,b.jpg,1\n"


def test_tables_of_the_graph(work):
    whole = np.array([0, 0, 1])
    rank = np.array([1.0, 1.0, 0.15])
    work.write_connected_components(whole, rank, np.zeros(3), whole, whole)
    assert work.connected_components.read_text() == (
        "__id,component_id,pagerank,delta,in_degree,out_degree\n"
        "0,0,1,0,0,0\n1,0,1,0,0,0\n2,1,0.15,0,1,1\n"
    )
    work.write_components_info(np.array([0, 1]), np.array([2, 1]))
    assert work.components_info.read_text() == "component_id,count\n0,2\n1,1\n"
    work.write_degree_distribution(np.array([0, 1]), np.array([2, 1]), np.array([3, 0]))
    assert work.degree_distribution.read_text() == "degree,in_count,out_count\n0,2,3\n1,1,0\n"


def test_what_was_not_computed_is_empty(work):
    work.write_connected_components(None, np.full(1, np.nan), None, np.array([3]), None)
    assert work.connected_components.read_text().splitlines()[1] == "0,,,,3,"


def test_all_files_lie_in_the_folder_of_a_feature_file(tmp_path):
    save_binary_feature(tmp_path, ["a"], np.ones((1, 576)))
    work = WorkDir(tmp_path / "features.dat")
    assert work.folder == tmp_path
    assert work.faiss_index == tmp_path / "faiss.index"
    assert work.features().names == ["a"]


@pytest.mark.parametrize(
    ("parameters", "stem"),
    [
        ({}, "features"),
        ({"run_mode": 1}, "features"),
        ({"run_mode": 1, "min_offset": 0, "max_offset": 1000}, "features_0_1000"),
        ({"run_mode": 1, "max_offset": 1000}, "features_0_1000"),
        ({"run_mode": 1, "min_offset": 1000}, "features_1000_end"),
        ({"run_mode": 0, "min_offset": 1000}, "features"),
        ({"run_mode": 3}, "query_features"),
    ],
)
def test_shards_have_names_of_their_own(parameters, stem):
    assert stem_of(RunConfig("photos", **parameters)) == stem


def test_config_tells_how_the_folder_was_made(work):
    assert work.read_config() is None
    work.check_model("any", 3)
    work.write_config(RunConfig("photos", work_dir=work.folder, threshold=0.9), "network", 576)
    stored = work.read_config()
    assert (stored.model, stored.dimension, stored.parameters["threshold"]) == ("network", 576, 0.9)
    assert stored.version
    work.check_model("network", 576)
    work.check_model("", 576)
    with pytest.raises(InvalidValueError, match="descriptors have 576 numbers, got 100"):
        work.check_model("network", 100)
    with pytest.raises(InvalidValueError, match="the model is 'network', got 'other'"):
        work.check_model("other", 576)
    for content in ("{", "[]", "{}"):
        work.config.write_text(content)
        with pytest.raises(InvalidValueError, match="config.json"):
            work.read_config()


HOLD = """
import sys
from imagededup.fastdup.store.work_dir import WorkDir
with WorkDir(sys.argv[1]).lock(sys.argv[2]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """Hold a lock in another process."""
    running = []

    def start(stem):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path, stem],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        running.append(process)
        assert process.stdout.readline() == b"locked\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def test_a_second_run_stops_until_the_first_is_killed(work, hold):
    first = hold("features")
    message = f"is in use by another run \\(process {first.pid} on "
    for stem in ("features", "features_0_10", "query_features"):
        with pytest.raises(FileOperationError, match=message), work.lock(stem):
            pass
    first.kill()
    first.wait()
    with work.lock():
        pass


def test_runs_on_different_shards_share_a_folder(work, hold):
    hold("features_0_10")
    with work.lock("features_10_20"):
        pass
    for stem in ("features_0_10", "features"):
        with pytest.raises(FileOperationError, match="in use by another run"), work.lock(stem):
            pass


def test_a_lock_makes_the_folder(tmp_path):
    with WorkDir(tmp_path / "a" / "b").lock():
        assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(InvalidValueError, match="work_dir must be a folder"):
        WorkDir(tmp_path / "file" / "work").create()
    with pytest.raises(InvalidTypeError, match="work_dir must be a path, got int"):
        WorkDir(3)


def test_features_from_anywhere_come_back(tmp_path):
    array = np.random.default_rng(0).random((len(AWFUL_NAMES), 576))
    save_binary_feature(tmp_path / "new" / "folder", AWFUL_NAMES, array)
    file = tmp_path / "new" / "folder" / "features.dat"
    assert file.read_bytes() == array.astype("<f4").tobytes()
    for load in (load_binary_feature, load_binary_features, load_binary):
        names, features = load(file)
        assert names == AWFUL_NAMES
        assert features.dtype == np.float32
        assert np.array_equal(features, array.astype(np.float32))
    assert WorkDir(file.parent).read_config().dimension == 576
    _, mapped = load_binary_feature(str(file), mmap=True)
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    assert np.array_equal(mapped, array.astype(np.float32))


@pytest.mark.parametrize("shape", [(3, 7), (0, 576), (0, 5), (2, 1024)])
@pytest.mark.parametrize("has_record", [True, False])
def test_the_length_of_a_descriptor_is_found(shape, has_record, tmp_path):
    save_binary_feature(tmp_path, list("abc")[: shape[0]], np.ones(shape))
    if not has_record:
        (tmp_path / "features.dat.json").unlink()
        (tmp_path / "features.dat.npz").unlink()
    expected = shape if has_record or shape[0] else (0, 576)
    assert load_binary_feature(tmp_path / "features.dat")[1].shape == expected
    assert load_binary_feature(tmp_path / "features.dat", mmap=True)[1].shape == expected


def test_features_that_do_not_fit_name_the_file(tmp_path):
    file = tmp_path / "features.dat"
    with pytest.raises(InvalidValueError, match="features.dat' must be a file of features"):
        load_binary_feature(file)
    with pytest.raises(InvalidTypeError, match="filename must be a path"):
        load_binary_feature(3)
    save_binary_feature(tmp_path, ["a", "b"], np.ones((2, 576)))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InvalidValueError, match="must hold 2 rows of 576 .*4608 bytes, got 4607"):
        load_binary_feature(file)
    (tmp_path / "features.dat.csv").unlink()
    with pytest.raises(InvalidValueError, match="cannot read .*features.dat.csv"):
        load_binary_feature(file)


@pytest.mark.parametrize(
    ("names", "array", "message"),
    [
        ("ab", np.ones((2, 3)), "filenames must be a list, got str"),
        ([1, 2], np.ones((2, 3)), "filenames must hold str, got 1"),
        (["a"], [[1.0]], "array must be a numpy array of real numbers, got list"),
        (["a"], np.ones((1, 3), complex), "array must be a numpy array .* got complex"),
        (["a"], np.ones((2, 3)), "shape \\(1, d\\) for 1 filenames, got \\(2, 3\\)"),
        (["a"], np.ones(3), "shape \\(1, d\\) for 1 filenames, got \\(3,\\)"),
        (["a"], np.full((1, 3), np.nan), "array must hold finite float32"),
        (["a"], np.full((1, 3), 1e39), "array must hold finite float32"),
    ],
)
def test_what_cannot_be_saved_is_an_error(names, array, message, tmp_path):
    with pytest.raises((InvalidTypeError, InvalidValueError), match=message):
        save_binary_feature(tmp_path, names, array)
    assert not (tmp_path / "features.dat").exists()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileOperationError, match="cannot write to"):
        save_binary_feature(tmp_path / "file" / "new", ["a"], np.ones((1, 3)))
    with pytest.raises(InvalidTypeError, match="save_path must be a path"):
        save_binary_feature(3, ["a"], np.ones((1, 3)))


def test_lock_files_are_hidden(work):
    with work.lock("features_0_10"):
        assert all(path.name.startswith(".") for path in work.folder.iterdir())
