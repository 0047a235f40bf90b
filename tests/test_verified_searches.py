"""verify, candidates and relations: what the searches of all encoders do with them."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import CNN, AHash, PHash
from imagededup.methods.encoder import encode_together
from imagededup.methods.results import Duplicates, Removal
from imagededup.search.matches import Matches, Pairs
from imagededup.verification.relation import RELATED, Relation
from imagededup.verification.verdict import Verdict, Verdicts
from tests.conftest import photograph, textured

HEADER = (
    "image", "duplicate", "score",
    "relation", "rotation", "scale", "mirrored", "image_covered", "duplicate_covered", "differing",
)  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two pictures with copies, one alone, two of one colour."""
    folder = tmp_path_factory.mktemp("pictures")
    textured(0).save(folder / "beach.png")
    textured(0).save(folder / "beach_again.bmp")
    textured(0).save(folder / "beach_copy.jpg", quality=80)
    textured(0).resize((240, 180)).save(folder / "beach_small.png")
    textured(1).save(folder / "city.png")
    textured(1).save(folder / "city_copy.jpg", quality=80)
    textured(2).save(folder / "forest.png")
    for name in ("white", "white_again"):
        Image.new("RGB", (50, 40), "white").save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def cnn():
    return CNN(verbose=False)


@pytest.fixture(params=["phash", "cnn"])
def encoder(request, cnn):
    return cnn if request.param == "cnn" else PHash(verbose=False)


@pytest.fixture(scope="module")
def found(pictures):
    return PHash(verbose=False).search(pictures, verify=True)


def pairs_of(found):
    return {(left, right) for left, right, *_ in found.rows()}


BEACHES = ["beach.png", "beach_again.bmp", "beach_copy.jpg", "beach_small.png"]
TRUE_PAIRS = {
    *((one, other) for one in BEACHES for other in BEACHES if one < other),
    ("city.png", "city_copy.jpg"),
    ("white.png", "white_again.png"),
}


