"""Values of the metrics, their options, and a plain double loop that gives the same."""

from itertools import combinations
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imagededup.evaluation
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import evaluate
from imagededup.methods import PHash
from tests.evaluation.strategies import ranked_cases

TRUTH = {
    "1.jpg": ["2.jpg", "3.jpg", "4.jpg"],
    "2.jpg": ["1.jpg", "3.jpg"],
    "3.jpg": ["1.jpg", "2.jpg"],
    "4.jpg": ["1.jpg"],
    "5.jpg": [],
}
RETRIEVED = {
    "1.jpg": ["2.jpg", "5.jpg", "4.jpg"],
    "2.jpg": ["1.jpg"],
    "3.jpg": [],
    "4.jpg": ["1.jpg"],
    "5.jpg": ["1.jpg"],
}


def test_exported_names():
    assert imagededup.evaluation.__all__ == [
        "ClusterMetrics",
        "InvalidMapError",
        "OperatingPoint",
        "PrecisionRecallCurve",
        "ThresholdSweep",
        "best_threshold",
        "cluster_metrics",
        "evaluate",
        "load_ground_truth",
        "load_retrieved_map",
        "micro_average_precision",
        "precision_recall_curve",
        "recall_at_precision",
    ]
    assert all(hasattr(imagededup.evaluation, name) for name in imagededup.evaluation.__all__)


def test_values_by_hand():
    metrics = evaluate(TRUTH, RETRIEVED)
    assert metrics["map"] == pytest.approx(((1 + 2 / 3) / 3 + 1 / 2 + 0 + 1 + 0) / 5)
    first = (1 + 1 / log2(4)) / (1 + 1 / log2(3) + 1 / log2(4))
    second = 1 / (1 + 1 / log2(3))
    assert metrics["ndcg"] == pytest.approx((first + second + 0 + 1 + 0) / 5)
    assert metrics["jaccard"] == pytest.approx((2 / 4 + 1 / 2 + 0 + 1 + 0) / 5)
    # Pairs 12, 13, 14, 23 are duplicates; 12, 14, 15 were retrieved; 10 pairs in all.
    assert metrics["support"].tolist() == [6, 4]
    assert metrics["precision"] == pytest.approx([5 / 7, 2 / 3])
    assert metrics["recall"] == pytest.approx([5 / 6, 2 / 4])
    assert metrics["f1-score"] == pytest.approx([10 / 13, 4 / 7])


def test_one_hit_of_ten_is_not_perfect():
    """The ideal list holds all relevant items, not only those that were retrieved."""
    others = [f"{number}.jpg" for number in range(10)]
    truth = {"query.jpg": others, **{name: ["query.jpg"] for name in others}}
    retrieved = {"query.jpg": others[:1], **{name: [] for name in others}}
    ideal = sum(1 / log2(rank + 1) for rank in range(1, 11))
    assert evaluate(truth, retrieved, "ndcg")["ndcg"] == pytest.approx(1 / ideal / 11)
    assert evaluate(truth, retrieved, "map")["map"] == pytest.approx(1 / 10 / 11)


@pytest.mark.parametrize(
    ("metric", "keys"),
    [
        ("map", ["map"]),
        ("ndcg", ["ndcg"]),
        ("jaccard", ["jaccard"]),
        ("classification", ["precision", "recall", "f1-score", "f1_score", "support"]),
        (
            "all",
            ["map", "ndcg", "jaccard", "precision", "recall", "f1-score", "f1_score", "support"],
        ),
    ],
)
def test_the_keys_of_a_metric(metric, keys):
    metrics = evaluate(TRUTH, RETRIEVED, metric=metric)
    assert list(metrics) == keys
    whole = evaluate(TRUTH, RETRIEVED)
    for key in keys:
        assert np.array_equal(metrics[key], whole[key])
        assert isinstance(metrics[key], float if key in ("map", "ndcg", "jaccard") else np.ndarray)


