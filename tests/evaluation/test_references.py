"""The same numbers as scikit-learn, scipy and trec_eval, on random maps."""

from itertools import combinations

import ir_measures
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import jaccard
from sklearn.metrics import (
    average_precision_score,
    ndcg_score,
    precision_recall_fscore_support,
)
from sklearn.metrics.cluster import pair_confusion_matrix

from imagededup.evaluation import (
    cluster_metrics,
    evaluate,
    micro_average_precision,
    precision_recall_curve,
)
from tests.evaluation.strategies import names_of_images, ranked_cases, scored_cases, truths

exactly = {"rel": 0, "abs": 1e-9}


def pair_labels(truth, retrieved):
    """For every unordered pair whether it is a duplicate, and whether it was retrieved."""
    pairs = list(combinations(truth, 2))
    actual = [other in truth[one] for one, other in pairs]
    found = [other in retrieved[one] or one in retrieved[other] for one, other in pairs]
    return np.array(actual, int), np.array(found, int)


@settings(deadline=None)
@given(ranked_cases())
def test_classification_of_scikit_learn(case):
    truth, ranked = case
    assume(len(truth) > 1)
    expected = precision_recall_fscore_support(
        *pair_labels(truth, ranked), labels=[0, 1], zero_division=0
    )
    metrics = evaluate(truth, ranked, "classification")
    for key, values in zip(("precision", "recall", "f1-score", "support"), expected, strict=True):
        assert metrics[key] == pytest.approx(values, **exactly)


@settings(deadline=None)
@given(ranked_cases())
def test_average_precision_and_ndcg_of_trec_eval(case):
    """trec_eval leaves out queries without relevant items, which are 1 or 0 by definition here."""
    truth, ranked = case
    judged = {name: dict.fromkeys(relevant, 1) for name, relevant in truth.items() if relevant}
    run = {
        name: {other: float(-rank) for rank, other in enumerate(found)}
        for name, found in ranked.items()
        if found and name in judged
    }
    sums = {"AP": 0.0, "nDCG": 0.0}
    if run:
        measures = [ir_measures.AP, ir_measures.nDCG]
        for measured in ir_measures.iter_calc(measures, judged, run):
            sums[str(measured.measure)] += measured.value
    empty = sum(not truth[name] and not ranked[name] for name in truth)
    metrics = evaluate(truth, ranked)
    assert metrics["map"] == pytest.approx((sums["AP"] + empty) / len(truth), **exactly)
    assert metrics["ndcg"] == pytest.approx((sums["nDCG"] + empty) / len(truth), **exactly)


@st.composite
def complete_rankings(draw):
    """Every image ranks all others: scikit-learn knows no item that was not retrieved."""
    names = draw(names_of_images(least=3))
    truth = draw(truths(names))
    ranked = {}
    for name in names:
        ranked[name] = draw(st.permutations([other for other in names if other != name]))
    return truth, ranked


@settings(deadline=None)
@given(complete_rankings())
def test_average_precision_and_ndcg_of_scikit_learn(case):
    truth, ranked = case
    precisions, gains = [], []
    for name, found in ranked.items():
        if not truth[name]:  # not defined there
            precisions.append(0.0)
            gains.append(0.0)
            continue
        actual = np.array([other in truth[name] for other in found], int)
        score = -np.arange(len(found), dtype=float)
        precisions.append(average_precision_score(actual, score))
        gains.append(ndcg_score([actual], [score]))
    metrics = evaluate(truth, ranked)
    assert metrics["map"] == pytest.approx(np.mean(precisions), **exactly)
    assert metrics["ndcg"] == pytest.approx(np.mean(gains), **exactly)


@settings(deadline=None)
@given(ranked_cases())
def test_jaccard_of_scipy(case):
    """The Jaccard distance of two empty sets is 0 there: the index is 1, as here."""
    truth, ranked = case
    values = [
        1
        - jaccard(
            [other in truth[name] for other in truth], [other in ranked[name] for other in truth]
        )
        for name in truth
    ]
    assert evaluate(truth, ranked, "jaccard")["jaccard"] == pytest.approx(
        np.mean(values), **exactly
    )


@settings(deadline=None)
@given(scored_cases(least=1, complete=True), st.randoms(use_true_random=False))
def test_micro_average_precision_of_scikit_learn(case, random):
    """With all pairs scored, and no two alike: equal scores share one threshold there, and here
    the pairs that are no duplicates come first, as in the challenge that the metric is of."""
    truth, scored, distances = case
    different = random.sample(range(64), len(distances))
    ranks = dict(zip(distances, different, strict=True))
    ranks.update({(other, one): rank for (one, other), rank in ranks.items()})
    scored = {one: [(other, ranks[one, other]) for other, _ in scored[one]] for one in scored}
    actual = np.array([other in truth[one] for one, other in distances], int)
    expected = average_precision_score(actual, [-ranks[pair] for pair in distances])
    assert micro_average_precision(truth, scored) == pytest.approx(expected, **exactly)


@settings(deadline=None)
@given(scored_cases(least=1))
def test_area_of_the_curve_of_scikit_learn(case):
    """The steps under the curve, with equal scores. scikit-learn divides by the duplicate pairs
    that were retrieved, and here it is by all of them."""
    truth, scored, distances = case
    actual = np.array([other in truth[one] for one, other in distances], int)
    assume(actual.any())
    share = actual.sum() / (sum(map(len, truth.values())) / 2)
    expected = average_precision_score(actual, [-distance for distance in distances.values()])
    curve = precision_recall_curve(truth, scored)
    area = (np.diff(curve.recall, prepend=0) * curve.precision).sum()
    assert area == pytest.approx(expected * share, **exactly)
    assert micro_average_precision(truth, scored) <= area + 1e-9


@settings(deadline=None)
@given(ranked_cases())
def test_clusters_of_scikit_learn(case):
    truth, ranked = case
    assume(len(truth) > 1)
    labels = []
    for found in (truth, ranked):
        matrix = [[other in found[one] or one in found[other] for other in truth] for one in truth]
        labels.append(connected_components(np.array(matrix))[1])
    (_, wrong), (missed, correct) = pair_confusion_matrix(*labels) // 2
    metrics = cluster_metrics(truth, ranked)
    precision = correct / (correct + wrong) if correct + wrong else 0
    recall = correct / (correct + missed) if correct + missed else 0
    assert metrics.pairwise_precision == pytest.approx(precision, **exactly)
    assert metrics.pairwise_recall == pytest.approx(recall, **exactly)
