"""The command, by its exit code, its output and what it does to files."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup import __version__
from imagededup.methods import CNN, DHash, PHash
from tests.conftest import photograph

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"


class TestFind:
    def test_groups(self, command, photos):
        code, out, err = command("find", photos)
        assert code == 0
        assert out == (
            "Group 1: 3 images\n  beach.png\n  beach_copy.png\n  beach_small.jpg\n\n"
            "Group 2: 2 images\n  city.png\n  city_blurred.png\n\n"
            "6 images, 2 groups of duplicates (4 pairs), 3 can be removed\n"
            "1 file could not be read\n"
        )
        assert err == (
            "imagededup: 1 file could not be read and left out:\n"
            "  notes.txt: not an image, or of an unknown format\n"
        )

    def test_scores(self, command, photos):
        _, out, _ = command("find", photos, "--scores")
        assert "  beach.png\n  beach_copy.png  (distance 0)\n" in out

    def test_no_duplicates_is_success(self, command, tmp_path):
        photograph(0).save(tmp_path / "one.png")
        assert command("find", tmp_path) == (
            0,
            "1 image, 0 groups of duplicates (0 pairs), 0 can be removed\n",
            "",
        )

    @pytest.mark.parametrize("method", ["phash", "dhash", "ahash", "whash"])
    def test_every_method_finds_the_copies_of_the_examples(self, command, method):
        code, out, _ = command("find", EXAMPLES, "--method", method, "--threshold", 4)
        assert code == 0
        assert "27 images, 3 groups of duplicates" in out
        for name in ("flower", "portrait", "temple"):
            assert f"  {name}.jpg\n  {name}_copy.jpg\n" in out

    def test_cnn_finds_every_edited_copy_of_the_examples(self, command):
        code, out, _ = command("find", EXAMPLES, "--method", "cnn", "--scores")
        assert code == 0
        assert "27 images, 3 groups of duplicates (108 pairs), 24 can be removed\n" in out
        assert "  temple_copy.jpg  (similarity 1.000)\n" in out

    def test_json_file(self, command, photos, tmp_path):
        result = tmp_path / "result.json"
        code, out, _ = command("find", photos, "--scores", "--output", result)
        assert code == 0
        assert out.endswith(f"Written to {result}\n")
        expected = PHash().find_duplicates(photos, scores=True)
        assert json.loads(result.read_text()) == json.loads(json.dumps(expected))

    def test_json_on_standard_output(self, command, photos):
        _, out, _ = command("find", photos, "--method", "dhash", "--output", "-")
        assert json.loads(out) == DHash().find_duplicates(photos)

    def test_csv_file(self, command, photos, tmp_path):
        command("find", photos, "--threshold", 0, "--output", tmp_path / "result.csv")
        with (tmp_path / "result.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["image", "duplicate", "distance"]
        assert ["beach.png", "beach_copy.png", "0"] in rows

    def test_against(self, command, photos, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        photograph(0).save(new / "again.png")
        photograph(5).save(new / "other.png")
        code, out, _ = command("find", new, "--against", photos, "--threshold", 0, "--scores")
        assert code == 0
        assert out.startswith("again.png\n  beach.png  (distance 0)\n")
        assert "2 images, 1 of them with a duplicate among the other 6 images (3 pairs)\n" in out

    def test_recursive(self, command, photos):
        (photos / "deep").mkdir()
        photograph(2).save(photos / "deep" / "forest_copy.png")
        assert "3 groups" not in command("find", photos)[1]
        assert "  deep/forest_copy.png\n  forest.png\n" in command("find", photos, "-r")[1]

    def test_names_stay_on_one_line(self, command, tmp_path):
        for name in ("a\nb.png", "c.png"):
            photograph(0).save(tmp_path / name)
        assert "  a\\nb.png\n  c.png\n" in command("find", tmp_path)[1]


class TestEncode:
    def test_json(self, command, photos, tmp_path):
        code, out, _ = command("encode", photos, "--output", tmp_path / "hashes.json")
        assert (code, out) == (0, f"6 images written to {tmp_path / 'hashes.json'}\n")
        assert json.loads((tmp_path / "hashes.json").read_text()) == {
            "encoder": "phash",
            "hashes": PHash().encode_images(photos),
        }

    def test_csv(self, command, photos, tmp_path):
        command("encode", photos, "-m", "dhash", "--output", tmp_path / "hashes.csv")
        with (tmp_path / "hashes.csv").open(newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0] == ["image", "dhash"]
        assert dict(rows[1:]) == DHash().encode_images(photos)

    def test_descriptors(self, command, photos, tmp_path):
        path = tmp_path / "descriptors.npz"
        code, out, _ = command("encode", photos, "-m", "cnn", "--output", path)
        assert (code, out) == (0, f"6 images written to {path}\n")
        with np.load(path) as stored:
            names, descriptors = stored["names"].tobytes().decode(), stored["descriptors"]
        expected = CNN(verbose=False).encode_images(photos)
        assert names == "".join(expected)
        assert np.array_equal(descriptors, np.concatenate(list(expected.values())))


@pytest.fixture
def truth(photos, tmp_path):
    """The duplicates of `photos` as a CSV file of pairs."""
    path = tmp_path / "truth.csv"
    path.write_text(
        "image,duplicate\nbeach.png,beach_copy.png\nbeach.png,beach_small.jpg\n"
        "beach_copy.png,beach_small.jpg\ncity.png,city_blurred.png\nforest.png,\n"
    )
    return path


class TestEvaluate:
    def test_table(self, command, photos, truth, tmp_path):
        command("find", photos, "--threshold", 0, "--output", tmp_path / "found.json")
        (tmp_path / "found.json").write_text(
            json.dumps(
                {
                    "beach.png": ["beach_copy.png"],
                    "beach_copy.png": ["beach.png"],
                    "beach_small.jpg": [],
                    "city.png": ["city_blurred.png"],
                    "city_blurred.png": ["city.png"],
                    "forest.png": [],
                }
            )
        )
        code, out, _ = command("evaluate", truth, tmp_path / "found.json")
        assert code == 0
        lines = {tuple(line.split()[:-1]): line.split()[-1] for line in out.splitlines()}
        assert lines["jaccard",] == "0.6667"
        assert lines["precision", "duplicate"] == "1.0000"
        assert lines["recall", "duplicate"] == "0.5000"
        assert lines["support", "different"] == "11"

    def test_output(self, command, photos, truth, tmp_path):
        command("find", photos, "--output", tmp_path / "found.json")
        arguments = ("evaluate", truth, tmp_path / "found.json", "--metric", "classification")
        command(*arguments, "--output", tmp_path / "metrics.json")
        metrics = json.loads((tmp_path / "metrics.json").read_text())
        assert metrics["recall"] == [1.0, 1.0]
        assert metrics["support"] == [11, 4]
        command(*arguments, "--output", tmp_path / "metrics.csv")
        assert "recall,duplicate,1.0\n" in (tmp_path / "metrics.csv").read_text()

    def test_maps_of_other_images(self, command, truth, tmp_path):
        (tmp_path / "found.json").write_text('{"a": []}')
        code, out, err = command("evaluate", truth, tmp_path / "found.json")
        assert (code, out, err.count("\n")) == (2, "", 1)


class TestSweep:
    def test_the_best_threshold_of_each_method(self, command, photos, truth, tmp_path):
        code, out, _ = command(
            "sweep", photos, truth, "--methods", "phash,cnn", "--output", tmp_path / "sweep.csv"
        )
        assert code == 0
        header, phash, cnn, _written = out.splitlines()
        assert header.split()[:4] == ["method", "threshold", "precision", "recall"]
        assert phash.split()[0] == "phash"
        assert phash.split()[2:] == ["1.0000", "1.0000", "1.0000", "4"]
        assert cnn.split()[0] == "cnn"
        with (tmp_path / "sweep.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["method"] for row in rows] == ["phash"] * 33 + ["cnn"] * 51
        assert sum(row["best"] == "True" for row in rows) == 2

    def test_all_thresholds(self, command, photos, truth):
        _, out, _ = command("sweep", photos, truth, "--methods", "dhash", "--all")
        assert len(out.splitlines()) == 34

    def test_unknown_method(self, command, photos, truth):
        code, _, err = command("sweep", photos, truth, "--methods", "phash,sift")
        assert code == 2
        assert "--methods must be among phash, dhash" in err


class TestPlot:
    @pytest.fixture
    def found(self, command, photos, tmp_path):
        path = tmp_path / "found.json"
        command("find", photos, "--scores", "--output", path)
        return path

    @staticmethod
    def check_picture(path):
        with Image.open(path) as picture:
            picture.load()
            assert picture.width > 200
            assert len(picture.convert("L").getcolors()) > 10

    def test_duplicates(self, command, photos, found, tmp_path):
        picture = tmp_path / "beach.png"
        arguments = ("plot", "duplicates", photos, found)
        assert command(*arguments, "beach.png", "-o", picture) == (0, f"Written to {picture}\n", "")
        self.check_picture(picture)
        code, _, err = command(*arguments, "forest.png", "-o", picture)
        assert code == 2
        assert "must have duplicates to plot" in err

    def test_clusters(self, command, photos, found, tmp_path):
        picture = tmp_path / "clusters.png"
        code, out, _ = command("plot", "clusters", photos, found, "--output", picture)
        assert (code, out) == (0, f"2 clusters, written to {picture}\n")
        self.check_picture(picture)

    def test_precision_and_recall(self, command, found, truth, tmp_path):
        picture = tmp_path / "curves.png"
        code, _, _ = command("plot", "precision-recall", truth, found, "--output", picture)
        assert code == 0
        self.check_picture(picture)
        code, _, err = command("plot", "precision-recall", truth, found, found, "-o", picture)
        assert code == 2
        assert "must have different names" in err

    def test_histogram(self, command, photos, found, tmp_path):
        picture = tmp_path / "histogram.png"
        code, out, _ = command("plot", "histogram", found, "-t", 5, "--output", picture)
        assert (code, out) == (0, f"4 pairs, written to {picture}\n")
        self.check_picture(picture)
        command("find", photos, "--output", found)
        code, _, err = command("plot", "histogram", found, "-t", 5, "--output", picture)
        assert code == 2
        assert "find it with --scores" in err


class TestUsage:
    def test_version(self, command):
        assert command("--version") == (0, f"imagededup {__version__}\n", "")

    @pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
    def test_help_lists_the_commands(self, command, arguments):
        code, out, _ = command(*arguments)
        assert code == 0
        for name in ("find", "remove", "encode", "evaluate", "sweep", "plot", "fastdup"):
            assert f"  {name} " in out

    @pytest.mark.parametrize("name", ["find", "remove", "encode", "sweep", "fastdup"])
    def test_help_of_a_command_has_examples(self, command, name):
        code, out, _ = command(name, "--help")
        assert code == 0
        assert f"\n    imagededup {name} photos" in out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["find"], "Missing argument"),
            (["find", "/no/such/folder"], "'/no/such/folder' does not exist"),
            (["find", ".", "--threshold", "65"], "must be an int from 0 to 64, got 65"),
            (["find", ".", "--threshold", "6.5"], "must be an int, got float 6.5"),
            (["find", ".", "-m", "cnn", "-t", "2"], "-1.0 to 1.0, got 2"),
            (["encode", ".", "-m", "cnn", "-o", "x.json"], "--output must end in .npz"),
            (["find", ".", "--threshold", "ten"], "Invalid value for '--threshold'"),
            (["find", ".", "--method", "sift"], "Invalid value for '--method'"),
            (["find", ".", "--output", "x.txt"], "--output must end in .json, .csv or .jsonl"),
            (["find", ".", "--output", "/no/such/x.json"], "must lie in a folder that exists"),
            (["find", "--colour"], "No such option"),
            (["encode", "."], "Missing option '--output'"),
            (["compare"], "No such command 'compare'"),
        ],
    )
    def test_wrong_usage_is_one_line_and_code_2(self, command, arguments, message):
        code, out, err = command(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("imagededup: ")
        assert message in err

    def test_empty_folder(self, command, tmp_path):
        code, _, err = command("find", tmp_path)
        assert code == 2
        assert "must hold at least one file" in err


class TestProcess:
    """What only a process of its own shows."""

    def test_module_and_exit_code(self, photos):
        process = subprocess.run(
            [sys.executable, "-m", "imagededup", "find", photos / "nothing"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (process.returncode, process.stdout) == (2, "")


def test_messages_go_where_they_went_before_a_command(command, photos, caplog):
    _, _, messages = command("find", photos, "--no-cache")
    assert messages.startswith("imagededup: 1 file could not be read")
    assert caplog.records == []
    PHash(verbose=False).encode_images(photos)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