def test_types_of_the_classification():
    metrics = evaluate(TRUTH, RETRIEVED, metric="classification")
    assert {key: (value.dtype.name, value.shape) for key, value in metrics.items()} == {
        "precision": ("float64", (2,)),
        "recall": ("float64", (2,)),
        "f1-score": ("float64", (2,)),
        "f1_score": ("float64", (2,)),
        "support": ("int64", (2,)),
    }


def test_perfect_and_nothing():
    perfect = evaluate(TRUTH, TRUTH)
    assert [perfect[key] for key in ("map", "ndcg", "jaccard")] == [1.0, 1.0, 1.0]
    assert perfect["f1-score"].tolist() == [1.0, 1.0]
    nothing = evaluate(TRUTH, {name: [] for name in TRUTH})
    assert [nothing[key] for key in ("map", "ndcg", "jaccard")] == [0.2, 0.2, 0.2]
    assert nothing["precision"].tolist() == [0.6, 0.0]
    assert nothing["recall"].tolist() == [1.0, 0.0]


def test_without_any_duplicates():
    alone = {"a": [], "b": []}
    metrics = evaluate(alone, alone)
    assert [metrics[key] for key in ("map", "ndcg", "jaccard")] == [1.0, 1.0, 1.0]
    assert metrics["precision"].tolist() == [1.0, 0.0]
    assert metrics["support"].tolist() == [1, 0]
    assert evaluate({"a": []}, {"a": []}, "classification")["support"].tolist() == [0, 0]


def test_empty_queries():
    truth = {"a": ["b"], "b": ["a"], "c": [], "d": []}
    retrieved = {"a": [], "b": ["a"], "c": [], "d": ["a"]}
    assert evaluate(truth, retrieved, "map")["map"] == 0.5
    assert evaluate(truth, retrieved, "map", empty_queries="skip")["map"] == pytest.approx(1 / 3)
    with pytest.raises(InvalidValueError, match="empty_queries='skip' needs an image"):
        evaluate({"a": []}, {"a": []}, empty_queries="skip")


def test_repeated_names_count_at_their_best_place():
    repeated = {**RETRIEVED, "1.jpg": ["2.jpg", "2.jpg", "5.jpg", "2.jpg", "4.jpg", "5.jpg"]}
    expected = evaluate(TRUTH, RETRIEVED)
    metrics = evaluate({**TRUTH, "4.jpg": ["1.jpg", "1.jpg"]}, repeated)
    assert all(np.array_equal(metrics[key], expected[key]) for key in expected)


def test_repeated_names_with_scores_count_with_the_best():
    truth = {"a": ["b"], "b": ["a"], "c": []}
    retrieved = {"a": [("b", 9), ("c", 5), ("b", 2)], "b": [], "c": []}
    assert evaluate(truth, retrieved, "map")["map"] == pytest.approx((1 + 0 + 1) / 3)


@pytest.mark.parametrize(
    ("scores", "score_name", "ranked_first"),
    [
        ((3, 8), "auto", "b"),
        ((0.3, 0.8), "auto", "c"),
        ((3, 8), "similarity", "c"),
        ((0.3, 0.8), "distance", "b"),
        ((np.int64(3), np.int32(8)), "auto", "b"),
        ((np.uint8(3), np.uint64(8)), "auto", "b"),
        ((np.float32(0.3), 0.8), "auto", "c"),
        ((3, 8.5), "distance", "b"),
        ((0.5, 1.0005), "auto", "c"),
        ((5, 5), "auto", "b"),
    ],
)
def test_which_score_is_the_best(scores, score_name, ranked_first):
    """Int are distances, float similarities, unless it is said; equals stay as they stand."""
    truth = {"a": [ranked_first], "b": [], "c": []}
    truth[ranked_first] = ["a"]
    entries = list(zip("bc", scores, strict=True))
    retrieved = {"a": entries, "b": [], "c": []}
    best = evaluate(truth, retrieved, "map", score_name=score_name)["map"]
    assert best == pytest.approx((1 + 0 + 1) / 3)


def test_scores_as_lists_and_numpy_names():
    """As they come back from JSON, and from arrays of names."""
    retrieved = {"a": [["c", 4], ["b", 1]], "b": [["a", 1]], "c": [[np.str_("a"), 4]]}
    truth = {"a": {"b"}, "b": ("a",), "c": frozenset()}
    assert evaluate(truth, retrieved, "map")["map"] == pytest.approx(2 / 3)


