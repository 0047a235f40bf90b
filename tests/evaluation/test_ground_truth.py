"""Reading ground truths."""

import json
import re

import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import InvalidMapError, evaluate, load_ground_truth, load_retrieved_map
from imagededup.methods import PHash
from tests.conftest import photograph

PAIRS = {"a.jpg": ["b.jpg"], "b.jpg": ["a.jpg", "c.jpg"], "c.jpg": ["b.jpg"], "d.jpg": []}
CLOSED = {
    "a.jpg": ["b.jpg", "c.jpg"],
    "b.jpg": ["a.jpg", "c.jpg"],
    "c.jpg": ["a.jpg", "b.jpg"],
    "d.jpg": [],
}


@pytest.fixture
def write(tmp_path):
    def write_file(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg,b.jpg\nb.jpg,c.jpg\nd.jpg,\n",
        "a.jpg,b.jpg\nb.jpg,c.jpg\nd.jpg",
        "image,duplicate\na.jpg,b.jpg\nb.jpg,c.jpg\nd.jpg,\n",
        "\ufeffQuery,REFERENCE\r\na.jpg, b.jpg\r\n\r\nc.jpg,b.jpg\r\nb.jpg,a.jpg\r\nd.jpg\r\n",
        'image,duplicate,distance\n"a.jpg","b.jpg",3\nb.jpg,c.jpg,0\nd.jpg,,\n',
        "d.jpg\na.jpg\na.jpg,b.jpg\nb.jpg,c.jpg\n,,\n",
    ],
)
def test_csv(write, text):
    """With and without a header, columns that are not read, empty rows, either direction."""
    assert load_ground_truth(write("pairs.csv", text)) == PAIRS


def test_json(write):
    assert load_ground_truth(write("map.json", json.dumps(PAIRS))) == PAIRS
    assert load_ground_truth(str(write("MAP.JSON", json.dumps(PAIRS)))) == PAIRS


def test_transitive(write):
    csv = write("pairs.csv", "a.jpg,b.jpg\nb.jpg,c.jpg\nd.jpg,\n")
    assert load_ground_truth(csv, transitive=True) == CLOSED
    assert load_ground_truth(write("map.json", json.dumps(PAIRS)), transitive=True) == CLOSED


def test_folder(tmp_path):
    for name in ("alone.jpg", "beach/1.jpg", "beach/2.jpg", "city/1.jpg", "city/night/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    (tmp_path / "beach" / ".hidden").touch()
    (tmp_path / "empty").mkdir()
    assert load_ground_truth(tmp_path) == {
        "alone.jpg": [],
        "beach/1.jpg": ["beach/2.jpg"],
        "beach/2.jpg": ["beach/1.jpg"],
        "city/1.jpg": [],
        "city/night/1.jpg": [],
    }


def test_an_explicit_header(write):
    path = write("pairs.csv", "name,file\na,b\n")
    assert load_ground_truth(path, header=True) == {"a": ["b"], "b": ["a"]}
    assert load_ground_truth(path) == {"a": ["b"], "b": ["a"]}
    assert load_ground_truth(path, header=False) == {
        "a": ["b"],
        "b": ["a"],
        "file": ["name"],
        "name": ["file"],
    }
    other = write("other.csv", "original,copy\na,b\n")
    assert sorted(load_ground_truth(other)) == ["a", "b", "copy", "original"]
    assert sorted(load_ground_truth(other, header=True)) == ["a", "b"]


def test_unusual_names(write):
    text = (
        b'"with, comma.jpg"," leading.jpg"\n"line\nbreak.jpg","sep\xe2\x80\xa8.jpg"\nb\xff.jpg,\n'
    )
    assert load_ground_truth(write("pairs.csv", text)) == {
        "with, comma.jpg": [" leading.jpg"],
        " leading.jpg": ["with, comma.jpg"],
        "line\nbreak.jpg": ["sep\u2028.jpg"],
        "sep\u2028.jpg": ["line\nbreak.jpg"],
        "b\udcff.jpg": [],
    }


def test_the_files_that_the_package_writes(tmp_path):
    hashes = {"a\udcff": "00000000000000ff", "b": "00000000000000fe", "c": "ffffffff00000000"}
    found = PHash().find_duplicates(
        encoding_map=hashes, scores=True, outfile=tmp_path / "found.json"
    )
    assert load_retrieved_map(tmp_path / "found.json") == found
    names = {name: [other for other, _ in entries] for name, entries in found.items()}
    assert load_ground_truth(tmp_path / "found.json") == names
    PHash().search(encoding_map=hashes).write_csv(tmp_path / "found.csv")
    assert load_ground_truth(tmp_path / "found.csv") == {"a\udcff": ["b"], "b": ["a\udcff"]}


def test_a_folder_can_be_evaluated(tmp_path):
    for group in range(2):
        (tmp_path / str(group)).mkdir()
        photograph(group).save(tmp_path / str(group) / "large.png")
        photograph(group).resize((160, 120)).save(tmp_path / str(group) / "small.png")
    truth = load_ground_truth(tmp_path)
    retrieved = PHash().find_duplicates(tmp_path, recursive=True)
    assert evaluate(truth, retrieved)["f1-score"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "a,b", "must be a .json file, a .csv file or a folder"),
        ("a.json", "{", "cannot be read as JSON: Expecting property name"),
        ("a.json", "[" * 100_000, "cannot be read as JSON"),
        ("a.json", '{"a": [], "a": []}', "keys that come twice: 1, first 'a'"),
        ("a.json", "[]", "must hold a JSON object, got list"),
        ("a.json", "", "cannot be read as JSON"),
        ("a.csv", ",b\n", "line 1: the first column must hold a name"),
        ("a.csv", "a,b\n" + "x" * 200_000 + ",b", "line 2: field larger than field limit"),
        ("a.csv", "", "must hold at least one image"),
    ],
)
def test_files_that_cannot_be_read(write, name, text, message):
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        load_ground_truth(write(name, text))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "a,b\nb,b\n", "line 2: 'b' must not be a duplicate of itself"),
        ("a.json", '{"a": ["b"], "b": []}', "a.json must be symmetric"),
        ("a.json", '{"a": ["b"], "c": ["a"]}', "values of"),
        ("a.json", "{}", "must hold at least one image"),
    ],
)
def test_files_that_hold_no_ground_truth(write, name, text, message):
    with pytest.raises(InvalidMapError, match=re.escape(message)):
        load_ground_truth(write(name, text))


def test_paths_that_do_not_lead_anywhere(tmp_path):
    for load in (load_ground_truth, load_retrieved_map):
        with pytest.raises(InvalidTypeError, match="path must be a path, got int"):
            load(3)
        with pytest.raises(InvalidValueError, match="path must exist"):
            load(tmp_path / "missing.json")
    with pytest.raises(InvalidValueError, match="cannot read"):
        load_retrieved_map(tmp_path)
    with pytest.raises(InvalidValueError, match="path must hold at least one file"):
        load_ground_truth(tmp_path)


def test_wrong_arguments(write):
    path = write("a.csv", "a,b")
    with pytest.raises(InvalidTypeError, match="header must be a bool or None, got str"):
        load_ground_truth(path, header="yes")


@pytest.mark.parametrize(
    ("text", "message"), [('{"a": "b"}', "must hold lists, got str for 'a'"), ("3", "JSON object")]
)
def test_retrieved_maps_of_other_forms(write, text, message):
    with pytest.raises(InvalidValueError, match=message):
        load_retrieved_map(write("a.json", text))
