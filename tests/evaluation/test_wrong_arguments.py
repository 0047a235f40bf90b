"""Whatever is given, only errors of the package are raised; every finite beta has an F score."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import (
    PrecisionRecallCurve,
    best_threshold,
    cluster_metrics,
    evaluate,
    load_ground_truth,
    load_retrieved_map,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from imagededup.methods import CNN, PHash
from imagededup.plots import (
    plot_clusters,
    plot_duplicates,
    plot_precision_recall,
    plot_similarity_histogram,
)

MAPS = {
    "ground_truth_map": {"a": ["b"], "b": ["a"]},
    "retrieved_map": {"a": [("b", 1)], "b": []},
}
HASHES = {"a": "0" * 16, "b": "0" * 15 + "1"}

CALLS = [
    (evaluate, MAPS, "metric empty_queries score_name references ground_truth_map retrieved_map"),
    (cluster_metrics, MAPS, "references ground_truth_map retrieved_map"),
    (precision_recall_curve, MAPS, "score_name references ground_truth_map retrieved_map"),
    (micro_average_precision, MAPS, "score_name references ground_truth_map retrieved_map"),
    (recall_at_precision, MAPS, "precision score_name references"),
    (
        best_threshold,
        {
            "encoder": PHash(verbose=False),
            "ground_truth_map": MAPS["ground_truth_map"],
            "encoding_map": HASHES,
        },
        "encoder ground_truth_map encoding_map image_dir thresholds beta against",
    ),
    (
        best_threshold,
        {
            "encoder": CNN(verbose=False),
            "ground_truth_map": MAPS["ground_truth_map"],
            "encoding_map": {name: np.ones(1024, np.float32) for name in "ab"},
        },
        "thresholds",
    ),
    (load_ground_truth, {"path": "pairs.csv"}, "path header transitive two_collections"),
    (load_retrieved_map, {}, "path"),
    (
        plot_duplicates,
        {"image_dir": ".", "duplicate_map": {"a": ["b"]}, "filename": "a"},
        "image_dir duplicate_map filename outfile against",
    ),
    (
        plot_clusters,
        {"image_dir": ".", "clusters": [["a"]]},
        "image_dir clusters outfile max_clusters max_members against",
    ),
    (plot_precision_recall, {"curves": ([1], [1])}, "curves outfile"),
    (
        plot_similarity_histogram,
        {"scores": [0.5], "threshold": 0.5},
        "scores threshold outfile score_name",
    ),
]

NUMBERS = [None, False, -1, 10**400, -(10**400), math.nan, math.inf, -math.inf, 1j]
NUMBERS += [
    Fraction(1, 3),
    Decimal("nan"),
    np.float16(0.5),
    np.longdouble("1e4000"),
    np.bool_(True),
]
WORDS = ["", "\0", "x" * 5000, "\udcff", b"a", ["x"], {"x"}, {"x": "y"}]
LISTS = [[], [[]], [1, [2]], [None], [("a", 1, 2)], [10**400], [1e308, -1e308], iter([1]), range(0)]
ARRAYS = [np.array(values) for values in (3, [1, np.nan], [], ["a"], [None], [1j], [[1]], [True])]
DICTIONARIES = [
    {},
    {1: []},
    {None: ["a"]},
    {"a": None},
    {"a": "b"},
    {"a": [{}]},
    {"a": [[]]},
    {"a": [["b", [1]]], "b": []},
    {"a": [("b", math.nan)], "b": []},
    {"a": [("b", 10**400)], "b": []},
    {"a": [("b", 1), ("b", 0.5)], "b": []},
    {"a": ["x"]},
    {"a": ["a"]},
    {"a": ([1], [1, 2])},
    {"\0": ["\udcff"]},
]
OBJECTS = [object(), PHash, len, ..., PHash(verbose=False).search(encoding_map=HASHES)]
OBJECTS += [PHash(verbose=False).search(encoding_map=HASHES, against={"c": "f" * 16})]


@pytest.mark.parametrize(
    ("call", "arguments", "name"),
    [(call, arguments, name) for call, arguments, names in CALLS for name in names.split()],
)
def test_only_errors_of_the_package(call, arguments, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.csv").write_text("a,b\n")
    refused = 0
    for value in NUMBERS + WORDS + LISTS + ARRAYS + DICTIONARIES + OBJECTS:
        try:
            call(**arguments | {name: value})
        except (InvalidValueError, InvalidTypeError):
            refused += 1
    assert refused > 35


class TestBeta:
    TRUTH = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}
    HASHES = {
        "a": "00000000000000ff",
        "b": "00000000000000fe",
        "c": "00000000000003ff",
        "d": "0000ffffffff00ff",
    }

    def sweep(self, beta):
        encoder = PHash(verbose=False)
        return best_threshold(encoder, self.TRUTH, encoding_map=self.HASHES, beta=beta)

    @pytest.mark.parametrize("beta", [1e308, np.float64(1e308), 10**300, 1e160, np.int64(10**12)])
    def test_a_large_one_is_the_recall(self, beta):
        sweep = self.sweep(beta)
        assert sweep.best.recall == sweep.curve.recall.max()
        assert [point.f_score for point in sweep.points] == pytest.approx(
            [point.recall for point in sweep.points], abs=1e-9
        )

    @pytest.mark.parametrize("beta", [5e-324, 1e-200, np.float32(1e-30), 1e-12])
    def test_a_small_one_is_the_precision(self, beta):
        sweep = self.sweep(beta)
        assert (sweep.best.threshold, sweep.best.precision) == (1, 1.0)
        assert [point.f_score for point in sweep.points] == pytest.approx(
            [point.precision for point in sweep.points], abs=1e-9
        )

    @pytest.mark.parametrize("beta", [0.5, 1, 2, np.float16(0.25), np.uint8(3)])
    def test_those_between_are_the_definition(self, beta):
        sweep, square = self.sweep(beta), float(beta) ** 2
        for point in sweep.points:
            below = square * point.precision + point.recall
            expected = (1 + square) * point.precision * point.recall / below if below else 0
            assert point.f_score == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize(
        "beta",
        [0, -1, -1e308, math.nan, math.inf, -math.inf, np.float32("inf"), 10**400, -(10**400)],
    )
    def test_others_are_refused(self, beta):
        with pytest.raises(InvalidValueError, match="beta must be above 0 and finite, got"):
            self.sweep(beta)

    @pytest.mark.parametrize("beta", ["1", None, True, np.bool_(True), np.array(1.0), 1j, [1]])
    def test_other_types_are_refused(self, beta):
        with pytest.raises(InvalidTypeError, match="beta must be a number, got"):
            self.sweep(beta)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (PHash, r"such as PHash\(\), got the class itself"),
        (None, r"such as PHash\(\), got NoneType"),
        ("phash", r"such as PHash\(\), got str"),
    ],
)
def test_encoders(encoder, message):
    with pytest.raises(InvalidTypeError, match=message):
        best_threshold(encoder, MAPS["ground_truth_map"], encoding_map=HASHES)


@pytest.mark.parametrize("precision", [math.nan, math.inf, 0, -1, 1.5, 10**400])
def test_precisions(precision):
    none = np.zeros(0, np.int64)
    with pytest.raises(InvalidValueError, match="precision must be above 0 and at most 1"):
        PrecisionRecallCurve(none, none, none, 1).at_precision(precision)


def test_thresholds_of_different_lengths():
    with pytest.raises(InvalidTypeError, match="thresholds must be a list of numbers, got"):
        best_threshold(
            PHash(verbose=False),
            MAPS["ground_truth_map"],
            encoding_map=HASHES,
            thresholds=[[1], [2, 3]],
        )
