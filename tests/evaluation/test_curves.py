"""Precision and recall over thresholds."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import (
    InvalidMapError,
    OperatingPoint,
    evaluate,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from tests.evaluation.strategies import scored_cases

TRUTH = {"a": ["b", "c"], "b": ["a"], "c": ["a"], "d": ["e"], "e": ["d"]}
DISTANCES = {
    "a": [("b", 1), ("d", 3), ("c", 3)],
    "b": [("a", 1)],
    "c": [("a", 3)],
    "d": [("a", 3), ("e", 8)],
    "e": [("d", 8)],
}
SIMILARITIES = {
    name: [(other, 1 - distance / 16) for other, distance in entries]
    for name, entries in DISTANCES.items()
}


def test_values_by_hand():
    curve = precision_recall_curve(TRUTH, DISTANCES)
    assert curve.threshold.tolist() == [1, 3, 8]
    assert curve.correct.tolist() == [1, 2, 3]
    assert curve.retrieved.tolist() == [1, 3, 4]
    assert curve.relevant == 3
    assert curve.precision == pytest.approx([1, 2 / 3, 3 / 4])
    assert curve.recall == pytest.approx([1 / 3, 2 / 3, 1])
    assert curve.f_score() == pytest.approx([0.5, 2 / 3, 6 / 7])


def test_similarities_go_downwards():
    curve = precision_recall_curve(TRUTH, SIMILARITIES)
    assert curve.threshold.tolist() == [0.9375, 0.8125, 0.5]
    assert curve.correct.tolist() == [1, 2, 3]
    whole = precision_recall_curve(TRUTH, DISTANCES, score_name="similarity")
    assert whole.threshold.tolist() == [8, 3, 1]


def test_points():
    curve = precision_recall_curve(TRUTH, DISTANCES)
    assert curve.points()[0] == OperatingPoint(1, 1.0, 1 / 3, 0.5, 1, 1)
    assert curve.best().threshold == 8
    assert curve.best(beta=0.1).threshold == 1
    assert type(curve.best().threshold) is int


def test_the_strictest_of_equals_is_the_best():
    truth = {"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"]}
    retrieved = {
        "a": [("b", 1), ("c", 2)],
        "b": [("a", 1), ("d", 2)],
        "c": [("a", 2), ("d", 2)],
        "d": [("b", 2), ("c", 2)],
    }
    curve = precision_recall_curve(truth, retrieved)
    assert curve.f_score().tolist() == pytest.approx([2 / 3, 2 / 3])
    assert curve.best().threshold == 1


def test_recall_at_precision():
    assert recall_at_precision(TRUTH, DISTANCES, 0.9) == pytest.approx(1 / 3)
    assert recall_at_precision(TRUTH, DISTANCES, 0.7) == 1.0
    assert recall_at_precision(TRUTH, DISTANCES, 1) == pytest.approx(1 / 3)
    assert precision_recall_curve(TRUTH, DISTANCES).at_precision(0.7).threshold == 8
    wrong = {**{name: [] for name in TRUTH}, "a": [("d", 0)]}
    assert recall_at_precision(TRUTH, wrong) == 0.0
    assert precision_recall_curve(TRUTH, wrong).at_precision() is None


def test_micro_average_precision():
    """At distance 3 the pair that is no duplicate comes first."""
    expected = (1 + 2 / 3 + 3 / 4) / 3
    assert micro_average_precision(TRUTH, DISTANCES) == pytest.approx(expected)
    assert micro_average_precision(TRUTH, SIMILARITIES) == pytest.approx(expected)


def test_equal_scores_for_everything_gain_nothing():
    truth = {name: [] for name in "abcde"} | {"a": ["b"], "b": ["a"]}
    same = {one: [(other, 0) for other in truth if other != one] for one in truth}
    assert micro_average_precision(truth, same) == pytest.approx(1 / 10)


def test_the_better_of_two_directions_counts():
    retrieved = {**{name: [] for name in TRUTH}, "a": [("b", 9)], "b": [("a", 4)]}
    assert precision_recall_curve(TRUTH, retrieved).threshold.tolist() == [4]
    retrieved = {**{name: [] for name in TRUTH}, "a": [("b", 0.9)], "b": [("a", 0.4)]}
    assert precision_recall_curve(TRUTH, retrieved).threshold.tolist() == [0.9]


def test_nothing_retrieved():
    nothing = {name: [] for name in TRUTH}
    curve = precision_recall_curve(TRUTH, nothing)
    assert curve.points() == []
    assert curve.at_precision() is None
    assert micro_average_precision(TRUTH, nothing) == 0.0
    assert recall_at_precision(TRUTH, nothing) == 0.0
    with pytest.raises(InvalidValueError, match="no pair was retrieved"):
        curve.best()


@pytest.mark.parametrize(
    "function", [precision_recall_curve, micro_average_precision, recall_at_precision]
)
def test_maps_that_give_no_curve(function):
    with pytest.raises(InvalidMapError, match="must hold tuples of name and score, got names only"):
        function(TRUTH, TRUTH)
    with pytest.raises(InvalidMapError, match="at least one pair of duplicates"):
        function({"a": [], "b": []}, {"a": [("b", 1)], "b": []})
    with pytest.raises(InvalidValueError, match="score_name must be one of"):
        function(TRUTH, DISTANCES, score_name="hamming")


@pytest.mark.parametrize("value", [0, -1, float("inf"), float("nan")])
def test_beta_out_of_range(value):
    with pytest.raises(InvalidValueError, match="beta must be above 0 and finite"):
        precision_recall_curve(TRUTH, DISTANCES).f_score(value)


@pytest.mark.parametrize("value", [0, 1.1, float("nan")])
def test_precision_out_of_range(value):
    with pytest.raises(InvalidValueError, match="precision must be above 0 and at most 1"):
        recall_at_precision(TRUTH, DISTANCES, value)


@pytest.mark.parametrize("value", ["1", None, True])
def test_numbers_of_a_wrong_type(value):
    with pytest.raises(InvalidTypeError, match="beta must be a number"):
        precision_recall_curve(TRUTH, DISTANCES).best(value)
    with pytest.raises(InvalidTypeError, match="precision must be a number"):
        recall_at_precision(TRUTH, DISTANCES, value)


@settings(deadline=None)
@given(scored_cases(least=1))
def test_equal_to_a_search_at_every_threshold(case):
    truth, scored, distances = case
    curve = precision_recall_curve(truth, scored)
    assert curve.threshold.tolist() == sorted(set(distances.values()))
    for point in curve.points():
        found = {
            one: [entry for entry in entries if entry[1] <= point.threshold]
            for one, entries in scored.items()
        }
        expected = evaluate(truth, found, "classification")
        assert point.precision == pytest.approx(expected["precision"][1], abs=1e-9)
        assert point.recall == pytest.approx(expected["recall"][1], abs=1e-9)
        assert point.f_score == pytest.approx(expected["f1-score"][1], abs=1e-9)


@settings(deadline=None)
@given(scored_cases(least=1))
def test_micro_average_precision_of_a_double_loop(case):
    truth, scored, distances = case
    ranking = sorted((distance, pair[1] in truth[pair[0]]) for pair, distance in distances.items())
    hits, total = 0, 0.0
    for rank, (_, hit) in enumerate(ranking, start=1):
        hits += hit
        total += hit * hits / rank
    relevant = sum(other in truth[one] for one, other in combinations(truth, 2))
    assert micro_average_precision(truth, scored) == pytest.approx(total / relevant, abs=1e-9)


def test_the_arrays_of_a_curve():
    curve = precision_recall_curve(TRUTH, SIMILARITIES)
    assert curve.threshold.dtype == np.float64
    assert curve.correct.dtype == curve.retrieved.dtype == np.int64
