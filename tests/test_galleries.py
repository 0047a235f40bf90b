"""Pages of a result of `search` and of a dictionary: `Duplicates.to_html` and `plots.gallery`."""

import json

import numpy as np
import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import CNN, PHash
from imagededup.methods.on_pages import pair_section, result_sections
from imagededup.pages import GroupSection, MayGo, PairSection
from imagededup.plots import gallery
from tests.conftest import photograph, textured
from tests.test_pages import content, thumbnails


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A verified result of a picture, a smaller copy, an identical file and a crop of it."""
    folder = tmp_path_factory.mktemp("verified")
    picture = textured(3, (640, 480))
    picture.save(folder / "a.png")
    picture.save(folder / "b.png", compress_level=1)
    picture.resize((320, 240)).save(folder / "c.jpg", quality=90)
    picture.crop((60, 40, 560, 420)).save(folder / "d.png")
    textured(9).save(folder / "z.png")
    (folder / "broken.png").write_text("no image")
    return CNN(verbose=False).search(folder, verify=True)


def pairs_of(path):
    """The pairs of a page by names, with their rows."""
    data = content(path)
    names = [row[0] for row in data["pictures"]]
    (section,) = [section for section in data["sections"] if section["kind"] == "pairs"]
    return {(names[row[0]], names[row[1]]): row[2:] for row in section["items"]}


def groups_of(path):
    data = content(path)
    names = [row[0] for row in data["pictures"]]
    (section,) = [section for section in data["sections"] if section["kind"] == "groups"]
    return [([names[number] for number in row[0]], *row[1:]) for row in section["items"]]


class TestResults:
    def test_hashes(self, photos):
        found = PHash(verbose=False).search(photos)
        page = found.to_html(photos.parent / "page.html")
        text = page.path.read_text()
        assert "<h1>Duplicates in photos</h1>" in text
        assert "<td>notes.txt</td><td>not an image, or of an unknown format</td>" in text
        assert (page.pictures, page.unreadable) == (5, 0)
        assert len(pairs_of(page.path)) == found.pair_count == 4
        beach = ("beach.png", "beach_copy.png")
        assert pairs_of(page.path)[beach] == [0, "", "", "either", 0, 0]
        first, second = groups_of(page.path)
        assert first[0] == ["beach.png", "beach_copy.png", "beach_small.jpg"]
        assert first[3:5] == (0, "")
        assert second[0] == ["city.png", "city_blurred.png"]
        assert thumbnails(page.path)[0].size == (320, 240)

    def test_verified_pairs_say_how_they_are_related(self, verified, tmp_path):
        page = verified.to_html(tmp_path / "page.html", title="Mine")
        assert "<h1>Mine</h1>" in page.path.read_text()
        pairs = pairs_of(page.path)
        assert pairs["a.png", "b.png"][1:4] == ["identical", "", "either"]
        assert pairs["a.png", "c.jpg"][1:4] == ["copy", "scaled to 50 %", "either"]
        part = pairs["a.png", "d.png"]
        assert (part[1], part[3]) == ("part", "right")
        assert part[2].startswith("the right one is 6")
        assert np.allclose(part[4], [[1, 0, -60], [0, 1, -40]], atol=2)
        (group,) = groups_of(page.path)
        names, links, same, score, relation, *_ = group
        assert names == ["a.png", "b.png", "c.jpg", "d.png"]
        assert same[0] == same[1]
        assert (score, relation) == (1.0, "identical")
        assert [link[3:] for link in links] == [
            *(["copy", "either"], ["part", "right"], ["part", "right"])
        ]

    def test_two_collections(self, photos, tmp_path):
        other = tmp_path / "archive"
        other.mkdir()
        photograph(1).save(other / "city.png")
        page = PHash(verbose=False).search(photos, against=other).to_html(tmp_path / "page.html")
        assert "<h1>Duplicates in photos that archive has</h1>" in page.path.read_text()
        data = content(page.path)
        kinds = [section["kind"] for section in data["sections"]]
        assert kinds == ["still", "still", "pairs"]
        named = {(row[0], data["folders"][row[2]]): row[-1] for row in data["pictures"]}
        assert named == {
            ("city.png", str(photos)): 0,
            ("city_blurred.png", str(photos)): 0,
            ("city.png", str(other)): 1,
        }

    def test_codes_without_a_folder(self, tmp_path):
        hashes = {"a.jpg": "9fee256239984d71", "b.jpg": "9fee256239984d71"}
        page = PHash(verbose=False).search(encoding_map=hashes).to_html(tmp_path / "page.html")
        assert (page.pictures, page.unreadable) == (2, 2)
        assert {row[10] for row in content(page.path)["pictures"]} == {"no file is known"}

    def test_the_state_is_that_of_the_search(self, photos):
        found = PHash(verbose=False).search(photos)
        before = found.folder.state("beach.png")[0]
        photograph(7).save(photos / "beach.png")
        page = found.to_html(photos.parent / "page.html")
        states = {row[0]: row[9] for row in content(page.path)["pictures"]}
        assert states["beach.png"] == ":".join(map(str, before))

    def test_a_large_group_costs_no_pairs(self):
        """20,000 identical images are 200 million pairs."""
        hashes = dict.fromkeys((f"{number:05}" for number in range(20_000)), "9fee256239984d71")
        found = PHash(verbose=False).search(encoding_map=hashes)
        _, groups, pairs = result_sections(found, 10_000)
        assert isinstance(groups, GroupSection)
        assert isinstance(pairs, PairSection)
        (group,) = groups.groups
        assert (len(group.pictures), group.left_out) == (300, 19_700)
        assert len(pairs.pairs) == 10_000
        assert {pair.left.name for pair in pairs.pairs} == {"00000"}
        assert pairs.text == "The best 10,000 of 199,990,000 pairs."

    @pytest.mark.parametrize("against", [False, True])
    def test_what_is_left_out_is_the_worst(self, against):
        hashes = {f"{number:02}": f"{(1 << number) - 1:016x}" for number in range(8)}
        references = {f"r{name}": code for name, code in hashes.items()} if against else None
        found = PHash(verbose=False).search(encoding_map=hashes, against=references)
        section = pair_section(found, 3)
        assert [pair.score for pair in section.pairs] == ([0, 0, 0] if against else [1, 1, 1])
        assert section.text == f"The best 3 of {64 if against else 28} pairs."
        assert all(pair.right.stays == against for pair in section.pairs)
        assert all(pair.may_go is MayGo.EITHER for pair in section.pairs)

    @pytest.mark.parametrize("most", [0, 2.5, "many"])
    def test_wrong_numbers(self, photos, most):
        found = PHash(verbose=False).search(photos)
        with pytest.raises((InvalidTypeError, InvalidValueError), match="most"):
            found.to_html(photos / "page.html", most=most)


class TestDictionaries:
    MAP = {
        "beach.png": ["beach_copy.png", "gone.png"],
        "beach_copy.png": ["beach.png"],
        "city.png": [],
    }

    def test_without_scores(self, photos, tmp_path):
        page = gallery(photos, self.MAP, tmp_path / "page.html")
        assert (page.pictures, page.unreadable) == (3, 1)
        assert {pair: row[0] for pair, row in pairs_of(page.path).items()} == {
            ("beach.png", "beach_copy.png"): None,
            ("beach.png", "gone.png"): None,
        }
        assert "no such file" in json.dumps(content(page.path))

    @pytest.mark.parametrize(
        ("scores", "name", "best"), [((3, 1), "distance", 1), ((0.25, 0.5), "similarity", 0.5)]
    )
    def test_with_scores(self, photos, tmp_path, scores, name, best):
        found = {
            "beach.png": [("city.png", scores[0]), ("beach_copy.png", scores[1])],
            "beach_copy.png": [("beach.png", scores[1])],
        }
        page = gallery(photos, found, tmp_path / "page.html")
        data = content(page.path)
        assert data["sections"][-1]["score"] == name
        assert data["sections"][-1]["ascending"] == (name == "distance")
        assert [row[2] for row in data["sections"][-1]["items"]] == [best, scores[0]]

    def test_two_collections(self, photos, tmp_path):
        other = tmp_path / "archive"
        other.mkdir()
        photograph(0).save(other / "beach.png")
        page = gallery(photos, {"beach.png": ["beach.png"]}, tmp_path / "p.html", against=other)
        data = content(page.path)
        assert data["folders"] == [str(photos), str(other)]
        assert [row[-1] for row in data["pictures"]] == [0, 1]

    def test_results_with_other_folders(self, photos, tmp_path):
        encoder = PHash(verbose=False)
        found = encoder.search(encoding_map=encoder.encode_images(photos))
        page = gallery(photos, found, tmp_path / "page.html", title="Here")
        assert (page.pictures, page.unreadable) == (5, 0)
        with pytest.raises(InvalidValueError, match="image_dir must be given"):
            gallery(None, found, tmp_path / "page.html")

    @pytest.mark.parametrize(
        ("found", "error"),
        [
            ([], InvalidTypeError),
            ({}, InvalidValueError),
            ({"a": 5}, InvalidTypeError),
            ({"a": [("b", "high")]}, InvalidTypeError),
        ],
    )
    def test_wrong_maps(self, photos, tmp_path, found, error):
        with pytest.raises(error):
            gallery(photos, found, tmp_path / "page.html")
        assert not (tmp_path / "page.html").exists()
