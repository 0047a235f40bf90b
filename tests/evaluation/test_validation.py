"""Maps that cannot be evaluated."""

import re

import numpy as np
import pytest

from imagededup.errors import ImageDedupError, InvalidTypeError
from imagededup.evaluation import InvalidMapError, cluster_metrics, evaluate, precision_recall_curve

TRUTH = {"a": ["b"], "b": ["a"], "c": []}
RETRIEVED = {"a": ["b", "c"], "b": ["a"], "c": ["a"]}


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ({}, "ground_truth_map must hold at least one image, got an empty dictionary"),
        (
            {"a": ["b", "c"], "b": ["a"], "c": []},
            (
                "ground_truth_map must be symmetric; duplicates that lack the opposite direction: "
                "1, first 'a' -> 'c'"
            ),
        ),
        (
            {"a": ["b", "x"], "b": ["a", "y"], "c": ["x"]},
            (
                "all values of ground_truth_map must be keys as well, or all be names of another "
                "collection; values that are no key: "
                "2, first 'x', 'y'"
            ),
        ),
        (
            {"a": ["a", "b"], "b": ["a"], "c": ["c"]},
            (
                "ground_truth_map must not give an image as a duplicate of itself; "
                "images that are: 2, first 'a', 'c'"
            ),
        ),
    ],
)
def test_ground_truths(truth, message):
    with pytest.raises(InvalidMapError, match=f"^{re.escape(message)}$"):
        evaluate(truth, RETRIEVED)


@pytest.mark.parametrize(
    ("retrieved", "message"),
    [
        ({}, "retrieved_map must hold at least one image, got an empty dictionary"),
        (
            {"a": [], "d": [], "e": []},
            (
                "retrieved_map must have the same keys as ground_truth_map; "
                "it lacks 2, first 'b', 'c' and has others: 2, first 'd', 'e'"
            ),
        ),
        (
            {"a": [], "b": []},
            "retrieved_map must have the same keys as ground_truth_map; it lacks 1, first 'c'",
        ),
        (
            {"a": ["z"], "b": [], "c": []},
            (
                "all values of retrieved_map must be keys as well, or all be names of another "
                "collection; values that are no key: "
                "1, first 'z'"
            ),
        ),
        (
            {"a": ["a"], "b": [], "c": []},
            (
                "retrieved_map must not give an image as a duplicate of itself; "
                "images that are: 1, first 'a'"
            ),
        ),
    ],
)
def test_retrieved_maps(retrieved, message):
    with pytest.raises(InvalidMapError, match=f"^{re.escape(message)}$"):
        evaluate(TRUTH, retrieved)


def test_the_error_is_all_that_callers_expect():
    for kind in (ValueError, AssertionError, ImageDedupError):
        with pytest.raises(kind, match="symmetric"):
            evaluate({"a": ["b"], "b": []}, {"a": [], "b": []})


def test_only_the_first_offenders_are_named():
    names = [f"{number:03d}" for number in range(500)]
    truth = {"query": names, **{name: [] for name in names}}
    with pytest.raises(InvalidMapError) as error:
        evaluate(truth, truth)
    assert "500, first 'query' -> '000', 'query' -> '001'" in str(error.value)
    assert str(error.value).endswith("'query' -> '004', ...")


@pytest.mark.parametrize(
    ("retrieved", "message"),
    [
        (["a"], "retrieved_map must be a dictionary, got list"),
        ({"a": [], "b": [], 3: []}, "the keys of retrieved_map must be str, got int"),
        (
            {"a": "b", "b": [], "c": []},
            "the values of retrieved_map must be of type list or tuple, got str for 'a'",
        ),
        (
            {"a": {"b"}, "b": [], "c": []},
            "the values of retrieved_map must be of type list or tuple, got set for 'a'",
        ),
        ({"a": None, "b": [], "c": []}, "got NoneType for 'a'"),
        (
            {"a": ["b"], "b": [("a", 3)], "c": []},
            "must hold either names or tuples of name and score, got entries of type str and tuple",
        ),
        ({"a": ("b", 3), "b": [], "c": []}, "got entries of type int and str"),
        ({"a": [("b", 3, 4)], "b": [], "c": []}, "name and score, got ('b', 3, 4)"),
        ({"a": [(3, "b")], "b": [], "c": []}, "name and score, got (3, 'b')"),
        ({"a": [("b", "3")], "b": [], "c": []}, "the scores of retrieved_map must be numbers"),
        ({"a": [("b", True)], "b": [], "c": []}, "must be numbers, got True"),
        ({"a": [("b", None)], "b": [], "c": []}, "must be numbers, got None"),
        ({"a": [("b", 1j)], "b": [], "c": []}, "must be numbers, got 1j"),
    ],
)
def test_wrong_types(retrieved, message):
    with pytest.raises(InvalidTypeError, match=re.escape(message)):
        evaluate(TRUTH, retrieved)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ((3, 0.5), "got int and float together; score_name='distance' or 'similarity' says"),
        ((-1, 3), "got a negative int, -1"),
        ((0.5, 1.7), "got float outside of -1 to 1, 1.7"),
        ((-3.5, 0.5), "got float outside of -1 to 1, -3.5"),
        ((0.5, float("nan")), "must be finite numbers, got nan"),
        ((0.5, np.float32("inf")), "must be finite numbers, got .*inf"),
        ((1, 10**400), "must be finite numbers, got 1000"),
        ((0.5, 10**400), "must be finite numbers, got 1000"),
    ],
)
def test_scores_that_cannot_be_ranked(scores, message):
    retrieved = {"a": list(zip("bc", scores, strict=True)), "b": [], "c": []}
    with pytest.raises(InvalidMapError, match=message):
        evaluate(TRUTH, retrieved)


def test_what_is_ambiguous_can_be_said():
    retrieved = {"a": [("c", 1.7), ("b", 0)], "b": [("a", 0)], "c": []}
    assert evaluate(TRUTH, retrieved, "map", score_name="distance")["map"] == 1.0
    assert evaluate(TRUTH, retrieved, "map", score_name="similarity")["map"] < 1.0


@pytest.mark.parametrize("function", [cluster_metrics, precision_recall_curve])
def test_all_functions_check_the_maps(function):
    with pytest.raises(InvalidMapError, match="symmetric"):
        function({"a": ["b"], "b": []}, {"a": [], "b": []})
    with pytest.raises(InvalidMapError, match="same keys"):
        function({"a": ["b"], "b": ["a"]}, {"a": []})