class TestResult:
    def test_pairs(self, encoder, pictures):
        found = encoder.search(pictures, verify=True)
        assert pairs_of(found) == TRUE_PAIRS
        assert found.to_remove() == [
            "beach_again.bmp", "beach_copy.jpg", "beach_small.png", "city_copy.jpg",
            "white_again.png",
        ]  # fmt: skip

    def test_rows(self, found):
        assert (found.score_name, found.row_header) == ("score", HEADER)
        rows = {row[:2]: dict(zip(HEADER, row, strict=True)) for row in found.rows()}
        for pair in (("beach.png", "beach_again.bmp"), ("white.png", "white_again.png")):
            assert list(rows[pair].values())[2:] == [
                1.0,
                "identical",
                0.0,
                1.0,
                False,
                1.0,
                1.0,
                0.0,
            ]
        copies = rows["beach.png", "beach_copy.jpg"]
        assert copies["relation"] in set(RELATED) - {"identical"}
        assert 0.5 < copies["score"] <= 1
        assert copies["image_covered"] == pytest.approx(1, abs=0.05)
        assert rows["beach_again.bmp", "beach_copy.jpg"] == copies | {"image": "beach_again.bmp"}

    def test_identical_pixels_are_one_group_that_is_verified_once(self, found):
        groups = dict(zip(found.names, found.matches.groups.tolist(), strict=True))
        assert groups["beach.png"] == groups["beach_again.bmp"] != groups["beach_copy.jpg"]
        assert len(found.verdicts) == len(found.matches.pairs) == 4
        assert found.matches.pairs.score.dtype == np.float32
        assert found.verdicts.rows["score"].tolist() == found.matches.pairs.score.tolist()

    def test_dictionary_with_scores(self, pictures, found):
        result = PHash(False).find_duplicates(pictures, verify=True, scores=True)
        assert result == found.to_dict(scores=True)
        assert result["beach.png"][0] == ("beach_again.bmp", 1.0)
        assert result["forest.png"] == []
        scores = [score for _, score in result["beach.png"]]
        assert scores == sorted(scores, reverse=True)

    def test_csv_and_pandas(self, found, tmp_path):
        found.write_csv(tmp_path / "found.csv")
        with (tmp_path / "found.csv").open(newline="") as file:
            header, *lines = csv.reader(file)
        assert tuple(header) == HEADER
        assert [line[3] for line in lines] == [row[3] for row in found.rows()]
        table = pytest.importorskip("pandas") and found.to_pandas()
        assert [tuple(row) for row in table.itertuples(index=False)] == [
            pytest.approx(row) for row in found.rows()
        ]
        assert tuple(table.columns) == HEADER

    def test_json(self, pictures, tmp_path):
        PHash(False).find_duplicates(
            pictures, verify=True, scores=True, outfile=tmp_path / "found.json"
        )
        stored = json.loads((tmp_path / "found.json").read_text())
        assert stored["white.png"] == [["white_again.png", 1.0]]

    def test_as_people_read_it(self, found):
        counts = found.verdicts.rows["relation"]
        assert repr(found).startswith("Duplicates(9 images, 3 groups, verified: 2 identical, ")
        assert counts.all()  # no pair of groups is identical
        assert found.describe_score(0.9876) == "score 0.988"
        assert found.describe_pair("white.png", "white_again.png", 1.0) == "identical, score 1.000"
        assert found.describe_pair("city.png", "forest.png", 0.5) == "score 0.500"
        said = found.verdict("city.png", "city_copy.jpg")
        described = found.describe_pair("city.png", "city_copy.jpg", said.score)
        assert described == f"{said.relation}, score {said.score:.3f}"
        assert "identical, score 1.000" in found._repr_html_()
        none = PHash(False).search(found.root, verify=True, relations=["undecided"])
        assert repr(none) == "Duplicates(9 images, 0 groups, verified: no pairs)"

    def test_of_the_two_sides_of_a_part_the_larger_is_the_whole(self, tmp_path, cnn):
        textured(0).save(tmp_path / "all.png")
        textured(0).crop((20, 13, 300, 220)).save(tmp_path / "some.png")
        parts = cnn.search(tmp_path, verify=True)
        assert parts.describe_pair("all.png", "some.png", 0.9) == "part, score 0.900"
        assert parts.describe_pair("some.png", "all.png", 0.9) == "whole, score 0.900"

    def test_codes_alone_say_no_relation(self, pictures):
        found = PHash(False).search(pictures)
        assert (found.verdicts, found.row_header) == (None, (*HEADER[:2], "distance"))
        assert found.verdict("white.png", "white_again.png") is None
        assert found.describe_pair("white.png", "white_again.png", 0) == "distance 0"

    @pytest.mark.usefixtures("notebook_shell")
    def test_progress(self, pictures, capsys):
        PHash().search(pictures, verify=True)
        bars = capsys.readouterr().err
        assert "Comparing: 100%" in bars
        assert "Verifying: 100%" in bars
        PHash().search(pictures)
        assert "Verifying" not in capsys.readouterr().err

    def test_workers_change_nothing(self, pictures, encoder):
        results = [
            encoder.search(pictures, verify=True, num_enc_workers=workers, num_dist_workers=workers)
            for workers in (1, 3)
        ]
        assert list(results[0].rows()) == list(results[1].rows())
        assert results[0] == results[1]


class TestVerdict:
    def test_it_is_turned_where_it_is_asked_for_from_the_right(self):
        whole = Verdict(
            Relation.PART, 0.875, ((2.0, 0.0, 0.0), (0.0, 2.0, 8.0)), rotation=90.0, scale=2.0,
            left_covered=0.25, right_covered=1.0,
        )  # fmt: skip
        verdicts = Verdicts.of([whole])
        one, other = np.array([1]), np.array([2])
        pairs = Pairs(one, other, verdicts.rows["score"].copy())
        matches = Matches(np.array([2, 1, 0, 1]), None, pairs, 1.0, descending=True)
        found = Duplicates(list("abcd"), matches, "score", verdicts=verdicts)
        turned = found.verdict("a", "b")
        assert found.verdict("b", "a") == found.verdict("d", "a") == whole
        assert (turned.rotation, turned.scale, turned.left_is_part) == (-90.0, 0.5, True)
        assert turned.matrix == ((0.5, 0.0, 0.0), (0.0, 0.5, -4.0))
        assert found.verdict("b", "d").relation is Relation.IDENTICAL
        assert found.verdict("a", "a") is found.verdict("a", "c") is None
        assert list(found.rows()) == [
            ("a", "b", 0.875, "part", -90.0, 0.5, False, 1.0, 0.25, 0.0),
            ("a", "d", 0.875, "part", -90.0, 0.5, False, 1.0, 0.25, 0.0),
            ("b", "d", 1.0, "identical", 0.0, 1.0, False, 1.0, 1.0, 0.0),
        ]

    def test_unknown_names(self, found):
        with pytest.raises(InvalidValueError, match="'sea.png' is not among the images"):
            found.verdict("beach.png", "sea.png")


