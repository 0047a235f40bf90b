"""Agreement of clusters."""

import pytest
from hypothesis import given, settings

from imagededup.evaluation import ClusterMetrics, cluster_metrics
from tests.evaluation.strategies import ranked_cases


def complete(*groups):
    return {one: [other for other in group if other != one] for group in groups for one in group}


def test_perfect():
    truth = complete("abc", "de", "f")
    assert cluster_metrics(truth, truth) == ClusterMetrics(*[1.0] * 6)


def test_a_chain_is_a_cluster():
    truth = complete("abc")
    assert cluster_metrics(truth, {"a": ["b"], "b": ["c"], "c": []}).pairwise_f1 == 1.0


def test_one_wrong_pair_joins_two_clusters():
    """All metrics by hand."""
    truth = complete("abc", "def")
    retrieved = complete("abc", "def")
    retrieved["a"].append("d")
    metrics = cluster_metrics(truth, retrieved)
    assert metrics.pairwise_precision == pytest.approx(6 / 15)
    assert metrics.pairwise_recall == 1.0
    assert metrics.pairwise_f1 == pytest.approx(2 * 0.4 / 1.4)
    assert (metrics.bcubed_precision, metrics.bcubed_recall) == (0.5, 1.0)
    assert metrics.bcubed_f1 == pytest.approx(2 / 3)


def test_without_pairs():
    metrics = cluster_metrics({"a": [], "b": []}, {"a": [], "b": []})
    assert metrics == ClusterMetrics(0.0, 0.0, 0.0, 1.0, 1.0, 1.0)


def test_scores_of_any_kind():
    truth = complete("ab")
    assert cluster_metrics(truth, {"a": [("b", 7.5)], "b": [("a", 3)]}).pairwise_f1 == 1.0


def cluster_of(found, start):
    members, waiting = {start}, [start]
    while waiting:
        one = waiting.pop()
        for other in found:
            if other not in members and (other in found[one] or one in found[other]):
                members.add(other)
                waiting.append(other)
    return members


@settings(deadline=None)
@given(ranked_cases())
def test_bcubed_of_a_double_loop(case):
    truth, ranked = case
    precision = recall = 0.0
    for name in truth:
        true, found = cluster_of(truth, name), cluster_of(ranked, name)
        precision += len(true & found) / len(found) / len(truth)
        recall += len(true & found) / len(true) / len(truth)
    metrics = cluster_metrics(truth, ranked)
    assert metrics.bcubed_precision == pytest.approx(precision, abs=1e-9)
    assert metrics.bcubed_recall == pytest.approx(recall, abs=1e-9)
    assert metrics.bcubed_f1 == pytest.approx(2 * precision * recall / (precision + recall))
