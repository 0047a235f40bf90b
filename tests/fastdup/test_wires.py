"""That every parameter of `run`, and every option of the command, changes what it says."""

import csv
import inspect
import logging
import shutil
import threading

import faiss
import numpy as np
import onnxruntime
import pytest

from imagededup import __version__, fastdup
from imagededup.cli import run as command
from tests.conftest import photograph
from tests.fastdup.test_extract import save_flattening_model

NAMES = list(inspect.signature(fastdup.run).parameters)


def from_python(input_dir=None, **parameters):
    return fastdup.run(input_dir, **parameters)


def from_the_shell(input_dir=None, **parameters):
    arguments = ["fastdup"] if input_dir is None else ["fastdup", str(input_dir)]
    for name, value in parameters.items():
        arguments.append(f"--{name}" if value is True else f"--{name}={value}")
    return command(arguments)


@pytest.fixture(params=[from_python, from_the_shell])
def run(request):
    """The runner, called in both ways."""
    return request.param


@pytest.fixture(autouse=True)
def no_handlers(monkeypatch):
    """The command gives the package a handler, which stays."""
    monkeypatch.setattr(logging.getLogger("imagededup"), "handlers", [])


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Four different pictures and a copy."""
    folder = tmp_path_factory.mktemp("album")
    for number in range(4):
        photograph(number, (64, 48)).save(folder / f"{number}.png")
    shutil.copy(folder / "3.png", folder / "4.png")
    return folder


@pytest.fixture
def work(tmp_path):
    """Twelve stored features, each with a near one at the cosine 0.9, and two twins."""
    apart = np.eye(12, dtype=np.float32)
    near = 0.9 * apart + np.sqrt(1 - 0.81, dtype=np.float32) * np.roll(apart, 1, axis=1)
    rows = np.stack([2 * apart, near], axis=1).reshape(24, 12)
    fastdup.save_binary_feature(tmp_path / "work", [f"{n:02}" for n in range(24)], rows)
    return tmp_path / "work"


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


def names(work, stem="features"):
    return [row[0].rpartition("/")[2] for row in rows(work / f"{stem}.dat.csv")]


class TestEveryParameter:
    """One test a parameter, of its name."""

    def test_input_dir(self, run, album, tmp_path):
        assert run(album, work_dir=tmp_path, run_mode=1) == 0
        assert names(tmp_path) == [f"{number}.png" for number in range(5)]

    def test_work_dir(self, run, album, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert run(album, work_dir="there", run_mode=1) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["there"]
        assert run(album, run_mode=1) == 0
        assert (tmp_path / "features.dat").exists()

    @pytest.mark.skipif(
        "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="has a GPU"
    )
    def test_compute(self, run, album, tmp_path, capsys):
        assert run(album, work_dir=tmp_path, run_mode=1, compute="gpu") == 1
        assert "onnxruntime-gpu" in capsys.readouterr().err

    def test_verbose(self, run, work, capsys):
        assert run(work_dir=work, run_mode=2) == 0
        assert capsys.readouterr().err == ""
        assert run(work_dir=work, run_mode=2, verbose=True) == 0
        lines = capsys.readouterr().err.splitlines()
        assert sum("searching neighbours of 24 images with HNSW32" in line for line in lines) == 1
        assert len(lines) == len(set(lines))

    @pytest.mark.parametrize("mode", [1, 2])
    def test_num_threads(self, run, album, tmp_path, monkeypatch, mode):
        features = np.random.default_rng(0).standard_normal((2000, 12), np.float32)
        fastdup.save_binary_feature(tmp_path / "2", list(map(str, range(2000))), features)
        many = tmp_path / "many"  # more than are described at once
        shutil.copytree(album, many)
        for number in range(20):
            shutil.copy(album / "0.png", many / f"{number:02}.png")
        started = []
        start = threading.Thread.start
        monkeypatch.setattr(
            threading.Thread, "start", lambda self: (started.append(self.name), start(self))[1]
        )
        options = {"work_dir": tmp_path / str(mode), "run_mode": mode}
        assert run(many, num_threads=1, **options) == 0
        assert set(started) <= {"imagededup_0"}
        (tmp_path / str(mode) / "features.dat.npz").unlink(missing_ok=True)  # all is new again
        assert run(many, num_threads=3, **options) == 0
        assert "imagededup_1" in started

    def test_num_images(self, run, album, tmp_path):
        assert run(album, work_dir=tmp_path, run_mode=1, num_images=2) == 0
        assert names(tmp_path) == ["0.png", "1.png"]

    @pytest.mark.parametrize(
        ("asked", "edges", "there"),
        [
            ("", 0, ["components_info.csv", "connected_components.csv"]),
            ("ccthreshold=0.89", 24, ["components_info.csv", "connected_components.csv"]),
            ("run_cc=0", 0, ["connected_components.csv"]),
            (
                "run_degree=1",
                0,
                ["components_info.csv", "connected_components.csv", "degree_distribution.csv"],
            ),
        ],
    )
    def test_turi_param(self, run, work, asked, edges, there):
        assert run(work_dir=work, run_mode=2, nearest_neighbors_k=1, turi_param=asked) == 0
        every = ("components_info.csv", "connected_components.csv", "degree_distribution.csv")
        assert [name for name in every if (work / name).exists()] == there
        assert sum(int(row[4]) for row in rows(work / "connected_components.csv")) == edges

    def test_turi_param_without_pagerank(self, run, work):
        assert run(work_dir=work, run_mode=2, turi_param="run_pagerank=0") == 0
        assert {row[2] for row in rows(work / "connected_components.csv")} == {""}

    @pytest.mark.parametrize("provider", ["faiss", "turi"])
    @pytest.mark.parametrize(
        ("distance", "similarity"),
        [
            ("cosine", 0.9),
            ("euclidean", 1 / (1 + np.sqrt(5 - 4 * 0.9))),
            ("squared_euclidean", 1 / (1 + 5 - 4 * 0.9)),
            ("manhattan", 1 / (1 + 1.1 + np.sqrt(0.19))),
        ],
    )
    def test_distance(self, run, work, distance, similarity, provider):
        options = {"threshold": 0.1, "nearest_neighbors_k": 23, "nn_provider": provider}
        assert run(work_dir=work, run_mode=2, distance=distance, **options) == 0
        scores = {
            (left, right): float(score) for left, right, score in rows(work / "similarity.csv")
        }
        assert scores["00", "01"] == pytest.approx(similarity, abs=1e-5)

    @pytest.mark.parametrize(("threshold", "pairs"), [(0.89, 24), (0.91, 0)])
    def test_threshold(self, run, work, threshold, pairs):
        options = {"nearest_neighbors_k": 1, "threshold": threshold}
        assert run(work_dir=work, run_mode=2, **options) == 0
        assert len(rows(work / "similarity.csv")) == pairs

    @pytest.mark.parametrize(("threshold", "pairs"), [(0.89, 2), (0.95, 1)])
    def test_threshold_of_mode_4(self, run, work, tmp_path, threshold, pairs):
        new = fastdup.load_binary_feature(work / "features.dat")[1][:1]
        fastdup.save_binary_feature(tmp_path / "new", ["new"], new)
        assert run(work_dir=work, run_mode=2) == 0
        options = {"run_mode": 4, "threshold": threshold, "lower_threshold": 1.0}
        assert run(tmp_path / "new", work_dir=work, **options) == 0
        assert len(rows(work / "query_similarity.csv")) == pairs

    @pytest.mark.parametrize(("threshold", "pairs"), [(0.9, 2), (1.0, 0)])
    def test_threshold_of_mode_3(self, run, album, tmp_path, threshold, pairs):
        work, new = tmp_path / "work", tmp_path / "new"
        new.mkdir()
        photograph(3, (64, 48)).resize((60, 45)).save(new / "small.jpg", quality=80)
        assert run(album, work_dir=work) == 0
        options = {"run_mode": 3, "threshold": threshold, "lower_threshold": 1.0}
        assert run(new, work_dir=work, **options) == 0
        found = rows(work / "query_similarity.csv")
        assert len([row for row in found if row[1].endswith(("3.png", "4.png"))]) == pairs
        assert len(rows(work / "query_outliers.csv")) == (pairs == 0)

    @pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.25, 6), (1.0, 24)])
    def test_lower_threshold(self, run, work, fraction, count):
        options = {"threshold": 0.95, "lower_threshold": fraction}
        assert run(work_dir=work, run_mode=2, **options) == 0
        assert len(rows(work / "outliers.csv")) == count

    def test_model_path(self, run, album, tmp_path):
        save_flattening_model(tmp_path / "model.onnx", ["n", 3, 8, 6])
        work = tmp_path / "work"
        assert run(album, work_dir=work, run_mode=1, model_path=tmp_path / "model.onnx") == 0
        assert fastdup.load_binary_feature(work / "features.dat")[1].shape == (5, 144)

    def test_version(self, run, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert run(version=True) == 0
        assert capsys.readouterr().out == f"{__version__}\n"
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("k", [1, 5, 10**12])
    def test_nearest_neighbors_k(self, run, work, k):
        options = {"threshold": 0, "nn_provider": "turi", "nearest_neighbors_k": k}
        assert run(work_dir=work, run_mode=2, **options) == 0
        shown = {left for left, _, _ in rows(work / "similarity.csv")}
        assert len(shown) == 24
        count = len(rows(work / "similarity.csv"))
        assert count == 24 if k == 1 else count >= 24 * min(k, 23)

    def test_run_mode(self, run, album, tmp_path):
        assert run(album, work_dir=tmp_path, run_mode=1) == 0
        assert not (tmp_path / "similarity.csv").exists()
        assert run(album, work_dir=tmp_path, run_mode=0) == 0
        assert (tmp_path / "similarity.csv").exists()
        assert not (tmp_path / "query_similarity.csv").exists()
        assert run(album, work_dir=tmp_path, run_mode=3) == 0
        assert (tmp_path / "query_similarity.csv").exists()

    def test_nn_provider(self, run, work):
        assert run(work_dir=work, run_mode=2, nn_provider="turi") == 0
        assert not (work / "faiss.index").exists()
        assert run(work_dir=work, run_mode=2, nn_provider="faiss") == 0
        assert (work / "faiss.index").exists()

    def test_min_offset(self, run, album, tmp_path):
        assert run(album, work_dir=tmp_path, run_mode=1, min_offset=3) == 0
        assert names(tmp_path, "features_3_end") == ["3.png", "4.png"]

    def test_max_offset(self, run, album, tmp_path):
        assert run(album, work_dir=tmp_path, run_mode=1, max_offset=2) == 0
        assert names(tmp_path, "features_0_2") == ["0.png", "1.png"]

    @pytest.mark.parametrize(
        ("mode", "kind"),
        [
            ("Flat", faiss.IndexFlat),
            ("HNSW16", faiss.IndexHNSWFlat),
            ("SQ8", faiss.IndexScalarQuantizer),
        ],
    )
    def test_faiss_mode(self, run, work, mode, kind):
        assert run(work_dir=work, run_mode=2, faiss_mode=mode) == 0
        whole = faiss.read_index(str(work / "faiss.index"))
        index = faiss.downcast_index(whole.index)
        assert isinstance(index, kind)
        if mode == "HNSW16":
            assert index.hnsw.nb_neighbors(1) == 16

    def test_faiss_param(self, run, work):
        asked = "efSearch=175,efConstruction=90"
        assert run(work_dir=work, run_mode=2, faiss_param=asked) == 0
        whole = faiss.read_index(str(work / "faiss.index"))
        graph = faiss.downcast_index(whole.index).hnsw
        assert (graph.efSearch, graph.efConstruction) == (175, 90)

    def test_bounding_box(self, run, album, tmp_path):
        options = {"run_mode": 1, "bounding_box": "rows=8,cols=4,width=32,height=24"}
        assert run(album, work_dir=tmp_path / "box", **options) == 0
        (tmp_path / "cropped").mkdir()
        photograph(0, (64, 48)).crop((4, 8, 36, 32)).save(tmp_path / "cropped" / "0.png")
        assert run(tmp_path / "cropped", work_dir=tmp_path / "plain", run_mode=1) == 0
        boxed = fastdup.load_binary_feature(tmp_path / "box" / "features.dat")[1]
        plain = fastdup.load_binary_feature(tmp_path / "plain" / "features.dat")[1]
        assert boxed[0] @ plain[0] == pytest.approx(1, abs=1e-5)

    @pytest.mark.parametrize(
        ("model", "tree", "codes"),
        [("brute_force", 0, 0), ("ball_tree", 1, 0), ("1", 1, 0), ("lsh", 0, 1), (None, 0, 0)],
    )
    def test_nnmodel(self, run, work, monkeypatch, model, tree, codes):
        import sklearn.neighbors

        made = []
        for module, name in ((sklearn.neighbors, "BallTree"), (faiss, "IndexBinaryFlat")):
            kind = getattr(module, name)
            monkeypatch.setattr(
                module, name, lambda *a, k=kind, n=name, **o: (made.append(n), k(*a, **o))[1]
            )
        options = {} if model is None else {"nnmodel": model}
        assert run(work_dir=work, run_mode=2, nn_provider="turi", **options) == 0
        assert (made.count("BallTree"), made.count("IndexBinaryFlat")) == (tree, codes)
        assert len(rows(work / "similarity.csv")) >= 24

    def test_verify(self, run, album, tmp_path):
        for asked, is_there in ((1, True), (0, False)):
            assert run(album, work_dir=tmp_path, verify=asked) == 0
            assert (tmp_path / "verified.csv").exists() is is_there
            assert (tmp_path / "verified.bad.csv").exists() is is_there


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_has_its_test(name):
    assert callable(getattr(TestEveryParameter, f"test_{name}"))


class TestShape:
    def test_the_order_is_that_of_fastdup(self):
        order = """
            input_dir work_dir compute verbose num_threads num_images turi_param distance threshold
            lower_threshold model_path version nearest_neighbors_k run_mode nn_provider min_offset
            max_offset faiss_mode faiss_param bounding_box nnmodel verify
        """
        assert order.split() == NAMES  # nnmodel, which has no place in it, and ours are last

    def test_positional_arguments_go_where_they_stand(self, work, capsys):
        code = fastdup.run(
            None, work, "cpu", False, -1, -1, "", "euclidean", 0.1, 0.3, None, False, 23, 2,
            "faiss", -1, -1, "Flat", "", "", None, 0,
        )  # fmt: skip
        assert code == 0
        assert min(float(score) for *_, score in rows(work / "similarity.csv")) < 0.5

    def test_signature_and_docstring_tell_every_parameter(self):
        signature = inspect.signature(fastdup.run)
        assert signature.return_annotation is int
        assert signature.parameters["threshold"].annotation is float
        assert signature.parameters["nearest_neighbors_k"].default == 2
        assert fastdup.run.__annotations__["nnmodel"] == str | int | None
        assert fastdup.run.__name__ == "run"
        text = inspect.getdoc(fastdup.run)
        for name in NAMES:
            assert text.count(f"\n    {name}: ") == 1
        assert text.index("Args:") < text.index("input_dir:") < text.index("Returns:")

    @pytest.mark.parametrize(
        ("arguments", "options"),
        [((), {"thresold": 0.9}), (range(23), {}), (("a",), {"input_dir": "b"})],
    )
    def test_arguments_that_do_not_exist_are_an_error_of_run(self, arguments, options):
        with pytest.raises(TypeError) as caught:
            fastdup.run(*arguments, **options)
        assert "RunConfig" not in str(caught.value)

    def test_help_tells_every_option(self, capsys):
        assert command(["fastdup", "--help"]) == 0
        shown = capsys.readouterr().out
        for name in NAMES[1:]:
            assert f"\n  --{name} " in shown
        assert max(map(len, shown.splitlines())) <= 92
        for word in ("[default: 0.85]", "--nearest_neighbors_k K", "SIMILARITY", "INPUT"):
            assert word in shown
