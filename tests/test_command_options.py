"""Every option of every command changes what the command does: each wire from the shell."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from imagededup.commands import find as find_module
from imagededup.evaluation import best_threshold, load_ground_truth
from imagededup.methods import CNN, AHash, DHash, PHash, WHash, tasks
from imagededup.plots import plot_clusters, plot_duplicates
from tests.conftest import photograph

ENCODERS = {"phash": PHash, "dhash": DHash, "ahash": AHash, "whash": WHash, "cnn": CNN}


@pytest.fixture
def hashes(tmp_path):
    """A file of hashes at known distances: b is 2 bits from a, c 8, d 30; e equals d."""
    path = tmp_path / "hashes.json"
    bits = {"a": 0, "b": 2, "c": 8, "d": 30, "e": 30}
    codes = {name: f"{(1 << count) - 1:016x}" for name, count in bits.items()}
    path.write_text(json.dumps({"encoder": "phash", "hashes": codes}))
    return path


@pytest.fixture
def same(tmp_path):
    """A file of 20,000 equal hashes: 200 million pairs."""
    path = tmp_path / "same.json"
    path.write_text(json.dumps({f"{number:05}": "9fee256239984d71" for number in range(20_000)}))
    return path


@pytest.fixture
def noise(tmp_path):
    """A folder with a JPEG whose hashes depend on how it is decoded."""
    folder = tmp_path / "noise"
    folder.mkdir()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1600, 1600, 3), np.uint8))
    Image.blend(noise, photograph(1, noise.size), 0.04).save(folder / "noise.jpg", quality=60)
    return folder


def deeper(folder):
    """Put a copy of a picture into a folder within."""
    (folder / "deep").mkdir()
    photograph(2).save(folder / "deep" / "wood.png")


class TestFindGroups:
    def test_json(self, command, hashes, tmp_path):
        path = tmp_path / "groups.json"
        code, out, _ = command("find", hashes, "-t", 6, "--format", "groups", "-o", path)
        assert code == 0
        assert out.startswith("5 images, 2 groups of duplicates (3 pairs), 2 can be removed\n")
        assert json.loads(path.read_text()) == [
            {
                "representative": "a",
                "members": [{"image": "b", "distance": 2}, {"image": "c", "distance": None}],
            },
            {"representative": "d", "members": [{"image": "e", "distance": 0}]},
        ]

    def test_json_on_standard_output(self, command, hashes):
        _, out, err = command("find", hashes, "-t", 2, "--format", "groups", "-o", "-")
        assert [group["representative"] for group in json.loads(out)] == ["a", "d"]
        assert err == "5 images, 2 groups of duplicates (2 pairs), 2 can be removed\n"

    def test_csv(self, command, hashes, tmp_path):
        path = tmp_path / "groups.csv"
        command("find", hashes, "-t", 6, "--format", "groups", "-o", path)
        assert path.read_text() == (
            "group,representative,image,distance\n1,a,b,2\n1,a,c,\n2,d,e,0\n"
        )

    def test_json_lines(self, command, hashes, tmp_path):
        path = tmp_path / "groups.jsonl"
        command("find", hashes, "-t", 6, "--format", "groups", "-o", path)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["representative"] for line in lines] == ["a", "d"]
        path = tmp_path / "pairs.jsonl"
        command("find", hashes, "-t", 6, "-o", path)
        assert [json.loads(line) for line in path.read_text().splitlines()] == [
            {"image": "a", "duplicate": "b", "distance": 2},
            {"image": "b", "duplicate": "c", "distance": 6},
            {"image": "d", "duplicate": "e", "distance": 0},
        ]

    def test_with_two_collections_each_image_is_with_its_best_duplicate(
        self, command, hashes, tmp_path
    ):
        new = tmp_path / "new.json"
        new.write_text(json.dumps({"x": f"{(1 << 3) - 1:016x}", "y": f"{(1 << 29) - 1:016x}"}))
        path = tmp_path / "groups.json"
        code, out, _ = command(
            "find", new, "--against", hashes, "-t", 6, "--format", "groups", "-o", path
        )
        assert code == 0
        assert "2 of them with a duplicate among the other 5 images (5 pairs)" in out
        assert json.loads(path.read_text()) == [
            {"representative": "b", "members": [{"image": "x", "distance": 1}]},
            {"representative": "d", "members": [{"image": "y", "distance": 1}]},
        ]
        _, out, _ = command("find", new, "--against", hashes, "-t", 6, "--format", "groups", "-s")
        assert out.startswith("Group 1: 1 duplicate of b\n  x  (distance 1)\n\nGroup 2: ")


class TestManyPairs:
    def test_groups_stay_linear(self, command, same, tmp_path):
        path = tmp_path / "groups.json"
        code, out, _ = command("find", same, "--format", "groups", "-o", path)
        assert code == 0
        assert "(199,990,000 pairs)" in out
        assert path.stat().st_size < 1_000_000
        (group,) = json.loads(path.read_text())
        assert len(group["members"]) == 19_999

    @pytest.mark.parametrize("output", ["x.json", "x.csv", "x.jsonl", "-"])
    def test_pairs_are_refused_and_the_way_out_is_named(
        self, command, same, tmp_path, monkeypatch, output
    ):
        monkeypatch.chdir(tmp_path)
        code, out, err = command("find", same, "--output", output)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "199,990,000 pairs were found, more than 10,000,000: --format groups" in err
        assert not (tmp_path / output).exists()

    def test_so_is_the_long_list_of_two_collections(self, command, same):
        code, out, err = command("find", same, "--against", same)
        assert (code, out) == (2, "")
        assert "400,000,000 pairs were found" in err

    def test_the_groups_on_the_terminal_are_not(self, command, same):
        assert command("find", same)[0] == 0

    def test_all_pairs_are_written_if_asked_for(self, command, hashes, tmp_path, monkeypatch):
        monkeypatch.setattr(find_module, "MOST_PAIRS", 1)
        path = tmp_path / "found.csv"
        assert command("find", hashes, "-t", 2, "-o", path)[0] == 2
        assert command("find", hashes, "-t", 2, "-o", path, "--all-pairs")[0] == 0
        assert path.read_text() == "image,duplicate,distance\na,b,2\nd,e,0\n"


class TestFindOptions:
    def test_fail_if_found(self, command, hashes, photos, tmp_path):
        assert command("find", hashes, "--fail-if-found")[0] == 3
        assert command("find", photos, "--fail-if-found", "-o", tmp_path / "x.json")[0] == 3
        assert (tmp_path / "x.json").exists()
        (tmp_path / "one").mkdir()
        photograph(7).save(tmp_path / "one" / "alone.png")
        assert command("find", tmp_path / "one", "--fail-if-found")[0] == 0
        assert command("find", tmp_path / "one", "--against", photos, "--fail-if-found")[0] == 0

    @pytest.mark.parametrize("method", ["phash", "cnn"])
    def test_against_a_folder_without_any_image(self, command, photos, tmp_path, method):
        (tmp_path / "texts").mkdir()
        (tmp_path / "texts" / "notes.txt").write_text("no image")
        code, out, _ = command("find", photos, "--against", tmp_path / "texts", "-m", method)
        assert code == 0
        assert out.startswith("6 images, 0 of them with a duplicate among the other 0 images")

    def test_full_decode(self, command, noise, tmp_path):
        full = PHash(full_decode=True).encode_images(noise)
        (tmp_path / "full.json").write_text(json.dumps(full))
        arguments = ("find", noise, "--against", tmp_path / "full.json", "-t", 0, "--fail-if-found")
        assert command(*arguments)[0] == 0
        assert command(*arguments, "--full-decode")[0] == 3

    def test_full_decode_is_for_hashes(self, command, noise):
        code, _, err = command("find", noise, "--full-decode", "--method", "cnn")
        assert (code, err.count("\n")) == (2, 1)
        assert "--full-decode is for hashes" in err

    def test_only_heic(self, command, tmp_path):
        (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        code, out, err = command("find", tmp_path)
        assert code == 0
        assert "damaged HEIC image" in err or "pip install" in err
        assert out.endswith("1 file could not be read\n")


class TestEncodeOptions:
    def test_recursive(self, command, photos, tmp_path):
        deeper(photos)
        assert command("encode", photos, "-o", tmp_path / "x.json")[1].startswith("6 images ")
        command("encode", photos, "-r", "-o", tmp_path / "x.json")
        assert "deep/wood.png" in json.loads((tmp_path / "x.json").read_text())["hashes"]

    def test_full_decode(self, command, noise, tmp_path):
        path = tmp_path / "x.csv"
        command("encode", noise, "-m", "dhash", "-o", path)
        assert (
            path.read_text()
            == f"image,dhash\nnoise.jpg,{DHash().encode_images(noise)['noise.jpg']}\n"
        )
        command("encode", noise, "-m", "dhash", "-o", path, "--full-decode")
        full = DHash(full_decode=True).encode_images(noise)["noise.jpg"]
        assert path.read_text() == f"image,dhash\nnoise.jpg,{full}\n"


class TestFilesOfEncode:
    @pytest.mark.parametrize(
        ("method", "ending"),
        [("phash", "json"), ("dhash", "csv"), ("whash", "json"), ("cnn", "npz")],
    )
    def test_a_file_gives_what_its_folder_gives(self, command, photos, tmp_path, method, ending):
        path = tmp_path / f"codes.{ending}"
        command("encode", photos, "--method", method, "-o", path)
        _, of_folder, _ = command("find", photos, "-m", method, "-s", "-o", "-")
        code, of_file, _ = command("find", path, "-s", "-o", "-")
        assert code == 0
        expected = ENCODERS[method](verbose=False).find_duplicates(photos, scores=True)
        assert json.loads(of_file) == json.loads(of_folder) == json.loads(json.dumps(expected))
        code, _, err = command("find", path, "-m", "ahash")
        assert code == 2
        assert f"--method ahash does not fit '{path}', which holds codes of {method}" in err

    def test_of_a_file_and_a_folder(self, command, photos, tmp_path):
        command("encode", photos, "-m", "dhash", "-o", tmp_path / "codes.csv")
        code, out, _ = command("find", photos, "--against", tmp_path / "codes.csv", "-t", 0)
        assert code == 0
        assert "6 images, 6 of them with a duplicate among the other 6 images" in out
        code, out, _ = command("find", tmp_path / "codes.csv", "--against", photos, "-t", 0)
        assert "6 images, 6 of them with a duplicate among the other 6 images" in out

    def test_two_files_of_different_methods(self, command, photos, tmp_path):
        command("encode", photos, "-o", tmp_path / "p.json")
        command("encode", photos, "-m", "dhash", "-o", tmp_path / "d.csv")
        code, _, err = command("find", tmp_path / "p.json", "--against", tmp_path / "d.csv")
        assert code == 2
        assert "files of one method can be compared, got codes of two" in err

    def test_plain_maps_and_older_headers_are_hashes(self, command, tmp_path):
        (tmp_path / "plain.json").write_text('{"a": "00000000000000ff", "b": "00000000000000fe"}')
        (tmp_path / "plain.csv").write_text("image,hash\na,00000000000000ff\nb,00000000000000fe\n")
        for name in ("plain.json", "plain.csv"):
            for method in ("phash", "dhash"):
                code, out, _ = command("find", tmp_path / name, "-m", method)
                assert (code, out[:17]) == (0, "Group 1: 2 images")
            code, _, err = command("find", tmp_path / name, "-m", "cnn")
            assert code == 2
            assert "which holds hashes" in err

    def test_awkward_names_survive(self, command, tmp_path):
        folder = tmp_path / "awkward"
        folder.mkdir()
        for name in ("a\nb.png", 'c"d,.png', "ü\u202e.png", "\udcff.png"):
            try:
                photograph(0).save(folder / name)
            except OSError:  # a file system that takes UTF-8 only
                continue
        expected = PHash().encode_images(folder)
        for ending in ("json", "csv", "npz"):
            path = tmp_path / f"codes.{ending}"
            command("encode", folder, "-o", path)
            found = find_module.read_if_file([str(path)])
            assert (found.method, dict(found)) == ("phash", expected)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("x.json", "", "is no file that encode wrote"),
            ("x.json", "[]", "it holds a list"),
            ("x.json", '{"a": ["b"]}', "it holds something else than hashes"),
            ("x.json", '{"encoder": "sift", "hashes": {}}', "'sift' is no method"),
            ("x.json", '{"encoder": "phash", "hashes": {}}', "must hold at least one image"),
            ("x.json", '{"a": "xyz"}', "16 hexadecimal digits"),
            ("x.json", "[" * 100_000, "is no file that encode wrote"),
            ("x.csv", "", "not a header such as image,phash"),
            ("x.csv", "image,sift\n", "'sift' is no method"),
            ("x.csv", "image,phash\na\n", "line 2 has 1 columns"),
            ("x.csv", f"image,phash\na,{0:016}\na,{0:016}\n", "line 3 repeats 'a'"),
            ("x.npz", "", "is no file that encode wrote"),
            ("x.npz", "PK", "is no file that encode wrote"),
            (
                "x.json.dat",
                "\0",
                "FOLDER must be a folder, an image, an archive, a video, a URL or a text file",
            ),
        ],
    )
    def test_other_files(self, command, tmp_path, name, content, message):
        (tmp_path / name).write_text(content)
        code, out, err = command("find", tmp_path / name)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err

    @pytest.mark.parametrize("option", ["--recursive", "--full-decode"])
    def test_options_of_folders(self, command, hashes, option):
        code, _, err = command("find", hashes, option)
        assert code == 2
        assert err.startswith(f"imagededup: {option} needs a folder, ")

    def test_remove_needs_the_images(self, command, hashes, photos):
        for arguments in ([hashes], [photos, "--against", hashes]):
            code, _, err = command("remove", *arguments, "--delete", "--yes")
            assert (code, err.count("\n")) == (2, 1)
            assert "must be a folder, an image, an archive, a video, a URL or a text file" in err


class TestEvaluateOptions:
    @pytest.fixture
    def maps(self, tmp_path):
        (tmp_path / "truth.json").write_text('{"a": ["b"], "b": ["a"], "c": []}')
        (tmp_path / "found.json").write_text('{"a": ["b"], "b": [], "c": []}')
        return "evaluate", tmp_path / "truth.json", tmp_path / "found.json"

    @pytest.mark.parametrize("metric", ["map", "ndcg", "jaccard"])
    def test_metric(self, command, maps, metric):
        _, out, _ = command(*maps, "--metric", metric)
        assert out.split() == [metric, "0.6667"]

    def test_empty_queries(self, command, maps):
        for rule, value in (("perfect", "0.6667"), ("skip", "0.5000")):
            _, out, _ = command(*maps, "--metric", "map", "--empty-queries", rule)
            assert out.split() == ["map", value]

    def test_two_collections(self, command, tmp_path):
        (tmp_path / "truth.csv").write_text("image,duplicate\nnew.png,old.png\nother.png,\n")
        (tmp_path / "found.json").write_text('{"new.png": ["old.png"], "other.png": []}')
        arguments = ("evaluate", tmp_path / "truth.csv", tmp_path / "found.json")
        code, out, _ = command(*arguments, "--metric", "jaccard", "--two-collections")
        assert (code, out.split()) == (0, ["jaccard", "1.0000"])
        code, _, err = command(*arguments)
        assert code == 2
        assert "RESULT must have the same keys as GROUND_TRUTH" in err


class TestSweepOptions:
    @pytest.fixture
    def truth(self, tmp_path):
        """At distance 2 all found pairs are right; at 6 all right ones are found, and one more."""
        path = tmp_path / "truth.csv"
        path.write_text("image,duplicate\na,b\nd,e\na,c\n")
        return path

    def test_beta(self, command, hashes, truth):
        for beta, threshold in ((0.2, "2"), (5, "8")):
            code, out, _ = command("sweep", hashes, truth, "--beta", beta)
            assert code == 0
            assert out.splitlines()[1].split()[:2] == ["phash", threshold]
        assert command("sweep", hashes, truth, "--beta", "1e308")[1].split()[7:9] == ["phash", "8"]

    @pytest.mark.parametrize("beta", ["nan", "inf", "-1", "0", "-inf"])
    def test_wrong_beta(self, command, hashes, truth, beta):
        code, out, err = command("sweep", hashes, truth, "--beta", beta)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "--beta must be above 0 and finite" in err

    def test_methods_of_a_file(self, command, hashes, truth):
        assert len(command("sweep", hashes, truth)[1].splitlines()) == 2
        assert command("sweep", hashes, truth, "-m", "phash")[0] == 0
        code, _, err = command("sweep", hashes, truth, "-m", "dhash")
        assert code == 2
        assert "--method dhash does not fit" in err
        assert command("sweep", hashes, truth, "-r")[0] == 2

    @pytest.fixture
    def groups(self, tmp_path):
        """A folder with a subfolder per group, a picture that is plain and a large JPEG."""
        folder = tmp_path / "groups"
        for number in range(3):
            (folder / f"{number}").mkdir(parents=True)
            picture = photograph(number, (1700, 1600) if number == 0 else (400, 330))
            picture.save(folder / f"{number}" / "a.jpg")
            picture.resize((200, 150)).save(folder / f"{number}" / "b.png")
        Image.new("RGB", (50, 50), "red").save(folder / "2" / "red.png")
        (folder / "0" / "broken.jpg").write_bytes((folder / "0" / "a.jpg").read_bytes()[:900])
        return folder

    def test_recursive(self, command, groups):
        assert command("sweep", groups, groups, "-m", "dhash", "-r")[0] == 0
        code, _, err = command("sweep", groups, groups, "-m", "dhash")
        assert code == 2
        assert err.endswith("; its subfolders are searched with --recursive\n")

    def test_the_result_is_that_of_separate_runs(self, command, groups, tmp_path):
        code, _, err = command("sweep", groups, groups, "-r", "-o", tmp_path / "sweep.csv")
        assert code == 0
        assert err.count("could not be read") == 1
        with (tmp_path / "sweep.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        truth = load_ground_truth(groups)
        for method, encoder in ENCODERS.items():
            alone = best_threshold(encoder(verbose=False), truth, groups, recursive=True)
            points = [
                (float(row["threshold"]), float(row["f_score"]), int(row["retrieved"]))
                for row in rows
                if row["method"] == method
            ]
            assert points == [(p.threshold, p.f_score, p.retrieved) for p in alone.points]

    def test_each_file_is_decoded_once_for_all_hashes(self, command, groups, monkeypatch):
        decoded = []
        load_image = tasks.load_image

        def counting(path, reduction):
            decoded.append(path.name)
            return load_image(path, reduction)

        monkeypatch.setattr(tasks, "load_image", counting)
        (groups / "0" / "broken.jpg").unlink()
        methods = "phash,dhash,ahash,whash"
        assert command("sweep", groups, groups, "-r", "-m", methods, "--no-cache")[0] == 0
        assert len(decoded) == 7
        decoded.clear()
        assert command("sweep", groups, groups, "-r", "--no-cache")[0] == 0
        # JPEGs are smaller for the network, where there is something to save.
        assert decoded.count("b.png") == 3
        assert len(decoded) == 10

    def test_full_decode(self, command, noise, tmp_path):
        photograph(1).save(noise / "other.png")
        truth = tmp_path / "truth.csv"
        truth.write_text("noise.jpg,other.png\n")
        expected = []
        for encoder in (PHash(), PHash(full_decode=True)):
            codes = encoder.encode_images(noise)
            expected.append(PHash.hamming_distance(codes["noise.jpg"], codes["other.png"]))
        assert expected[0] != expected[1]
        assert max(expected) <= 32
        for options, distance in zip(([], ["--full-decode"]), expected, strict=True):
            _, out, _ = command("sweep", noise, truth, "-m", "phash", *options)
            assert out.splitlines()[1].split()[:2] == ["phash", str(distance)]
        _, out, _ = command("sweep", noise, truth, "--full-decode")
        assert out.splitlines()[1].split()[:2] == ["phash", str(expected[1])]
        assert out.splitlines()[-1].startswith("cnn")
        assert command("sweep", noise, truth, "-m", "cnn", "--full-decode")[0] == 2


class TestPlotOptions:
    @pytest.fixture
    def found(self, command, photos, tmp_path):
        path = tmp_path / "found.json"
        command("find", photos, "--scores", "--output", path)
        return path

    @staticmethod
    def pixels(path):
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))

    def test_most(self, command, photos, found, tmp_path):
        picture = tmp_path / "clusters.png"
        heights = []
        for most in (1, 2):
            command("plot", "clusters", photos, found, "--most", most, "-o", picture)
            heights.append(self.pixels(picture).shape[0])
        assert heights[0] < heights[1]
        code, _, err = command("plot", "clusters", photos, found, "--most", 0, "-o", picture)
        assert code == 2
        assert "--most must be an int from 1 to" in err

    def test_against(self, command, photos, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        photograph(0).save(new / "again.png")
        found = {"again.png": ["beach.png"]}
        (tmp_path / "found.json").write_text(json.dumps(found))
        command(
            *("plot", "duplicates", new, tmp_path / "found.json", "again.png"),
            *("--against", photos, "-o", tmp_path / "shell.png"),
        )
        plot_duplicates(new, found, "again.png", tmp_path / "python.png", against=photos)
        plot_duplicates(new, found, "again.png", tmp_path / "missing.png")
        shell = self.pixels(tmp_path / "shell.png")
        assert np.array_equal(shell, self.pixels(tmp_path / "python.png"))
        assert not np.array_equal(shell, self.pixels(tmp_path / "missing.png"))

    def test_clusters_against(self, command, photos, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        photograph(0).save(new / "again.png")
        found = {"again.png": ["beach.png", "beach_copy.png"]}
        (tmp_path / "found.json").write_text(json.dumps(found))
        arguments = ("plot", "clusters", new, tmp_path / "found.json", "--against", photos)
        code, out, _ = command(*arguments, "-o", tmp_path / "shell.png")
        assert (code, out) == (0, f"1 cluster, written to {tmp_path / 'shell.png'}\n")
        plot_clusters(new, found, tmp_path / "python.png", against=photos)
        shell = self.pixels(tmp_path / "shell.png")
        assert np.array_equal(shell, self.pixels(tmp_path / "python.png"))

    def test_threshold(self, command, found, tmp_path):
        for threshold in (2, 8):
            picture = tmp_path / f"{threshold}.png"
            command("plot", "histogram", found, "--threshold", threshold, "--output", picture)
        assert not np.array_equal(self.pixels(tmp_path / "2.png"), self.pixels(tmp_path / "8.png"))

    @pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
    def test_output(self, command, found, tmp_path, ending):
        picture = tmp_path / f"scores.{ending}"
        command("plot", "histogram", found, "-t", 2, "-o", picture)
        assert (
            picture.read_bytes()[:4] == {"png": b"\x89PNG", "svg": b"<?xm", "pdf": b"%PDF"}[ending]
        )


class TestWordsOfTheShell:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["find", "{photos}", "-t", 65], "--threshold must be an int from 0 to 64"),
            (["find", "{photos}", "-t", "nan"], "--threshold must be an int, got float nan"),
            (["find", "{photos}", "-t", -1], "--threshold must be an int from 0 to 64"),
            (["find", "{photos}", "-m", "cnn", "-t", 2], "--threshold must be"),
            (["find", "{photos}/no"], "FOLDER must be a folder"),
            (["find", "{photos}", "--against", "{photos}/no"], "--against must be a folder"),
            (["find", "{photos}", "-o", "{photos}"], "--output must be a file"),
            (["encode", "{photos}/no.npz", "-o", "x.json"], "FOLDER must be a folder"),
            (["encode", "{photos}", "-o", "{photos}/no/x.json"], "--output must lie in a folder"),
            (["plot", "clusters", "{photos}/no", "{found}", "-o", "x.png"], "FOLDER must be"),
            (["plot", "clusters", "{photos}", "{found}", "-o", "x.abc"], "--output must end in"),
            (["plot", "duplicates", "{photos}", "{found}", "no", "-o", "x.png"], "NAME must be"),
            (["fastdup", "{photos}", "--threshold=7"], "--threshold must be a number from 0 to 1"),
            (
                ["find", "{photos}", "--format", "x"],
                "Invalid value for '--format': 'x' is not one of 'pairs', 'groups'.",
            ),
            (["evaluate", "{found}", "{other}"], "RESULT must have the same keys as GROUND_TRUTH"),
        ],
    )
    def test_errors_name_options(self, command, photos, tmp_path, arguments, message):
        (tmp_path / "found.json").write_text('{"a": ["b"], "b": ["a"]}')
        (tmp_path / "other.json").write_text('{"a": []}')
        places = {
            "photos": photos,
            "found": tmp_path / "found.json",
            "other": tmp_path / "other.json",
        }
        code, out, err = command(*(str(word).format(**places) for word in arguments))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith(f"imagededup: {message}")

    def test_subfolders_are_named_as_in_the_shell(self, command, tmp_path):
        (tmp_path / "against").mkdir()
        code, _, err = command("find", tmp_path)
        assert code == 2
        assert err == (
            f"imagededup: FOLDER must hold at least one file, found none in {tmp_path}; "
            "its subfolders are searched with --recursive\n"
        )


class TestImpossiblePaths:
    LONG = "x" * 5000

    @pytest.mark.parametrize(
        "arguments",
        [
            ["find", LONG],
            ["find", "{photos}", "--against", LONG],
            ["find", "{photos}", "-o", f"{LONG}.json"],
            ["encode", "{photos}", "-o", f"{LONG}.csv"],
            ["evaluate", LONG, "{photos}"],
            ["evaluate", "{truth}", LONG],
            ["evaluate", "{truth}", "{photos}"],
            ["evaluate", "{photos}/beach.png", "{truth}"],
            ["sweep", LONG, "{truth}"],
            ["sweep", "{photos}", LONG],
            ["plot", "clusters", LONG, "{truth}", "-o", "x.png"],
            ["plot", "clusters", "{photos}", "{photos}", "-o", "x.png"],
            ["plot", "clusters", "{truth}", "{truth}", "-o", "x.png"],
            ["plot", "clusters", "{photos}", "{truth}", "-o", f"{LONG}.png"],
            ["plot", "clusters", "{photos}", "{truth}", "-o", "{photos}"],
            ["plot", "histogram", "{truth}/x.json", "-t", "1", "-o", "x.png"],
        ],
    )
    def test_one_line(self, command, photos, tmp_path, monkeypatch, arguments):
        monkeypatch.chdir(tmp_path)
        truth = tmp_path / "truth.json"
        truth.write_text('{"beach.png": ["city.png"], "city.png": ["beach.png"]}')
        words = [word.replace("{photos}", str(photos)) for word in arguments]
        code, _, err = command(*(word.replace("{truth}", str(truth)) for word in words))
        assert code in (1, 2)
        errors = [line for line in err.splitlines() if not line.startswith("  ")]
        assert len(errors[-1]) < 1000
        assert errors[-1].startswith("imagededup: ")
        assert "Traceback" not in err