class TestWhenItVerifies:
    def test_the_cnn_verifies_what_it_lists_to_remove(self, cnn, tmp_path):
        """By this threshold any two pictures are duplicates."""
        textured(7).save(tmp_path / "a.png")
        textured(8).save(tmp_path / "b.png")
        assert cnn.find_duplicates_to_remove(tmp_path, threshold=-1.0, verify=False) == ["b.png"]
        assert cnn.find_duplicates_to_remove(tmp_path, threshold=-1.0) == []
        assert cnn.find_duplicates(tmp_path, threshold=-1.0)["a.png"] == ["b.png"]
        assert cnn.search(tmp_path, threshold=-1.0).verdicts is None

    def test_hashes_do_not_unless_they_are_asked(self, pictures):
        plain = PHash(False).find_duplicates_to_remove(pictures, verify=False)
        assert PHash(False).find_duplicates_to_remove(pictures) == plain

    def test_codes_are_never_verified_by_themselves(self, cnn, pictures):
        codes = cnn.encode_images(pictures)
        expected = cnn.search(encoding_map=codes).to_remove()
        assert cnn.find_duplicates_to_remove(encoding_map=codes) == expected
        expected = cnn.search(pictures, against=codes).to_remove()
        assert cnn.find_duplicates_to_remove(pictures, against=codes) == expected

    def test_files_that_were_encoded_together_are_at_hand(self, pictures):
        phash = PHash(verbose=False)
        (encoded,) = encode_together([phash], pictures)
        assert pairs_of(phash.search(encoding_map=encoded, verify=True)) == TRUE_PAIRS

    @pytest.mark.parametrize("name", ["encoding_map", "against"])
    def test_it_needs_the_files(self, pictures, name):
        folder = {} if name == "encoding_map" else {"image_dir": pictures}
        message = f"verify=True needs the image files, got codes as {name}"
        with pytest.raises(InvalidValueError, match=message):
            PHash(False).search(**folder, **{name: {"a": "0" * 16}}, verify=True)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            ({"verify": 1}, InvalidTypeError, "verify must be True, False or 'auto', got int 1"),
            ({"verify": None}, InvalidTypeError, "verify must be .*, got NoneType None"),
            ({"verify": np.True_}, InvalidTypeError, "verify must be .*, got bool"),
            ({"verify": "yes"}, InvalidValueError, "verify must be .*, got 'yes'"),
            ({"candidates": 0}, InvalidValueError, "candidates must be 1 or more, got 0"),
            ({"candidates": True}, InvalidTypeError, "candidates must be an int, got bool True"),
            ({"candidates": 2.0}, InvalidTypeError, "candidates must be an int, got float 2.0"),
            ({"relations": ["alike"], "verify": True}, InvalidValueError, "'undecided', got 'ali"),
            ({"relations": "part", "verify": True}, InvalidTypeError, "relations must be a seq"),
            ({"relations": ["part"]}, InvalidValueError, "relations are of verified pairs"),
            ({"relations": ["part"], "verify": False}, InvalidValueError, "need verify=True"),
        ],
    )
    def test_wrong_values(self, given, error, message, pictures):
        for search in ("search", "find_duplicates"):
            with pytest.raises(error, match=message):
                getattr(PHash(False), search)(pictures, **given)

    def test_what_is_asked_for_in_removal(self, cnn, pictures):
        with pytest.raises(InvalidValueError, match="'overlap', got 'unrelated'"):
            cnn.find_duplicates_to_remove(pictures, relations=["unrelated"])
        with pytest.raises(InvalidValueError, match="relations are of verified pairs"):
            PHash(False).find_duplicates_to_remove(pictures, relations=["copy"])
        removed = cnn.find_duplicates_to_remove(pictures, relations=["identical"])
        assert removed == ["beach_again.bmp", "white_again.png"]

    def test_numbers_of_numpy_and_many_candidates(self, pictures, found):
        for candidates in (np.int64(10), 10**400):
            again = PHash(False).search(pictures, verify=True, candidates=candidates)
            assert list(again.rows()) == list(found.rows())


