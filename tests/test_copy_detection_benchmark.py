"""The benchmark of copy detection counts right, and measures and prints what it says."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup.images.decode import image_size
from tests.conftest import photograph

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture
def benchmark(monkeypatch):
    """A module of `benchmarks/` by its name."""
    monkeypatch.syspath_prepend(str(CHECKOUT / "benchmarks"))
    return importlib.import_module


def test_a_ranking_has_the_precision_and_recall_of_every_threshold(benchmark):
    positives = np.array([[0.9, 0.8], [0.7, -np.inf]])
    ranking = benchmark("ranking").rank(positives, [np.array([0.75, 0.1]), np.array([0.7])])
    assert ranking.average_precision == pytest.approx((1 + 1 + 3 / 5) / 4)
    assert (ranking.recall_at_99, ranking.recall_at_999) == (0.5, 0.5)
    assert ranking.limit_at_99 == 0.8


def test_precision_may_recover_below_a_false_pair(benchmark):
    positives = np.concatenate([[1.0], np.linspace(0.5, 0.6, 200)])
    ranking = benchmark("ranking").rank(positives, [np.array([0.9])])
    assert ranking.recall_at_99 == 1
    assert ranking.recall_at_999 == pytest.approx(1 / 201)


def test_nothing_found_is_no_recall(benchmark):
    ranking = benchmark("ranking").rank(np.full((2, 2), -np.inf), [])
    assert (ranking.average_precision, ranking.recall_at_99) == (0, 0)


def test_a_limit_spreads_over_a_set_and_related_pictures_share_a_group(benchmark, tmp_path):
    for name, count in (("frames", 5), ("photos", 9)):
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.png").touch()
    pool_of = benchmark("picture_sets").pool_of
    folders = [tmp_path / "frames", tmp_path / "photos"]
    pool = pool_of(folders, 3, ["frames"])
    assert pool.places == (0, 2, 4, 0, 4, 8)
    assert pool.group.tolist() == [0, 0, 0, 3, 4, 5]
    assert pool.sets == {"frames": slice(0, 3), "photos": slice(3, 6)}
    with pytest.raises(SystemExit, match="no such set: film"):
        pool_of(folders, None, ["film"])


def test_of_equal_pictures_all_but_one_are_taken_unless_they_are_related(benchmark):
    taken = benchmark("wrong_removal").taken_by_codes
    codes = np.eye(4, dtype=np.float32)[[0, 0, 0, 1]]
    assert taken(codes, np.arange(4), 0.9) == 0.5
    assert taken(codes, np.array([0, 0, 0, 3]), 0.9) == 0
    chain = np.array([[1, 0], [0.8, 0.6], [0.28, 0.96]], np.float32)
    assert taken(chain, np.arange(3), 0.75) == pytest.approx(1 / 3)  # the third stays


def test_edits_are_the_same_every_time_and_for_any_number_of_other_pictures(benchmark, tmp_path):
    edits = benchmark("edits")
    photograph(3, (160, 120)).save(tmp_path / "picture.png")
    written = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        names = list(edits.write_copies(tmp_path / "picture.png", 7, folder, seed=0))
        assert len(names) == len(set(names)) == len(edits.EDITS)
        written.append([(folder / name).read_bytes() for name in names])
    assert written[0] == written[1]
    files = [tmp_path / "one" / name for name in names]
    sizes = dict(zip(edits.EDITS, map(image_size, files), strict=True))
    assert sizes["quarter turn"] == sizes["mirror and quarter turn"] == (120, 160)
    assert sizes["half turn"] == sizes["perspective"] == (160, 120)
    assert sizes["thumbnail of a fifth"] == (32, 24)
    assert sizes["caption"] == (160, 142)


def test_sets_and_their_pool_are_measured_beside_the_targets(
    benchmark, tmp_path, monkeypatch, capsys
):
    examples = CHECKOUT / "examples" / "photos"
    for folder, name in (("one", "flower.jpg"), ("one", "portrait.jpg"), ("two", "portrait.jpg")):
        (tmp_path / folder).mkdir(exist_ok=True)
        with Image.open(examples / name) as picture:
            picture.reduce(2).save(tmp_path / folder / name)
    figures, sheets = tmp_path / "figures.json", tmp_path / "sheets"
    options = ["--encoders", "PHash", "--json", figures, "--sheet", sheets]
    arguments = ["copy_detection.py", tmp_path / "one", tmp_path / "two", *options]
    monkeypatch.setattr("sys.argv", list(map(str, arguments)))
    benchmark("copy_detection").main()
    one, two, pool = json.loads(figures.read_text())
    assert (one["name"], one["pictures"]) == ("one", 2)
    assert (two["name"], two["related"]) == ("two", True)  # no pair of one picture is false
    assert (pool["name"], pool["pictures"]) == ("all sets", 3)
    hashed, verified = one["figures"]["PHash"], one["figures"]["verified"]
    assert hashed["at_thresholds"][0]["recall"]["turned"] == 0
    assert verified["rankings"]["14 edits"]["average_precision"] > 0.9
    assert verified["at_thresholds"][0]["recall"]["14 edits"] > 0.9
    resized = one["relations"]["by_edit"]["resize to a third"]
    assert resized["copy"] == 1
    assert one["relations"]["of_pictures"]["copy"] == 0
    # The portrait is in both sets: one pair of the pool is a copy, which its sheet shows.
    assert pool["figures"]["verified"]["at_thresholds"][1]["taken"] == pytest.approx(1 / 3)
    assert [sheet.name for sheet in sheets.iterdir()] == ["across sets-001.png"]
    printed = capsys.readouterr().out
    assert "verified: recall at 99 % precision" in printed
    assert "target at least 0.96" in printed
