"""`find` and `remove` with verification: what they say, write, keep and refuse."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagededup.commands.related import (
    duplicates_of_each,
    links_to_representatives,
    links_to_the_best,
    relation_counts,
)
from imagededup.methods import CNN, PHash
from imagededup.methods.results import Duplicates
from imagededup.removal.why import relations_of_removals
from imagededup.search.matches import Matches, Pairs
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict, Verdicts
from tests.conftest import photograph

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
COPIES = ("flower.jpg", "flower_copy.jpg", "flower_recompressed.jpg", "flower_smaller.jpg")
OTHERS = ("portrait.jpg", "temple.jpg")


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A photograph with copies, one of them with equal pixels, and two other photographs."""
    folder = tmp_path_factory.mktemp("album")
    for name in (*COPIES, *OTHERS):
        shutil.copy(EXAMPLES / name, folder)
    return folder


@pytest.fixture
def alike(tmp_path):
    """Two pictures, above 0.9 by their descriptors, and a copy of the first."""
    folder = tmp_path / "alike"
    folder.mkdir()
    photograph(0).save(folder / "a.png")
    photograph(2).save(folder / "b.png")
    photograph(0).save(folder / "c.jpg", quality=85)
    return folder


class TestFind:
    def test_the_relation_stands_behind_each_duplicate(self, command, album):
        code, out, _ = command("find", album, "--verify")
        assert code == 0
        assert out == (
            "Group 1: 4 images\n  flower.jpg\n  flower_copy.jpg  (identical)\n"
            "  flower_recompressed.jpg  (copy)\n  flower_smaller.jpg  (copy)\n\n"
            "6 images, 1 group of duplicates (6 pairs: 1 identical, 5 copy), 3 can be removed\n"
        )

    def test_with_scores(self, command, album):
        _, out, _ = command("find", album, "--verify", "-s")
        assert "  flower_copy.jpg  (identical, score 1.000)\n" in out
        score = re.search(r"  flower_smaller.jpg  \(copy, score (\d\.\d{3})\)\n", out)[1]
        assert 0.9 < float(score) <= 1

    def test_without_verification_nothing_is_said_of_it(self, command, album):
        expected = command("find", album, "-s")
        assert "(6 pairs), 3 can be removed" in expected[1]
        assert command("find", album, "-s", "--no-verify") == expected

    def test_false_pairs_of_codes_go(self, command, alike):
        _, out, _ = command("find", alike, "-m", "cnn")
        assert out.startswith("Group 1: 3 images")
        _, out, _ = command("find", alike, "-m", "cnn", "--verify")
        assert out.startswith("Group 1: 2 images\n  a.png\n  c.jpg  (copy)\n")

    def test_relations(self, command, album):
        _, out, _ = command("find", album, "--verify", "--relations", "identical")
        assert "(1 pair: 1 identical), 1 can be removed" in out
        words = "unrelated, undecided"
        _, out, _ = command("find", album, "--verify", "--relations", words, "-t", 64)
        pairs = re.search(r"\((\d+) pairs: .* un\w+\), 0 can be removed", out)[1]
        assert int(pairs) == 9  # of each photograph with the others, of 15 in all

    def test_candidates(self, command, album):
        _, out, _ = command("find", album, "--verify", "--candidates", 1, "--relations", "copy")
        few = int(re.search(r"\((\d+) pairs?: ", out)[1])
        _, out, _ = command("find", album, "--verify", "--relations", "copy")
        assert few < int(re.search(r"\((\d+) pairs: ", out)[1]) == 5

    def test_against(self, command, album, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        shutil.copy(EXAMPLES / "temple_recompressed.jpg", new)
        shutil.copy(EXAMPLES / "portrait_copy.jpg", new)
        code, out, _ = command("find", new, "--against", album, "--verify")
        assert code == 0
        assert out == (
            "portrait_copy.jpg\n  portrait.jpg  (identical)\n"
            "temple_recompressed.jpg\n  temple.jpg  (copy)\n"
            "2 images, 2 of them with a duplicate among the other 6 images "
            "(2 pairs: 1 identical, 1 copy)\n"
        )
        _, out, _ = command(
            "find", new, "--against", album, "--verify", "--format", "groups", "-o", "-"
        )
        first, second = json.loads(out)
        assert first["members"] == [
            {"image": "portrait_copy.jpg", "score": 1.0, "relation": "identical"}
        ]
        assert (second["representative"], second["members"][0]["relation"]) == (
            "temple.jpg",
            "copy",
        )


class TestFiles:
    def test_json_of_pairs(self, command, album, tmp_path):
        path = tmp_path / "found.json"
        command("find", album, "--verify", "-s", "-o", path)
        found = json.loads(path.read_text())
        assert list(found) == sorted((*COPIES, *OTHERS))
        assert found["temple.jpg"] == []
        assert found["flower.jpg"][0] == ["flower_copy.jpg", 1.0, "identical"]
        assert [entry[2] for entry in found["flower_smaller.jpg"]] == ["copy"] * 3
        scores = [entry[1] for entry in found["flower_smaller.jpg"]]
        assert scores == sorted(scores, reverse=True)
        command("find", album, "--verify", "-o", path)
        assert set(json.loads(path.read_text())["flower.jpg"]) == set(COPIES[1:])

    def test_other_commands_read_it(self, command, album, tmp_path):
        found, truth = tmp_path / "found.json", tmp_path / "truth.json"
        command("find", album, "--verify", "-s", "-o", found)
        every = (*COPIES, *OTHERS)
        truth.write_text(
            json.dumps({n: [o for o in COPIES if n in COPIES and o != n] for n in every})
        )
        code, out, _ = command("evaluate", truth, found)
        assert code == 0
        assert re.search(r"map +1\.0000", out)
        picture = tmp_path / "x.png"
        assert command("plot", "histogram", found, "-t", 0.5, "-o", picture)[0] == 0
        assert command("plot", "duplicates", album, found, "flower.jpg", "-o", picture)[0] == 0

    def test_csv_and_json_lines_of_pairs(self, command, album, tmp_path):
        command("find", album, "--verify", "-o", tmp_path / "found.csv")
        with (tmp_path / "found.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 6
        assert (rows[0]["image"], rows[0]["relation"]) == ("flower.jpg", "identical")
        assert {row["relation"] for row in rows[1:]} == {"copy"}
        command("find", album, "--verify", "-o", tmp_path / "found.jsonl")
        lines = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
        assert [line["relation"] for line in lines] == [row["relation"] for row in rows]
        assert list(lines[0]) == list(rows[0])

    @pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
    def test_groups(self, command, album, tmp_path, ending):
        path = tmp_path / f"groups.{ending}"
        command("find", album, "--verify", "--format", "groups", "-o", path)
        text = path.read_text()
        if ending == "csv":
            assert text.startswith(
                "group,representative,image,score,relation\n"
                "1,flower.jpg,flower_copy.jpg,1.0,identical\n"
            )
            return
        (group,) = json.loads(text) if ending == "json" else [json.loads(text)]
        relations = [(member["image"], member["relation"]) for member in group["members"]]
        assert relations == [(name, "copy" if name != COPIES[1] else "identical")
                             for name in COPIES[1:]]  # fmt: skip


class TestRemove:
    def test_the_cnn_verifies_unless_told_otherwise(self, command, alike):
        code, out, _ = command("remove", alike, "-m", "cnn")
        assert code == 0
        assert re.fullmatch(
            r"would remove c\.jpg \(copy of a\.png, score 0\.9\d\d\)\n"
            r"1 of 3 images would be removed; nothing was changed\n",
            out,
        )
        _, out, _ = command("remove", alike, "-m", "cnn", "--no-verify")
        assert "would remove b.png (duplicate of a.png, similarity 0.9" in out
        assert "2 of 3 images would be removed" in out

    def test_hashes_verify_if_asked_to(self, command, album):
        _, out, _ = command("remove", album)
        assert "would remove flower_copy.jpg (duplicate of flower.jpg, distance 0)\n" in out
        _, out, _ = command("remove", album, "--verify", "-t", 64)
        assert "would remove flower_copy.jpg (identical to flower.jpg, score 1.000)\n" in out
        assert "would remove flower_smaller.jpg (copy of flower.jpg, score " in out
        assert out.endswith("3 of 6 images would be removed; nothing was changed\n")

    def test_relations(self, command, album):
        _, out, _ = command("remove", album, "--verify", "--relations", "identical,variant")
        assert out == (
            "would remove flower_copy.jpg (identical to flower.jpg, score 1.000)\n"
            "1 of 6 images would be removed; nothing was changed\n"
        )

    def test_moving(self, command, album, tmp_path):
        folder = shutil.copytree(album, tmp_path / "album")
        arguments = ("remove", folder, "--verify", "--move-to", tmp_path / "moved")
        code, out, _ = command(*arguments, "--keep", "largest_file")
        assert code == 0
        assert f"to {tmp_path / 'moved' / 'flower_smaller.jpg'} (copy of flower" in out
        assert len(list(folder.iterdir())) == len(list((tmp_path / "moved").glob("[!.]*"))) == 3

    def test_against(self, command, album, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        shutil.copy(EXAMPLES / "temple_recompressed.jpg", new / "again.jpg")
        shutil.copy(EXAMPLES / "portrait_recompressed.jpg", new / "face.jpg")
        (album_without := tmp_path / "archive").mkdir()
        shutil.copy(album / "temple.jpg", album_without)
        code, out, _ = command("remove", new, "--against", album_without, "--verify", "-t", 64,
                               "--delete", "--yes")  # fmt: skip
        assert code == 0
        assert out.startswith("deleted again.jpg (copy of temple.jpg, score ")
        assert [path.name for path in new.iterdir()] == ["face.jpg"]


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["find", "--candidates", "3"], "--candidates goes with --verify"),
            (["find", "--relations", "copy"], "--relations goes with --verify"),
            (["find", "--verify", "--candidates", "0"], "--candidates must be 1 or more, got 0"),
            (["find", "--verify", "--candidates", "x"], "Invalid value for '--candidates'"),
            (
                ["find", "--verify", "--relations", "copy,twin"],
                "--relations must be of 'identical'",
            ),
            (["find", "--verify", "--relations", ""], "--relations must be of 'identical'"),
            (["remove", "--relations", "copy"], "--relations goes with --verify"),
            (["remove", "-m", "cnn", "--no-verify", "--candidates", "3"], "goes with --verify"),
            (["remove", "-m", "cnn", "--relations", "unrelated"], "'overlap', got 'unrelated'"),
        ],
    )
    def test_options_that_do_not_go_together(self, command, album, arguments, message):
        name, *options = arguments
        code, out, err = command(name, album, *options)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err

    def test_a_file_of_codes(self, command, album, tmp_path):
        path = tmp_path / "codes.json"
        command("encode", album, "-o", path)
        for arguments in ([path], [album, "--against", path], [path, "--against", album]):
            code, out, err = command("find", *arguments, "--verify")
            assert (code, out) == (2, "")
            assert err == (
                "imagededup: --verify needs a folder with the images themselves, "
                f"{str(path)!r} is a file\n"
            )
        code, _, err = command("remove", path, "--verify")
        assert code == 2
        assert "FOLDER must be a folder, an image, an archive" in err

    def test_fail_if_found_counts_what_is_verified(self, command, alike):
        arguments = ("find", alike, "-m", "cnn", "--fail-if-found")
        assert command(*arguments, "--verify")[0] == 3
        (alike / "c.jpg").unlink()
        assert command(*arguments)[0] == 3
        assert command(*arguments, "--verify")[0] == 0