class TestCandidates:
    def test_a_looser_threshold_finds_what_the_default_does_not(self, tmp_path):
        textured(0).save(tmp_path / "a.png")
        textured(0).crop((20, 13, 320, 240)).save(tmp_path / "b.jpg", quality=50)
        ahash = AHash(verbose=False)
        distance = ahash.hamming_distance(*ahash.encode_images(tmp_path).values())
        assert 10 < distance <= 20
        assert ahash.find_duplicates(tmp_path)["a.png"] == []
        assert ahash.find_duplicates(tmp_path, verify=True)["a.png"] == ["b.jpg"]
        for threshold in (distance - 1, distance):
            found = ahash.search(tmp_path, max_distance_threshold=threshold, verify=True)
            assert found.pair_count == (threshold == distance)

    def test_false_pairs_of_hashes_go(self, tmp_path):
        """Pictures that agree in their coarse structure only."""
        for number in range(3):
            drawn = Image.blend(
                textured(number), textured(9).resize((8, 6)).resize((320, 240)), 0.6
            )
            drawn.save(tmp_path / f"{number}.png")
        phash = PHash(verbose=False)
        assert phash.search(tmp_path, threshold=64).pair_count == 3
        assert phash.search(tmp_path, threshold=64, verify=True).pair_count == 0

    def test_the_number_of_pairs_is_bounded_where_everything_is_alike(self, tmp_path):
        for number in range(8):
            textured(0, (200, 150)).save(tmp_path / f"{number}.jpg", quality=60 + 4 * number)
        phash = PHash(verbose=False)
        assert phash.search(tmp_path, verify=True).pair_count == 28
        found = phash.search(tmp_path, verify=True, candidates=2)
        assert 8 <= found.pair_count <= 16

    def test_equal_codes_of_other_pixels_are_candidates(self, tmp_path):
        pixels = np.asarray(textured(0)).copy()
        Image.fromarray(pixels).save(tmp_path / "a.png")
        pixels[0, 0] ^= 1
        Image.fromarray(pixels).save(tmp_path / "b.png")
        phash = PHash(verbose=False)
        assert len(set(phash.encode_images(tmp_path).values())) == 1
        (row,) = phash.search(tmp_path, verify=True).rows()
        assert row[:2] == ("a.png", "b.png")
        assert row[3] in set(RELATED) - {"identical"}

    def test_many_identical_images(self, tmp_path):
        textured(0, (200, 150)).save(tmp_path / "000.png")
        for number in range(1, 60):
            (tmp_path / f"{number:03}.png").write_bytes((tmp_path / "000.png").read_bytes())
        textured(0, (200, 150)).save(tmp_path / "copy.jpg", quality=80)
        found = PHash(False).search(tmp_path, verify=True, candidates=1)
        assert (len(found.verdicts), found.pair_count) == (1, 61 * 60 // 2)
        assert len(found.to_remove()) == 60


class TestRelations:
    def test_identical_ones_only(self, pictures):
        found = PHash(False).search(pictures, verify=True, relations=[Relation.IDENTICAL])
        assert pairs_of(found) == {
            ("beach.png", "beach_again.bmp"), ("white.png", "white_again.png"),
        }  # fmt: skip

    def test_all_but_identical_ones(self, pictures, found):
        relations = ["copy", "part", "variant"]
        fewer = PHash(False).search(pictures, verify=True, relations=relations)
        assert list(fewer.rows()) == [row for row in found.rows() if row[3] != "identical"]
        assert fewer.verdict("beach_copy.jpg", "beach_again.bmp") is not None
        assert fewer.verdict("beach.png", "beach_again.bmp") is None

    def test_no_pairs_of_identical_images_are_made_where_they_do_not_count(self, tmp_path):
        """Twenty thousand would have two hundred million pairs."""
        count = 20_000
        verdicts = Verdicts.of([Verdict(Relation.COPY, 0.75)])
        groups = np.zeros(count, np.int64)
        groups[-1] = 1
        pairs = Pairs(np.array([0]), np.array([1]), verdicts.rows["score"].copy())
        matches = Matches(groups, None, pairs, 1.0, descending=True)
        names = [f"{item:06}" for item in range(count)]
        found = Duplicates(names, matches, "score", verdicts=verdicts)
        assert found.to_remove(relations=["copy"]) == names[-1:]
        assert repr(found).endswith("verified: 199,970,001 identical, 19,999 copy)")

    def test_unrelated_ones_to_look_at(self, pictures):
        relations = ["unrelated", "undecided"]
        found = PHash(False).search(pictures, threshold=64, verify=True, relations=relations)
        assert ("city.png", "forest.png") in pairs_of(found)
        assert not pairs_of(found) & TRUE_PAIRS
        assert found.to_remove() == []


class TestTwoCollections:
    @pytest.fixture
    def archive(self, tmp_path):
        folder = tmp_path / "archive"
        folder.mkdir()
        textured(0).save(folder / "beach.png")
        textured(1).save(folder / "city.jpg", quality=60)
        textured(5).save(folder / "desert.png")
        Image.new("RGB", (50, 40), "white").save(folder / "white.gif")
        return folder

    def test_pairs(self, encoder, pictures, archive):
        found = encoder.search(pictures, against=archive, verify=True)
        assert pairs_of(found) == {
            *((name, "beach.png") for name in BEACHES),
            ("city.png", "city.jpg"),
            ("city_copy.jpg", "city.jpg"),
            ("white.png", "white.gif"),
            ("white_again.png", "white.gif"),
        }
        assert found.verdict("beach_again.bmp", "beach.png").relation is Relation.IDENTICAL
        assert found.removals()[0] == Removal("beach.png", "beach.png", 1.0)
        assert [removal.name for removal in found.removals()] == sorted(
            {left for left, _ in pairs_of(found)}
        )
        assert "verified: 4 identical" in repr(found)
        assert "identical, score 1.000" in found._repr_html_()

    def test_without_identical_ones(self, pictures, archive):
        relations = ["copy", "part", "variant"]
        found = PHash(False).search(pictures, against=archive, verify=True, relations=relations)
        assert pairs_of(found) == {
            ("beach_copy.jpg", "beach.png"), ("beach_small.png", "beach.png"),
            ("city.png", "city.jpg"), ("city_copy.jpg", "city.jpg"),
        }  # fmt: skip
        assert found.verdict("beach.png", "beach.png") is None

    def test_the_cnn_removes_verified_ones(self, cnn, pictures, archive):
        removed = cnn.find_duplicates_to_remove(pictures, against=archive)
        assert removed == sorted(
            {*BEACHES, "city.png", "city_copy.jpg", "white.png", "white_again.png"}
        )


class TestFilesThatAreGone:
    def test_they_are_listed_and_their_pairs_dropped(self, tmp_path, caplog):
        class Late(PHash):
            """Searches when a file has gone already."""

            def _nearest(self, *arguments):
                (tmp_path / "b.jpg").unlink()
                return super()._nearest(*arguments)

        textured(0).save(tmp_path / "a.png")
        textured(0).save(tmp_path / "b.jpg", quality=80)
        textured(0).save(tmp_path / "c.jpg", quality=70)
        found = Late(verbose=False).search(tmp_path, verify=True)
        assert pairs_of(found) == {("a.png", "c.jpg")}
        assert [failure.name for failure in found.failures] == ["b.jpg"]
        assert found.failures[0].reason
        assert "1 file could not be read and left out" in caplog.text
        assert found.to_remove() == ["c.jpg"]

    def test_nothing_can_be_read(self, tmp_path):
        (tmp_path / "note.png").write_text("no image")
        found = PHash(False).search(tmp_path, verify=True)
        assert (found.names, len(found), len(found.failures)) == ([], 0, 1)

    def test_only_images_without_structure(self, tmp_path):
        for name in "ab":
            Image.new("RGB", (50, 40), "white").save(tmp_path / f"{name}.png")
        found = PHash(False).search(tmp_path, verify=True)
        assert found.to_remove() == ["b.png"]


def test_smooth_pictures_with_little_texture(tmp_path):
    """Of pictures that are the same to the bit a second decode tells."""
    photograph(0).save(tmp_path / "a.png")
    photograph(0).save(tmp_path / "b.bmp")
    found = PHash(False).search(tmp_path, verify=True)
    assert found.verdict("a.png", "b.bmp").relation is Relation.IDENTICAL
