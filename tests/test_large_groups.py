"""Results with more members than a sort keeps in order by chance, and the rules that choose."""

import numpy as np
import pytest
from PIL import Image

from imagededup.methods import PHash

NAMES = [f"{number:03}.jpg" for number in range(60)]
GROUPS = [NAMES[start::3] for start in range(3)]
HASHES = dict(zip(NAMES, ["0" * 16, "f" * 16, "0f" * 8] * 20, strict=True))


@pytest.fixture(scope="module")
def found():
    return PHash(verbose=False).search(encoding_map=HASHES, max_distance_threshold=0)


def test_members_of_clusters_are_sorted(found):
    assert [list(cluster.members) for cluster in found.clusters()] == GROUPS
    assert [cluster.representative for cluster in found.clusters()] == NAMES[:3]
    last = found.clusters(keep=lambda name: name)
    assert [cluster.representative for cluster in last] == NAMES[-3:]
    assert [list(cluster.members) for cluster in last] == GROUPS


def test_all_but_the_preferred_go(found):
    assert found.to_remove() == NAMES[3:]
    assert found.to_remove(keep=lambda name: name) == NAMES[:-3]
    assert {removal.duplicate_of for removal in found.removals()} == set(NAMES[:3])


def test_entries_are_those_of_the_dictionary(found):
    assert list(found.entries()) == list(found.to_dict().items())
    assert found.to_dict()["001.jpg"] == GROUPS[1][1:]


def test_entries_of_images_without_duplicates_are_empty():
    hashes = {"a": "0" * 16, "b": "f" * 16, "c": "0" * 16, "d": "0f" * 8}
    found = PHash(verbose=False).search(encoding_map=hashes)
    assert list(found.entries()) == [("a", ["c"]), ("b", []), ("c", ["a"]), ("d", [])]


class TestKeepTheLargestResolution:
    def test_it_is_the_product_of_the_sides(self, tmp_path):
        picture = Image.radial_gradient("L")
        for name, size in (("long.png", (300, 100)), ("square.png", (200, 200))):
            picture.resize(size).save(tmp_path / name)
        found = PHash(verbose=False).search(tmp_path, max_distance_threshold=20)
        assert found.to_remove("largest_resolution") == ["long.png"]

    def test_a_file_that_became_unreadable_comes_last(self, tmp_path):
        picture = Image.radial_gradient("L")
        for name in ("a.png", "b.png"):
            picture.save(tmp_path / name)
        found = PHash(verbose=False).search(tmp_path)
        (tmp_path / "a.png").write_text("no image")
        assert found.to_remove("largest_resolution") == ["a.png"]


@pytest.mark.parametrize(("step", "removed"), [(1, []), (2, ["b.png"])])
def test_a_picture_has_structure_from_two_steps_of_a_channel_on(tmp_path, step, removed):
    pixels = np.full((32, 32), 100, np.uint8)
    pixels[16:] += step
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pixels[0, 0] += step
    Image.fromarray(pixels).save(tmp_path / "b.png")
    found = PHash(verbose=False).search(tmp_path, max_distance_threshold=64)
    assert found.to_remove() == removed
