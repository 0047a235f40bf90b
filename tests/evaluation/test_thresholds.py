"""The best threshold of a method."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation import InvalidMapError, best_threshold, evaluate
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.thresholds import _default_thresholds
from imagededup.methods import AHash, PHash
from imagededup.methods.results import Duplicates
from imagededup.search.matches import Matches, Pairs
from imagededup.sources.folders import Failure
from tests.evaluation.strategies import truths

HASHES = {
    "a": "0000000000000000",
    "b": "0000000000000003",
    "c": "000000000000003f",
    "d": "ffffffff00000000",
    "e": "ffffffff00000000",
}
TRUTH = {"a": ["b"], "b": ["a"], "c": [], "d": ["e"], "e": ["d"]}


class Similarities:
    """An encoder of similarities: codes are points on a circle, in degrees."""

    score_name = "similarity"
    threshold_name = "min_similarity_threshold"

    def __init__(self):
        self.asked = []

    def search(self, encoding_map, min_similarity_threshold, **_others):
        self.asked.append(min_similarity_threshold)
        names = sorted(encoding_map)
        angles = np.radians([encoding_map[name] for name in names])
        score = np.cos(angles[:, None] - angles).astype(np.float32)
        left, right = np.nonzero(np.triu(score >= np.float32(min_similarity_threshold), 1))
        pairs = Pairs(left, right, score[left, right])
        matches = Matches(np.arange(len(names)), None, pairs, 1.0, True)
        return Duplicates(names, matches, "similarity")


def test_values_by_hand():
    sweep = best_threshold(PHash(), TRUTH, encoding_map=HASHES, thresholds=[0, 2, 4, 6])
    assert [point.threshold for point in sweep.points] == [0, 2, 4, 6]
    assert [point.correct for point in sweep.points] == [1, 2, 2, 2]
    assert [point.retrieved for point in sweep.points] == [1, 2, 3, 4]
    assert sweep.best == sweep.points[1]
    assert (sweep.best.precision, sweep.best.recall, sweep.best.f_score) == (1.0, 1.0, 1.0)
    assert (sweep.score_name, sweep.beta, sweep.curve.relevant) == ("distance", 1.0, 2)


def test_the_order_of_the_thresholds_does_not_matter():
    ordered = best_threshold(PHash(), TRUTH, encoding_map=HASHES, thresholds=(0, 2, 6))
    mixed = best_threshold(PHash(), TRUTH, encoding_map=HASHES, thresholds=np.array([6, 0, 2, 6]))
    assert mixed.points == ordered.points


def test_default_thresholds():
    sweep = best_threshold(PHash(), TRUTH, encoding_map=HASHES)
    assert sweep.curve.threshold.tolist() == list(range(33))
    assert sweep.best.threshold == 2


@pytest.mark.parametrize(("images", "widest"), [(6_000, 32), (100_000, 21), (1_000_000, 16)])
def test_default_thresholds_of_many_images(images, widest):
    assert _default_thresholds(ScoreName.DISTANCE, images)[-1] == widest


def test_beta_weighs_recall():
    truth = {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"], "d": [], "e": []}
    strict = best_threshold(PHash(), truth, encoding_map=HASHES, thresholds=[2, 40], beta=0.5)
    wide = best_threshold(PHash(), truth, encoding_map=HASHES, thresholds=[2, 40], beta=2)
    assert (strict.best.threshold, wide.best.threshold) == (2, 40)


def test_similarities():
    encoder = Similarities()
    angles = {"a": 0.0, "b": 10.0, "c": 60.0, "d": 180.0, "e": 180.0}
    sweep = best_threshold(encoder, TRUTH, encoding_map=angles)
    assert encoder.asked == [0.5]
    assert sweep.curve.threshold.tolist() == [round(1 - step / 100, 2) for step in range(51)]
    assert sweep.best.threshold == 0.98
    assert (sweep.best.precision, sweep.best.recall) == (1.0, 1.0)
    assert sweep.points[0].retrieved == 1
    custom = best_threshold(encoder, TRUTH, encoding_map=angles, thresholds=[0.3, 0.985])
    assert [point.threshold for point in custom.points] == [0.985, 0.3]
    assert encoder.asked == [0.5, 0.3]


def test_a_similarity_that_equals_the_threshold_counts():
    """In float32, as the search compares it: 0.9 there is a little less than the float 0.9."""
    angles = {"a": 0.0, "b": float(np.degrees(np.arccos(np.float32(0.9))))}
    found = Similarities().search(angles, 0.9)
    assert found.matches.pairs.score.tolist() == [float(np.float32(0.9))]
    truth = {"a": ["b"], "b": ["a"]}
    sweep = best_threshold(Similarities(), truth, encoding_map=angles, thresholds=[0.9])
    assert sweep.best.recall == 1.0


def test_a_folder_is_encoded_and_searched_once(photos):
    """City and its blurred copy are duplicates, beach and two copies too."""

    class Counting(PHash):
        searches = encoded = 0

        def search(self, *arguments, **keywords):
            Counting.searches += 1
            return super().search(*arguments, **keywords)

        def _prepare(self, pixels):
            Counting.encoded += 1
            return super()._prepare(pixels)

    beach = ["beach.png", "beach_copy.png", "beach_small.jpg"]
    city = ["city.png", "city_blurred.png"]
    truth = {"forest.png": [], "notes.txt": []}
    for group in (beach, city):
        truth |= {one: [other for other in group if other != one] for one in group}
    sweep = best_threshold(Counting(verbose=False), truth, image_dir=photos, num_enc_workers=0)
    assert (Counting.searches, Counting.encoded) == (1, 6)
    assert (sweep.best.precision, sweep.best.recall) == (1.0, 1.0)


def test_unreadable_images_count_as_missed(photos):
    """The text file was to be found: half of the duplicate pairs are lost."""
    names = ["beach_copy.png", "beach_small.jpg", "city.png", "city_blurred.png", "forest.png"]
    truth = {name: [] for name in names}
    truth |= {"beach.png": ["beach_copy.png"], "beach_copy.png": ["beach.png"]}
    truth |= {"city.png": ["notes.txt"], "notes.txt": ["city.png"]}
    sweep = best_threshold(AHash(verbose=False), truth, image_dir=photos, thresholds=[0])
    assert sweep.best.recall == 0.5


@st.composite
def hash_cases(draw):
    names = [f"{number}.jpg" for number in range(draw(st.integers(2, 7)))]
    near = st.integers(0, 2**10 - 1)
    return draw(truths(names, least=1)), {name: f"{draw(near):016x}" for name in names}


@settings(deadline=None, max_examples=40)
@given(hash_cases())
def test_equal_to_a_search_at_every_threshold(case):
    truth, hashes = case
    encoder = PHash(verbose=False)
    for point in best_threshold(encoder, truth, encoding_map=hashes, thresholds=[0, 1, 5]).points:
        found = encoder.find_duplicates(encoding_map=hashes, max_distance_threshold=point.threshold)
        expected = evaluate(truth, found, "classification")
        assert point.precision == pytest.approx(expected["precision"][1], abs=1e-9)
        assert point.recall == pytest.approx(expected["recall"][1], abs=1e-9)
        assert point.f_score == pytest.approx(expected["f1-score"][1], abs=1e-9)


def test_many_identical_images():
    names = [f"{number:04d}" for number in range(2000)]
    truth = {name: [] for name in names} | {"0000": ["0001"], "0001": ["0000"]}
    hashes = dict.fromkeys(names, "00000000000000ff")
    sweep = best_threshold(PHash(), truth, encoding_map=hashes, thresholds=[3])
    assert (sweep.best.retrieved, sweep.best.correct) == (1999000, 1)


@pytest.mark.parametrize(
    ("thresholds", "error", "message"),
    [
        ([], InvalidValueError, "must be a list of numbers"),
        (3, InvalidValueError, "must be a list of numbers, got 3"),
        ([[1]], InvalidValueError, "must be a list of numbers"),
        ([0.5], InvalidTypeError, "thresholds of a distance must be int"),
        (["1"], InvalidTypeError, "thresholds of a distance must be int"),
        ([True], InvalidTypeError, "thresholds of a distance must be int"),
        ([0, 65], InvalidValueError, "must be from 0 to 64"),
        ([-1], InvalidValueError, "must be from 0 to 64"),
    ],
)
def test_thresholds_that_are_not_allowed(thresholds, error, message):
    with pytest.raises(error, match=message):
        best_threshold(PHash(), TRUTH, encoding_map=HASHES, thresholds=thresholds)


@pytest.mark.parametrize("thresholds", [[1.5], [float("nan"), 0.5], [-2]])
def test_similarities_that_are_not_allowed(thresholds):
    with pytest.raises(InvalidValueError, match="thresholds of a similarity must be from -1 to 1"):
        best_threshold(Similarities(), TRUTH, encoding_map=HASHES, thresholds=thresholds)


def test_other_arguments_that_are_not_allowed():
    with pytest.raises(InvalidValueError, match="beta must be above 0"):
        best_threshold(PHash(), TRUTH, encoding_map=HASHES, beta=0)
    with pytest.raises(InvalidValueError, match="exactly one of image_dir and encoding_map"):
        best_threshold(PHash(), TRUTH)
    with pytest.raises(InvalidMapError, match="at least one pair of duplicates"):
        best_threshold(PHash(), {"a": [], "b": []}, encoding_map=HASHES)


def test_other_images_than_those_of_the_ground_truth():
    fewer = {name: code for name, code in HASHES.items() if name not in "de"}
    with pytest.raises(InvalidMapError, match="were not encoded: 2, first 'd', 'e'"):
        best_threshold(PHash(), TRUTH, encoding_map=fewer)
    with pytest.raises(InvalidMapError, match="images that ground_truth_map lacks: 1, first 'x'"):
        best_threshold(PHash(), TRUTH, encoding_map={**HASHES, "x": HASHES["a"]})


def test_only_failures_excuse_what_was_not_encoded():
    class Failing(Similarities):
        def search(self, *arguments, **keywords):
            found = super().search(*arguments, **keywords)
            return Duplicates(
                found.names, found.matches, "similarity", failures=[Failure("e", "truncated")]
            )

    angles = {"a": 0.0, "b": 10.0, "c": 60.0, "d": 180.0}
    best = best_threshold(Failing(), TRUTH, encoding_map=angles).best
    assert best.recall == 0.5
