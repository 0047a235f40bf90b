"""The commands that read results of `find --against`."""

import json

import numpy as np
import pytest
from PIL import Image

from imagededup.cli import run
from tests.conftest import photograph

TRUTH = {"beach.png": ["beach.png", "beach_grey.png"], "city.png": ["city.png"], "forest.png": []}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders with the same names, the second in grey, and what `find` wrote of them."""
    monkeypatch.chdir(tmp_path)
    for folder, names in (("new", ("beach", "city", "forest")), ("old", ("beach", "city"))):
        (tmp_path / folder).mkdir()
        for number, name in enumerate(names):
            image = photograph(number)
            image = image.convert("L") if folder == "old" else image
            image.save(tmp_path / folder / f"{name}.png")
    photograph(0).convert("L").save(tmp_path / "old" / "beach_grey.png")
    assert run(["find", "new", "--against", "old", "--scores", "-o", "found.json"]) == 0
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    pairs = [f"{name},{other}" for name, others in TRUTH.items() for other in others]
    (tmp_path / "truth.csv").write_text("\n".join(["query,reference", *pairs, "forest.png"]))
    return tmp_path


@pytest.mark.parametrize("truth", ["truth.json", "truth.csv"])
def test_evaluate(folders, capsys, truth):
    capsys.readouterr()
    assert run(["evaluate", truth, "found.json", "--two-collections", "-o", "metrics.json"]) == 0
    assert json.loads((folders / "metrics.json").read_text()) == {
        "map": 1.0,
        "ndcg": 1.0,
        "jaccard": 1.0,
        "precision": [1.0, 1.0],
        "recall": [1.0, 1.0],
        "f1-score": [1.0, 1.0],
        "support": [6, 3],
    }
    assert run(["evaluate", truth, "found.json"]) == 2
    assert capsys.readouterr().err.startswith("imagededup: ")


def test_evaluate_without_any_duplicate(folders):
    (folders / "none.json").write_text('{"a": [], "b": []}')
    assert run(["evaluate", "none.json", "none.json", "--two-collections"]) == 0


def test_plot_clusters(folders, capsys):
    capsys.readouterr()
    assert run(["plot", "clusters", "new", "found.json", "-o", "a.png", "--against", "old"]) == 0
    assert capsys.readouterr().out == "2 clusters, written to a.png\n"
    assert run(["plot", "clusters", "new", "found.json", "-o", "b.png"]) == 0
    first, second = (np.asarray(Image.open(folders / name)) for name in ("a.png", "b.png"))
    assert first.shape != second.shape or (first != second).any()


def test_plot_clusters_of_a_damaged_result(folders, capsys):
    (folders / "found.json").write_text('{"a": [["b", 1]], "b": [[["a"], 1]]}')
    assert run(["plot", "clusters", "new", "found.json", "-o", "a.png"]) == 2
    assert "tuples of name and score" in capsys.readouterr().err.replace("\n", " ")
