"""The calls and keys that imagededup's documentation shows, on data of our own."""

import numpy as np
import pytest

import imagededup.evaluation
import imagededup.utils
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods import CNN, AHash, DHash, PHash, WHash

TRUTH = {
    "cup.jpg": ["cup_blur.jpg", "cup_turned.jpg"],
    "cup_blur.jpg": ["cup.jpg", "cup_turned.jpg"],
    "cup_turned.jpg": ["cup.jpg", "cup_blur.jpg"],
    "tree.jpg": [],
}
FOUND = {
    "cup.jpg": ["cup_blur.jpg"],
    "cup_blur.jpg": ["cup.jpg"],
    "cup_turned.jpg": [],
    "tree.jpg": [],
}


@pytest.mark.parametrize("form", ["all", "ALL", "All"])
def test_all_metrics(form):
    metrics = imagededup.evaluation.evaluate(TRUTH, FOUND, metric=form)
    assert metrics["map"] == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)
    assert metrics["jaccard"] == pytest.approx((0.5 + 0.5 + 0 + 1) / 4)
    assert metrics["precision"].tolist() == [3 / 5, 1.0]
    assert metrics["recall"].tolist() == [1.0, 1 / 3]
    assert metrics["f1-score"] == pytest.approx([3 / 4, 1 / 2])
    assert metrics["f1_score"].tolist() == metrics["f1-score"].tolist()
    assert metrics["support"].tolist() == [3, 3]
    assert all(isinstance(metrics[key], np.ndarray) for key in ("precision", "f1_score"))


@pytest.mark.parametrize(
    ("metric", "keys"),
    [
        ("MAP", {"map"}),
        ("map", {"map"}),
        ("NDCG", {"ndcg"}),
        ("Jaccard", {"jaccard"}),
        ("Classification", {"precision", "recall", "f1-score", "f1_score", "support"}),
    ],
)
def test_metric_names_in_any_case(metric, keys):
    lower = imagededup.evaluation.evaluate(TRUTH, FOUND, metric.lower())
    by_name = imagededup.evaluation.evaluate(
        ground_truth_map=TRUTH, retrieved_map=FOUND, metric=metric
    )
    np.testing.assert_equal(by_name, lower)
    assert set(by_name) == keys


@pytest.mark.parametrize(
    ("metric", "error", "message"),
    [
        ("MAPS", InvalidValueError, "must be one of 'map', .*, got 'MAPS'"),
        (" map", InvalidValueError, "got ' map'"),
        (None, InvalidTypeError, "metric must be a str, got NoneType"),
        (["map"], InvalidTypeError, "metric must be a str, got list"),
    ],
)
def test_other_metrics(metric, error, message):
    with pytest.raises(error, match=message):
        imagededup.evaluation.evaluate(TRUTH, FOUND, metric=metric)


def test_a_ground_truth_that_is_not_symmetric_leads_to_an_exception():
    with pytest.raises(Exception, match="symmetric"):
        imagededup.evaluation.evaluate(TRUTH | {"tree.jpg": ["cup.jpg"]}, FOUND)


@pytest.mark.parametrize("encoder", [PHash, DHash, WHash, AHash, CNN])
def test_from_a_folder_to_metrics_and_a_plot(encoder, photos, tmp_path):
    duplicates = encoder().find_duplicates(image_dir=str(photos), scores=False)
    truth = {name: [other for other in duplicates if other != name] for name in duplicates}
    metrics = imagededup.evaluation.evaluate(truth, duplicates, metric="all")
    assert metrics["precision"][1] == 1.0
    scored = encoder().find_duplicates(image_dir=str(photos), scores=True)
    outfile = tmp_path / "plot.png"
    for duplicate_map in (duplicates, scored):
        figure = imagededup.utils.plot_duplicates(
            image_dir=str(photos), duplicate_map=duplicate_map, filename="beach.png"
        )
        assert figure.axes[0].get_title().startswith("beach.png")
    imagededup.utils.plot_duplicates(str(photos), duplicates, "beach.png", outfile=str(outfile))
    assert outfile.read_bytes().startswith(b"\x89PNG")
