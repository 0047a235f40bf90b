"""Results of `search`, and duplicates that are images of a reference collection."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import (
    InvalidMapError,
    best_threshold,
    cluster_metrics,
    evaluate,
    load_ground_truth,
    micro_average_precision,
    precision_recall_curve,
    recall_at_precision,
)
from imagededup.methods import CNN, PHash
from tests.conftest import photograph

TRUTH = {"new1": ["old1", "old2"], "new2": [], "new3": ["old3"]}
FOUND = {"new1": [("old1", 0), ("old4", 6)], "new2": [], "new3": [("old3", 2), ("old1", 9)]}
REFERENCES = ["old1", "old2", "old3", "old4", "old5"]

HASHES = {"a": "00000000000000ff", "b": "000000000000007f", "c": "ffffffff00000000"}
SAME_NAMES = {"a": "ffffffff00000001", "b": "00000000000001ff"}


def phash():
    return PHash(verbose=False)


class TestMaps:
    def test_metrics_of_the_ranks(self):
        metrics = evaluate(TRUTH, FOUND)
        assert metrics["map"] == pytest.approx((1 / 2 + 1 + 1) / 3)
        assert metrics["jaccard"] == pytest.approx((1 / 3 + 1 + 1 / 2) / 3)
        ideal = 1 + 1 / np.log2(3)
        assert metrics["ndcg"] == pytest.approx((1 / ideal + 1 + 1) / 3)

    @pytest.mark.parametrize(("references", "pairs"), [(REFERENCES, 15), (None, 12)])
    def test_classification_of_pairs_of_an_image_and_a_reference(self, references, pairs):
        """Without references those count that one of the maps names."""
        metrics = evaluate(TRUTH, FOUND, "classification", references=references)
        assert metrics["support"].tolist() == [pairs - 3, 3]
        assert metrics["precision"].tolist() == [(pairs - 5) / (pairs - 4), 2 / 4]
        assert metrics["recall"].tolist() == [(pairs - 5) / (pairs - 3), 2 / 3]

    def test_names_may_stand_in_both_collections(self):
        truth = {"a": ["a"], "b": ["a"]}
        with pytest.raises(InvalidMapError, match="itself"):
            evaluate(truth, truth)
        assert evaluate(truth, truth, references=["a", "b"])["support"].tolist() == [2, 2]
        assert evaluate(truth, {"a": ["b"], "b": ["a"]}, references=("a", "b"))["map"] == 0.5

    def test_curves(self):
        curve = precision_recall_curve(TRUTH, FOUND)
        assert curve.threshold.tolist() == [0, 2, 6, 9]
        assert curve.correct.tolist() == [1, 2, 2, 2]
        assert curve.relevant == 3
        assert micro_average_precision(TRUTH, FOUND) == pytest.approx(2 / 3)
        assert recall_at_precision(TRUTH, FOUND) == pytest.approx(2 / 3)
        both = {"a": [("b", 1)], "b": [("a", 2)]}
        curve = precision_recall_curve({"a": ["b"], "b": []}, both, references=["a", "b"])
        assert curve.correct.tolist() == [1, 1]
        assert curve.retrieved.tolist() == [1, 2]

    def test_clusters_hold_the_references(self):
        """True: {new1, old1, old2}, {new3, old3}; found: all of them and old4, without old2."""
        metrics = cluster_metrics(TRUTH, FOUND, references=REFERENCES)
        assert metrics.pairwise_precision == pytest.approx(2 / 10)
        assert metrics.pairwise_recall == pytest.approx(2 / 4)

    @pytest.mark.parametrize(
        ("truth", "found", "references", "error", "message"),
        [
            (TRUTH, FOUND, ["old1"], InvalidMapError, "among the references; .*2, first 'old2'"),
            (TRUTH, FOUND, [], InvalidMapError, "references must hold at least one name"),
            (TRUTH, FOUND, ["old1"] * 2, InvalidMapError, "references must hold each name once"),
            (TRUTH, FOUND, "old1", InvalidTypeError, "references must be a list of names, got str"),
            (TRUTH, FOUND, 5, InvalidTypeError, "references must be a list of names, got int"),
            (TRUTH, FOUND, [None], InvalidTypeError, "references must hold names, got None"),
            ({"a": ["x"]}, {"a": ["a"]}, None, InvalidMapError, "values that are no key: 1, .*'x'"),
            ({"a": ["x"]}, {"b": ["x"]}, None, InvalidMapError, "same keys"),
        ],
    )
    def test_wrong_maps(self, truth, found, references, error, message):
        with pytest.raises(error, match=message):
            evaluate(truth, found, references=references)


@st.composite
def crossing_cases(draw):
    queries = [f"n{number}" for number in range(draw(st.integers(1, 5)))]
    references = [f"n{number}" for number in range(draw(st.integers(1, 5)))]
    lists = st.lists(st.sampled_from(references), unique=True)
    return *({name: draw(lists) for name in queries} for _ in "tf"), references


@settings(deadline=None)
@given(crossing_cases())
def test_classification_of_scikit_learn(case):
    truth, found, references = case
    pairs = list(product(truth, references))
    actual, given_for = ([other in m[one] for one, other in pairs] for m in (truth, found))
    expected = precision_recall_fscore_support(
        actual, given_for, labels=[False, True], zero_division=0
    )
    metrics = evaluate(truth, found, "classification", references=references)
    for key, values in zip(("precision", "recall", "f1_score", "support"), expected, strict=True):
        assert metrics[key] == pytest.approx(values, rel=0, abs=1e-9)


class TestResults:
    """A result of `search` counts like its dictionary."""

    TRUTH = {"a": ["b"], "b": ["a"], "c": []}

    @pytest.mark.parametrize("metric", [micro_average_precision, cluster_metrics, evaluate])
    def test_of_one_collection(self, metric):
        found = phash().search(encoding_map=HASHES, max_distance_threshold=64)
        expected = metric(self.TRUTH, found.to_dict(scores=True))
        np.testing.assert_equal(metric(self.TRUTH, found), expected)

    def test_of_similarities(self):
        generator = np.random.default_rng(0)
        vectors = {name: generator.normal(size=1024).astype(np.float32) for name in "abc"}
        found = CNN(verbose=False).search(encoding_map=vectors, min_similarity_threshold=-1.0)
        expected = precision_recall_curve(self.TRUTH, found.to_dict(scores=True))
        curve = precision_recall_curve(self.TRUTH, found)
        assert curve.threshold.tolist() == expected.threshold.tolist()
        assert curve.correct.tolist() == expected.correct.tolist() != [0, 0, 0]

    @pytest.mark.parametrize("metric", [micro_average_precision, cluster_metrics, evaluate])
    def test_of_two_collections(self, metric):
        truth = {"a": ["b"], "b": ["b"], "c": ["a"]}
        found = phash().search(encoding_map=HASHES, against=SAME_NAMES)
        expected = metric(truth, found.to_dict(scores=True), references=["a", "b"])
        np.testing.assert_equal(metric(truth, found), expected)
        assert evaluate(truth, found)["map"] == 1.0
        assert evaluate(truth, found)["support"].tolist() == [3, 3]

    def test_images_that_could_not_be_read(self, tmp_path):
        """Their duplicates are missed, whichever collection they are of."""
        for folder in ("new", "old"):
            (tmp_path / folder).mkdir()
            photograph(1).save(tmp_path / folder / "good.png")
            (tmp_path / folder / f"broken_{folder}.png").write_text("no image")
        found = phash().search(tmp_path / "new", against=tmp_path / "old")
        truth = {"good.png": ["good.png", "broken_old.png"], "broken_new.png": ["good.png"]}
        metrics = evaluate(truth, found)
        assert metrics["map"] == 0.25
        assert metrics["recall"][1] == pytest.approx(1 / 3)
        assert metrics["support"].tolist() == [1, 3]

    @pytest.mark.parametrize(
        ("truth", "options", "error", "message"),
        [
            (TRUTH, {"score_name": "similarity"}, InvalidValueError, "must be 'distance' for this"),
            (TRUTH, {"references": ["x"]}, InvalidValueError, "references must be None"),
            ({"a": [], "b": []}, {}, InvalidMapError, "has others: 1, first 'c'"),
            (TRUTH | {"d": []}, {}, InvalidMapError, "lacks 1, first 'd'"),
            (TRUTH | {"c": ["x"]}, {}, InvalidMapError, "values that are no key: 1, first 'x'"),
        ],
    )
    def test_wrong_arguments(self, truth, options, error, message):
        found = phash().search(encoding_map=HASHES)
        with pytest.raises(error, match=message):
            evaluate(truth, found, **options)

    def test_a_reference_that_the_truth_does_not_have(self):
        found = phash().search(encoding_map=HASHES, against=SAME_NAMES)
        truth = {"a": ["z"], "b": [], "c": []}
        with pytest.raises(InvalidMapError, match="among the references; .*'z'"):
            evaluate(truth, found)

    def test_a_result_is_no_ground_truth(self):
        found = phash().search(encoding_map=HASHES)
        with pytest.raises(InvalidTypeError, match="must be a dictionary, got Duplicates"):
            evaluate(found, found)


class TestThresholds:
    def test_against(self):
        truth = {"a": ["b"], "b": ["b"], "c": ["a"]}
        sweep = best_threshold(phash(), truth, encoding_map=HASHES, against=SAME_NAMES)
        assert sweep.best.threshold == 2
        assert (sweep.best.precision, sweep.best.recall) == (1.0, 1.0)
        assert sweep.points[1].correct == 2

    def test_references_that_were_not_encoded(self):
        with pytest.raises(InvalidMapError, match="that were not encoded: 1, first 'z'"):
            best_threshold(
                phash(), {name: ["z"] for name in HASHES}, encoding_map=HASHES, against=SAME_NAMES
            )

    def test_without_against_all_values_are_keys(self):
        with pytest.raises(InvalidMapError, match="values that are no key"):
            best_threshold(phash(), {name: ["z"] for name in HASHES}, encoding_map=HASHES)


class TestFiles:
    @pytest.mark.parametrize("said", [False, True])
    def test_json(self, tmp_path, said):
        file = tmp_path / "truth.json"
        file.write_text('{"new2": [], "new1": ["old2", "old1"]}')
        expected = {"new1": ["old1", "old2"], "new2": []}
        assert load_ground_truth(file, two_collections=said) == expected

    def test_the_same_names_in_both(self, tmp_path):
        file = tmp_path / "truth.json"
        file.write_text('{"a": ["a"], "b": []}')
        assert load_ground_truth(file, two_collections=True) == {"a": ["a"], "b": []}
        with pytest.raises(InvalidMapError, match="itself"):
            load_ground_truth(file)

    def test_csv(self, tmp_path):
        file = tmp_path / "truth.csv"
        file.write_text("query,reference\na,a\nb,x\na,x\nc,\n")
        expected = {"a": ["a", "x"], "b": ["x"], "c": []}
        assert load_ground_truth(file, two_collections=True) == expected

    @pytest.mark.parametrize("options", [{"transitive": True}, {}])
    def test_what_does_not_go_with_it(self, tmp_path, options):
        file = tmp_path / "truth.csv"
        file.write_text("a,b\n")
        with pytest.raises(InvalidValueError, match="two_collections must be False"):
            load_ground_truth(file if options else tmp_path, two_collections=True, **options)