def test_scores_of_the_ground_truth_are_not_read():
    truth = {"a": [("b", "exact")], "b": [("a", None)]}
    assert evaluate(truth, {"a": ["b"], "b": []}, "jaccard") == {"jaccard": 0.5}


def test_the_order_of_the_keys_does_not_matter():
    turned = dict(reversed(RETRIEVED.items()))
    metrics, expected = evaluate(TRUTH, turned), evaluate(TRUTH, RETRIEVED)
    assert all(np.array_equal(metrics[key], expected[key]) for key in expected)


def test_nothing_is_changed():
    truth = {"a": ["b"], "b": ["a"]}
    retrieved = {"a": [("b", 3)], "b": [("a", 3)]}
    evaluate(truth, retrieved)
    assert truth == {"a": ["b"], "b": ["a"]}
    assert retrieved == {"a": [("b", 3)], "b": [("a", 3)]}


@pytest.mark.parametrize("scores", [False, True])
def test_what_find_duplicates_returns(scores):
    hashes = {"a": "00000000000000ff", "b": "00000000000000fe", "c": "ffffffff00000000"}
    truth = {"a": ["b"], "b": ["a"], "c": []}
    retrieved = PHash().find_duplicates(encoding_map=hashes, scores=scores)
    assert evaluate(truth, retrieved, "map") == {"map": 1.0}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metric": "auc"}, InvalidValueError, "metric must be one of 'map', .*'all', got 'auc'"),
        ({"metric": None}, InvalidTypeError, "metric must be a str, got NoneType"),
        ({"empty_queries": "drop"}, InvalidValueError, "'perfect', 'skip', got 'drop'"),
        ({"score_name": "cosine"}, InvalidValueError, "score_name must be one of 'auto', "),
    ],
)
def test_options_that_do_not_exist(arguments, error, message):
    with pytest.raises(error, match=message):
        evaluate(TRUTH, RETRIEVED, **arguments)


def plain_metrics(truth, ranked, skip):
    """The definitions, one query and one pair at a time."""
    precisions, gains, overlaps = [], [], []
    for name, relevant in truth.items():
        found = ranked[name]
        if not relevant and not found:
            if not skip:
                for values in (precisions, gains, overlaps):
                    values.append(1.0)
            continue
        total = gain = hits = 0.0
        for rank, other in enumerate(found, start=1):
            if other in relevant:
                hits += 1
                total += hits / rank
                gain += 1 / log2(rank + 1)
        ideal = sum(1 / log2(rank + 1) for rank in range(1, len(relevant) + 1))
        precisions.append(total / len(relevant) if relevant else 0.0)
        gains.append(gain / ideal if relevant else 0.0)
        overlaps.append(hits / len({*relevant, *found}))
    return precisions, gains, overlaps


def plain_counts(truth, ranked):
    table = np.zeros((2, 2), int)
    for one, other in combinations(truth, 2):
        found = other in ranked[one] or one in ranked[other]
        table[int(other in truth[one]), int(found)] += 1
    return table


@settings(deadline=None)
@given(ranked_cases(), st.booleans())
def test_equal_to_a_double_loop(case, skip):
    truth, ranked = case
    lists = plain_metrics(truth, ranked, skip)
    if not lists[0]:
        return
    metrics = evaluate(truth, ranked, empty_queries="skip" if skip else "perfect")
    for key, values in zip(("map", "ndcg", "jaccard"), lists, strict=True):
        assert metrics[key] == pytest.approx(np.mean(values), abs=1e-9)
    table = plain_counts(truth, ranked)
    assert metrics["support"].tolist() == table.sum(axis=1).tolist()
    for this in (0, 1):
        correct, found, actual = table[this, this], table[:, this].sum(), table[this].sum()
        assert metrics["precision"][this] == pytest.approx(correct / found if found else 0)
        assert metrics["recall"][this] == pytest.approx(correct / actual if actual else 0)