class TestRelated:
    """How verified pairs are shown, by verdicts that are written down here."""

    PART = Verdict(Relation.PART, 0.9, left_covered=0.4, right_covered=1.0)
    COPY = Verdict(Relation.COPY, 0.8, left_covered=1.0, right_covered=1.0)

    @pytest.fixture
    def found(self):
        """b and c have equal pixels and are a part of a; d is a copy of a; e is alone."""
        pairs = Pairs(np.array([0, 0]), np.array([1, 3]), np.float32([0.9, 0.8]))
        matches = Matches(np.array([0, 1, 1, 3, 4]), None, pairs, 1.0, descending=True)
        verdicts = Verdicts.of([self.PART, self.COPY])
        return Duplicates(list("abcde"), matches, "score", verdicts=verdicts)

    @pytest.fixture
    def between(self):
        """Of two collections: x is a copy of r, and contains q."""
        pairs = Pairs(np.array([0, 0]), np.array([1, 2]), np.float32([0.9, 0.8]))
        matches = Matches(np.array([0, 5]), np.array([1, 2]), pairs, 1.0, descending=True)
        verdicts = Verdicts.of([self.PART, self.COPY])
        return Duplicates(
            ["x", "y"], matches, "score", reference_names=["q", "r"], verdicts=verdicts
        )

    def test_counts(self, found, between):
        assert relation_counts(found) == {"identical": 1, "copy": 1, "part": 2}
        assert relation_counts(between) == {"copy": 1, "part": 1}

    def test_of_each_image(self, found, between):
        words = {n: [(o.name, o.word) for o in others] for n, others in duplicates_of_each(found)}
        assert words == {
            "a": [("b", "part"), ("c", "part"), ("d", "copy")],
            "b": [("c", "identical"), ("a", "whole")],
            "c": [("b", "identical"), ("a", "whole")],
            "d": [("a", "copy")],
            "e": [],
        }
        words = {n: [(o.name, o.word) for o in others] for n, others in duplicates_of_each(between)}
        assert words == {"x": [("q", "part"), ("r", "copy")], "y": []}

    def test_of_representatives(self, found):
        for keep, expected in (
            ("first", {"b": "part", "c": "part", "d": "copy"}),
            (lambda name: name == "c", {"a": "whole", "b": "identical"}),
        ):
            links = links_to_representatives(found, found.clusters(keep))
            assert {name: one.word for name, one in links.items()} == expected

    def test_of_the_best(self, between):
        ((name, member),) = links_to_the_best(between)
        assert (name, member.name, member.word, member.relation) == ("q", "x", "whole", "part")

    def test_of_removals(self, found, between):
        removals = found.removals()
        assert [removal.name for removal in removals] == ["b", "c", "d"]
        assert relations_of_removals(found, removals) == {"b": "part", "c": "part", "d": "copy"}
        assert relations_of_removals(between, between.removals()) == {"x": "copy"}


def test_the_help_states_the_limits_of_candidates(command):
    limits = [encoder._search_names.floor for encoder in (PHash, CNN)]
    for name in ("find", "remove"):
        text = " ".join(command(name, "--help")[1].split())
        assert f"the limit of what is looked at: {limits[0]}; cnn: {limits[1]}." in text
