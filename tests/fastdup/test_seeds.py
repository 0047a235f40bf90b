"""What fastdup's documents say, statement by statement."""

import csv
import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.cli import run as command
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.fastdup.store.work_dir import WorkDir
from tests.conftest import photograph


def rows(path):
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Five pictures, copies of two of them, one in a subfolder, and a broken file."""
    folder = tmp_path_factory.mktemp("input") / "images"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("beach", "city", "forest", "river", "tower")):
        photograph(number).save(folder / f"{name}.png")
    photograph(0).save(folder / "deep" / "beach, again.png")
    photograph(1).resize((160, 120)).save(folder / "city_small.jpg", quality=90)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and nothing else")
    return folder


@pytest.fixture(scope="module")
def finished(images, tmp_path_factory):
    """A work folder after a run with the defaults."""
    work = tmp_path_factory.mktemp("finished") / "work"
    assert fastdup.run(input_dir=str(images), work_dir=str(work)) == 0
    return work


@pytest.fixture
def work(finished, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(finished, tmp_path / "work")


def names(work):
    return [row[0] for row in rows(work / "features.dat.csv")[1:]]


class TestGalleries:
    @pytest.mark.parametrize("name", ["create_duplicates_gallery", "generate_duplicates_gallery"])
    def test_gallery_of_duplicates(self, name, finished, tmp_path):
        gallery = getattr(fastdup, name)
        parameters = inspect.signature(gallery).parameters.values()
        assert [(one.name, one.default) for one in parameters][2:] == [
            ("num_images", 20),
            ("descending", True),
        ]
        gallery(str(finished / "similarity.csv"), save_path=str(tmp_path / "report"))
        page = (tmp_path / "report" / "duplicates.html").read_text()
        assert "beach, again.png" in page

    def test_gallery_of_anomalies(self, finished, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        lines = (finished / "similarity.csv").read_text().splitlines(keepends=True)
        Path("outliers.csv").write_text("".join(lines[:2]))
        fastdup.create_duplicates_gallery("outliers.csv", save_path=".")
        assert "The 1 most unusual" in Path("duplicates.html").read_text()


class TestFeatures:
    def test_binary_array_of_576_columns(self, finished):
        size = (finished / "features.dat").stat().st_size
        assert size == 7 * 576 * 4

    def test_full_paths_in_the_order_of_the_rows(self, finished, images):
        assert rows(finished / "features.dat.csv")[0] == ["filename"]
        assert names(finished) == sorted(
            str(path) for path in images.rglob("*.*") if path.name != "broken.jpg"
        )

    def test_bad_images(self, finished, images):
        (header, bad) = rows(finished / "features.bad.csv")
        assert header == ["filename", "error"]
        assert bad[0] == str(images / "broken.jpg")
        assert bad[1]
        assert rows(finished / "features.dat.bad")[-1] == [str(images / "broken.jpg")]

    def test_numbers_of_good_and_bad_images_are_printed(self, images, tmp_path, capsys):
        fastdup.run(input_dir=str(images), work_dir=str(tmp_path / "work"), run_mode=1)
        printed = capsys.readouterr()
        text = printed.out + printed.err
        assert "7" in text
        assert "1" in text
        assert "bad" in text.lower()

    @pytest.mark.parametrize("load", ["load_binary_feature", "load_binary_features", "load_binary"])
    def test_loading(self, finished, load):
        file_list, features = getattr(fastdup, load)(str(finished / "features.dat"))
        assert file_list == names(finished)
        assert (features.shape, features.dtype) == ((7, 576), np.float32)
        assert np.linalg.norm(features, axis=1) == pytest.approx(np.ones(7), abs=1e-5)


class TestSimilarities:
    def test_columns_order_and_both_directions(self, finished, images):
        header, *pairs = rows(finished / "similarity.csv")
        assert header == ["from", "to", "distance"]
        scores = [float(score) for _, _, score in pairs]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) >= 0.85
        found = {(left, right): float(score) for left, right, score in pairs}
        assert len(found) == len(pairs)
        assert all(found[right, left] == score for (left, right), score in found.items())
        assert all(left != right for left, right in found)

    def test_identical_is_1(self, finished, images):
        first = rows(finished / "similarity.csv")[1]
        assert {first[0], first[1]} == {
            str(images / "beach.png"),
            str(images / "deep" / "beach, again.png"),
        }
        assert float(first[2]) == 1.0

    def test_bad_images_do_not_occur(self, finished):
        assert "broken" not in (finished / "similarity.csv").read_text()

    def test_threshold(self, images, tmp_path):
        fastdup.run(input_dir=str(images), work_dir=str(tmp_path), threshold=0.9999)
        assert len(rows(tmp_path / "similarity.csv")) == 3

    def test_outliers(self, images, tmp_path):
        fastdup.run(input_dir=str(images), work_dir=str(tmp_path), threshold=0.999)
        header, *found = rows(tmp_path / "outliers.csv")
        assert header == ["from", "to", "distance"]
        scores = [float(score) for _, _, score in found]
        assert len(found) == 2
        assert scores == sorted(scores)
        assert max(scores) < 0.999

    def test_lower_threshold(self, images, tmp_path):
        fastdup.run(str(images), str(tmp_path), lower_threshold=1.0, threshold=0.999)
        unlike = {row[0] for row in rows(tmp_path / "outliers.csv")[1:]}
        assert unlike == {name for name in names(tmp_path) if "beach" not in name}

    def test_number_of_neighbours(self, images, tmp_path):
        copies = tmp_path / "copies"
        copies.mkdir()
        for number in range(5):
            shutil.copy(images / "river.png", copies / f"{number}.png")
        for k in (1, 4):
            work = tmp_path / f"work{k}"
            fastdup.run(input_dir=str(copies), work_dir=str(work), nearest_neighbors_k=k)
            pairs = rows(work / "similarity.csv")[1:]
            assert all(float(score) == 1.0 for _, _, score in pairs)
            assert {left for left, _, _ in pairs} == {str(path) for path in copies.iterdir()}
            assert len(pairs) >= 5 * k


class TestIndexAndGraph:
    def test_faiss_index(self, finished):
        import faiss

        index = faiss.read_index(str(finished / "faiss.index"))
        assert index.d == 576

    def test_components_info(self, finished):
        header, *counts = rows(finished / "components_info.csv")
        assert header == ["component_id", "count"]
        assert sum(int(count) for _, count in counts) == 7
        assert int(counts[0][1]) == max(int(count) for _, count in counts)

    def test_connected_components(self, finished):
        header, *table = rows(finished / "connected_components.csv")
        assert header == ["__id", "component_id", "pagerank", "delta", "in_degree", "out_degree"]
        assert [int(row[0]) for row in table] == list(range(7))
        component = dict(zip(names(finished), (row[1] for row in table), strict=True))
        twins = [name for name in component if "beach" in name]
        assert component[twins[0]] == component[twins[1]]

    def test_an_isolated_image_has_pagerank_015(self, finished):
        table = rows(finished / "connected_components.csv")[1:]
        isolated = [row for row in table if row[4] == "0" and row[5] == "0"]
        assert isolated
        assert all(float(row[2]) == pytest.approx(0.15) for row in isolated)

    def test_ccthreshold(self, images, tmp_path):
        work = str(tmp_path / "work")
        fastdup.run(input_dir=str(images), work_dir=work, turi_param="ccthreshold=0.1")
        counts = rows(tmp_path / "work" / "components_info.csv")[1:]
        assert int(counts[0][1]) > 2

    def test_parts_can_be_left_out(self, images, tmp_path):
        fastdup.run(
            input_dir=str(images),
            work_dir=str(tmp_path),
            turi_param="run_cc=0,run_pagerank=0,run_degree=0",
        )
        assert not (tmp_path / "components_info.csv").exists()
        assert not (tmp_path / "connected_components.csv").exists()

    def test_find_top_components(self, finished):
        components = fastdup.find_top_components(str(finished))
        counts = [int(count) for _, count in rows(finished / "components_info.csv")[1:]]
        assert [len(found.files) for found in components] == [n for n in counts if n > 1]
        twins = {name for name in names(finished) if "beach" in name}
        assert any(twins <= set(found.files) for found in components)
        assert fastdup.find_top_components(str(finished), top=1) == components[:1]

    def test_degree_distribution(self, images, finished, tmp_path):
        assert not (finished / "degree_distribution.csv").exists()
        fastdup.run(str(images), str(tmp_path), turi_param="run_degree=1")
        header, *table = rows(tmp_path / "degree_distribution.csv")
        assert header == ["degree", "in_count", "out_count"]
        assert sum(int(row[1]) for row in table) == sum(int(row[2]) for row in table) == 7


class TestRunModes:
    def test_a_second_run_in_the_folder_stops(self, images, work, capsys):
        with WorkDir(work).lock():
            assert fastdup.run(input_dir=str(images), work_dir=str(work)) == 1
        assert "is in use by another run" in capsys.readouterr().err

    def test_features_of_another_model_do_not_fit(self, work, tmp_path, capsys):
        other = tmp_path / "other"
        fastdup.save_binary_feature(other, ["a.png"], np.ones((1, 8), np.float32))
        assert fastdup.run(input_dir=str(other), work_dir=str(work), run_mode=4) == 1
        assert "descriptors of 576 numbers" in capsys.readouterr().err

    def test_descriptors_from_anywhere(self, tmp_path):
        table = np.array([[1, 0, 0], [1, 0.1, 0], [0, 0, 1], [0, 1, 0]], np.float32)
        fastdup.save_binary_feature(str(tmp_path / "new"), ["a", "b", "c", "d"], table)
        assert fastdup.run(work_dir=str(tmp_path / "new"), run_mode=2) == 0
        assert [row[:2] for row in rows(tmp_path / "new" / "similarity.csv")[1:]] == [
            ["a", "b"],
            ["b", "a"],
        ]

    def test_mode_1_makes_features_only(self, images, tmp_path):
        assert fastdup.run(input_dir=str(images), work_dir=str(tmp_path), run_mode=1) == 0
        assert (tmp_path / "features.dat").exists()
        assert not (tmp_path / "similarity.csv").exists()

    def test_mode_2_goes_on_from_stored_features(self, finished, work):
        (work / "similarity.csv").unlink()
        assert fastdup.run(input_dir="/ignored", work_dir=str(work), run_mode=2) == 0
        for name in ("similarity.csv", "outliers.csv", "connected_components.csv"):
            assert (work / name).read_bytes() == (finished / name).read_bytes()

    def test_shards_give_the_same_as_one_run(self, images, finished, tmp_path):
        for first, last in ((0, 3), (3, 8)):
            code = fastdup.run(
                input_dir=str(images),
                work_dir=str(tmp_path),
                run_mode=1,
                min_offset=first,
                max_offset=last,
            )
            assert code == 0
        assert fastdup.run(work_dir=str(tmp_path), run_mode=2) == 0
        similar = (tmp_path / "similarity.csv").read_bytes()
        assert similar == (finished / "similarity.csv").read_bytes()

    def test_mode_3_scores_new_images_against_stored_ones(self, images, work, tmp_path):
        new = tmp_path / "new"
        new.mkdir()
        photograph(0).save(new / "beach_new.png")
        photograph(9).save(new / "other.png")
        assert fastdup.run(input_dir=str(new), work_dir=str(work), run_mode=3) == 0
        stored = set(names(work))
        pairs = rows(work / "query_similarity.csv")[1:]
        assert {left for left, _, _ in pairs} <= {str(path) for path in new.iterdir()}
        assert {right for _, right, _ in pairs} <= stored
        assert pairs[0][0] == str(new / "beach_new.png")
        assert {right for left, right, score in pairs if float(score) == 1.0} == {
            str(images / "beach.png"),
            str(images / "deep" / "beach, again.png"),
        }
        assert names(work) == sorted(stored)

    def test_mode_4_scores_features_of_mode_1(self, images, work, tmp_path):
        new, features = tmp_path / "new", tmp_path / "features"
        new.mkdir()
        photograph(0).save(new / "beach_new.png")
        fastdup.run(input_dir=str(new), work_dir=str(features), run_mode=1)
        assert fastdup.run(input_dir=str(features), work_dir=str(work), run_mode=4) == 0
        pairs = rows(work / "query_similarity.csv")[1:]
        assert {left for left, _, _ in pairs} == {str(new / "beach_new.png")}

    @pytest.mark.parametrize("mode", [2, 3, 4])
    def test_missing_inputs_are_named(self, images, tmp_path, mode, capsys):
        code = fastdup.run(input_dir=str(images), work_dir=str(tmp_path / "none"), run_mode=mode)
        assert code == 1
        assert "features.dat" in capsys.readouterr().err


class TestInputs:
    def test_a_file_of_paths(self, images, tmp_path):
        listing = tmp_path / "list.txt"
        listing.write_text(f"{images / 'beach.png'}\n{images / 'city.png'}\n")
        work = tmp_path / "work"
        assert fastdup.run(input_dir=str(listing), work_dir=str(work)) == 0
        assert names(work) == [str(images / "beach.png"), str(images / "city.png")]

    def test_a_list(self, images, tmp_path):
        chosen = [str(images / "city.png"), str(images / "beach.png")]
        assert fastdup.run(input_dir=chosen, work_dir=str(tmp_path)) == 0
        assert sorted(names(tmp_path)) == sorted(chosen)

    def test_num_images(self, images, tmp_path):
        fastdup.run(input_dir=str(images), work_dir=str(tmp_path), num_images=2)
        assert len(names(tmp_path)) + len(rows(tmp_path / "features.bad.csv")) - 1 == 2

    def test_bounding_box(self, images, tmp_path):
        box = "rows=10,cols=20,width=100,height=80"
        fastdup.run(input_dir=str(images), work_dir=str(tmp_path), bounding_box=box)
        _, cropped = fastdup.load_binary(str(tmp_path / "features.dat"))
        from PIL import Image

        from imagededup.methods import CNN

        with Image.open(images / "beach.png") as image:
            pixels = np.asarray(image)[10:90, 20:120]
        expected = CNN(verbose=False, dim=576).encode_image(image_array=pixels)
        assert cropped[0] @ expected[0] == pytest.approx(1, abs=1e-5)


class TestProviders:
    @pytest.mark.parametrize("model", ["brute_force", "ball_tree", "lsh"])
    def test_turi(self, images, tmp_path, model):
        work = tmp_path / "work"
        code = fastdup.run(str(images), str(work), nn_provider="turi", nnmodel=model)
        assert code == 0
        assert float(rows(work / "similarity.csv")[1][2]) == 1.0

    @pytest.mark.parametrize("value", ["nnmodel=0", "nnmodel=1", "nnmodel=ball_tree"])
    def test_turi_param(self, images, tmp_path, value):
        code = fastdup.run(str(images), str(tmp_path), nn_provider="turi", turi_param=value)
        assert code == 0

    @pytest.mark.parametrize("mode", ["HNSW32", "HSNW32", "Flat", "IVF2,Flat"])
    def test_faiss_mode(self, images, finished, tmp_path, mode):
        code = fastdup.run(str(images), str(tmp_path), nn_provider="faiss", faiss_mode=mode)
        assert code == 0
        assert rows(tmp_path / "similarity.csv")[1] == rows(finished / "similarity.csv")[1]

    @pytest.mark.parametrize("parameters", ["efSearch=175", "nprobe=2,", "nprobes=2"])
    def test_faiss_param(self, images, tmp_path, parameters):
        mode = "HNSW32" if parameters.startswith("ef") else "IVF2,Flat"
        parameters = parameters.rstrip(",")
        code = fastdup.run(str(images), str(tmp_path), faiss_mode=mode, faiss_param=parameters)
        assert code == 0

    @pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean", "manhattan"])
    def test_distance(self, images, tmp_path, distance):
        code = fastdup.run(
            str(images),
            str(tmp_path),
            nn_provider="turi",
            distance=distance,
            threshold=0.5,
        )
        assert code == 0
        assert float(rows(tmp_path / "similarity.csv")[1][2]) == 1.0


class TestCommand:
    def test_the_same_from_the_shell(self, images, finished, tmp_path, capsys):
        work = tmp_path / "work"
        assert command(["fastdup", str(images), f"--work_dir={work}"]) == 0
        for name in ("features.dat", "similarity.csv", "outliers.csv", "connected_components.csv"):
            assert (work / name).read_bytes() == (finished / name).read_bytes()

    def test_wrong_values(self, images, tmp_path, capsys):
        assert command(["fastdup", str(images), f"--work_dir={tmp_path}", "--distance=l3"]) == 2
        assert "distance must be one of" in capsys.readouterr().err
        assert command(["fastdup", "/no/such", f"--work_dir={tmp_path}"]) == 1


class TestArguments:
    def test_version(self, capsys):
        assert fastdup.run(version=True) == 0
        assert fastdup.__version__ in capsys.readouterr().out

    def test_verbose_and_threads(self, images, tmp_path, finished, capsys):
        code = fastdup.run(str(images), str(tmp_path), verbose=True, num_threads=1)
        assert code == 0
        assert "searching neighbours of 7 images with HNSW32\n" in capsys.readouterr().err
        assert (tmp_path / "similarity.csv").read_bytes() == (
            finished / "similarity.csv"
        ).read_bytes()

    @pytest.mark.parametrize(
        "arguments",
        [
            {"compute": "tpu"},
            {"distance": "hamming"},
            {"threshold": 2},
            {"lower_threshold": -1},
            {"run_mode": 5},
            {"nn_provider": "annoy"},
            {"nnmodel": "kdtree"},
            {"nearest_neighbors_k": 0},
            {"turi_param": "colour=1"},
            {"faiss_param": "efSearch"},
            {"bounding_box": "rows=1"},
            {"num_images": 0},
            {"min_offset": 3, "max_offset": 2},
        ],
    )
    def test_wrong_values_raise(self, images, tmp_path, arguments):
        with pytest.raises((InvalidValueError, InvalidTypeError)):
            fastdup.run(input_dir=str(images), work_dir=str(tmp_path), **arguments)

    def test_an_input_that_does_not_exist(self, tmp_path, capsys):
        assert fastdup.run(input_dir="/no/such/folder", work_dir=str(tmp_path)) == 1
        assert "/no/such/folder" in capsys.readouterr().err

    def test_config_tells_how_the_folder_was_made(self, finished):
        config = json.loads((finished / "config.json").read_text())
        assert config
