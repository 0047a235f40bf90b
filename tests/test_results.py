"""The list to remove, clusters and CSV."""

import csv
import os

import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import PHash
from imagededup.methods.results import Cluster, Removal, clusters_of
from tests.conftest import photograph

CHAIN = {
    "1.jpg": "000000000000000f",
    "2.jpg": "00000000000000ff",
    "3.jpg": "0000000000000fff",
    "4.jpg": "ffffffffffffffff",
}


@pytest.fixture
def sizes(tmp_path):
    """One picture in three sizes; the smallest file is the oldest."""
    folder = tmp_path / "sizes"
    folder.mkdir()
    photograph(0, (320, 240)).save(folder / "a.png")
    photograph(0, (640, 480)).save(folder / "b.jpg", quality=20)
    photograph(0, (160, 120)).save(folder / "c.bmp")
    for age, name in enumerate(("b.jpg", "a.png", "c.bmp")):
        os.utime(folder / name, (10**9 - age, 10**9 - age))
    return folder


def test_the_documented_heuristic():
    """With 1-2 and 2-3 as duplicates, 1 stays, 2 goes, and 3 stays: 2 no longer counts."""
    assert PHash().find_duplicates_to_remove(encoding_map=CHAIN, max_distance_threshold=4) == [
        "2.jpg"
    ]


def test_a_function_decides():
    removed = PHash().find_duplicates_to_remove(
        encoding_map=CHAIN, max_distance_threshold=4, keep=lambda name: name == "2.jpg"
    )
    assert removed == ["1.jpg", "3.jpg"]


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("first", "a.png"),
        ("largest_resolution", "b.jpg"),
        ("largest_file", "c.bmp"),
        ("oldest", "c.bmp"),
        (lambda path: path.name == "b.jpg" and path.exists(), "b.jpg"),
    ],
)
def test_keep(sizes, keep, kept):
    if keep == "largest_file":
        (sizes / "c.bmp").write_bytes((sizes / "c.bmp").read_bytes() + bytes(10**6))
    removed = PHash().find_duplicates_to_remove(image_dir=sizes, keep=keep)
    assert removed == sorted({"a.png", "b.jpg", "c.bmp"} - {kept})


def test_a_file_is_kept_rather_than_a_link_to_it(tmp_path):
    photograph(0).save(tmp_path / "z.png")
    (tmp_path / "a_link.png").symlink_to(tmp_path / "z.png")
    assert PHash().find_duplicates_to_remove(image_dir=tmp_path) == ["a_link.png"]


def test_rules_that_read_files_need_a_folder():
    with pytest.raises(InvalidValueError, match="keep='oldest' reads the image files"):
        PHash().find_duplicates_to_remove(encoding_map=CHAIN, keep="oldest")


@pytest.mark.parametrize(
    ("keep", "error", "message"),
    [
        ("best", InvalidValueError, "keep must be one of 'first', .*, got 'best'"),
        (3, InvalidTypeError, "keep must be a str or a function, got int"),
    ],
)
def test_wrong_keep(keep, error, message):
    with pytest.raises(error, match=message):
        PHash().find_duplicates_to_remove(encoding_map=CHAIN, keep=keep)


def test_list_to_remove_as_json(tmp_path):
    PHash().find_duplicates_to_remove(encoding_map=CHAIN, outfile=tmp_path / "remove.json")
    assert (tmp_path / "remove.json").read_text() == '[\n"2.jpg",\n"3.jpg"\n]\n'


def test_removals_name_the_nearest_image_that_stays():
    found = PHash().search(encoding_map=CHAIN, max_distance_threshold=8)
    assert found.removals() == [Removal("2.jpg", "1.jpg", 4), Removal("3.jpg", "1.jpg", 8)]


def test_clusters_are_connected_components():
    found = PHash().search(encoding_map=CHAIN, max_distance_threshold=4)
    assert found.clusters() == [Cluster("1.jpg", ("1.jpg", "2.jpg", "3.jpg"))]
    assert found.clusters(keep=lambda name: name)[0].representative == "3.jpg"
    assert found.scores_to_representatives(found.clusters()) == {"2.jpg": 4}


def test_clusters_are_sorted_by_their_first_name():
    hashes = {"z": "0" * 16, "b": "f" * 16, "c": "f" * 16, "a": "0" * 16, "m": "0f" * 8}
    assert PHash().search(encoding_map=hashes).clusters() == [
        Cluster("a", ("a", "z")),
        Cluster("b", ("b", "c")),
    ]


def test_no_clusters():
    found = PHash().search(encoding_map={"a": "0" * 16, "b": "f" * 16})
    assert found.clusters() == []
    assert found.scores_to_representatives([]) == {}


def test_clusters_do_not_go_with_two_collections():
    found = PHash().search(encoding_map=CHAIN, against=CHAIN)
    with pytest.raises(InvalidValueError, match="clusters are of one collection"):
        found.clusters()


def test_csv_has_each_pair_once(tmp_path):
    hashes = {'a,"b"\n': "0" * 16, "b": "0" * 16, "ü": "0" * 15 + "1"}
    PHash().search(encoding_map=hashes).write_csv(tmp_path / "pairs.csv")
    with (tmp_path / "pairs.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["image", "duplicate", "distance"],
            ['a,"b"\n', "b", "0"],
            ['a,"b"\n', "ü", "1"],
            ["b", "ü", "1"],
        ]


def test_csv_of_two_collections(tmp_path):
    found = PHash().search(encoding_map={"1": "0" * 16}, against={"1": "0" * 16, "2": "f" * 16})
    found.write_csv(tmp_path / "pairs.csv")
    assert (tmp_path / "pairs.csv").read_text() == "image,duplicate,distance\n1,1,0\n"


def test_a_hundred_thousand_identical_images():
    hashes = {f"{number:06}": "1" * 16 for number in range(100_000)}
    found = PHash().search(encoding_map=hashes)
    assert len(found.to_remove()) == 99_999
    assert [len(cluster.members) for cluster in found.clusters()] == [100_000]


def test_clusters_of_a_stored_dictionary():
    found = {"d": [("a", 3)], "a": [("d", 3)], "b": ["c"], "c": ["b", "e"], "e": ["c"], "f": []}
    assert clusters_of(found) == [Cluster("a", ("a", "d")), Cluster("b", ("b", "c", "e"))]
    assert clusters_of({}) == []
