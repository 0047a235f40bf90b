"""Folders that hold a part of what they should: some shards, or a record without a result."""

import json
import logging

import pytest

from imagededup import fastdup
from imagededup.errors import InvalidValueError
from tests.conftest import photograph


@pytest.fixture
def images(tmp_path):
    """Four pictures."""
    for number in range(4):
        photograph(number, (64, 48)).save(tmp_path / f"{number}.png")
    return [str(tmp_path / f"{number}.png") for number in range(4)]


@pytest.mark.parametrize(
    ("shards", "said"),
    [
        ([(0, 2)], ["the shards hold images 0 to 2 of 4"]),
        ([(2, -1)], ["the shards hold images 2 to 4 of 4"]),
        ([(1, 3)], ["the shards hold images 1 to 3 of 4"]),
        ([(0, 2), (2, -1)], []),
    ],
)
def test_images_that_no_shard_holds_are_a_warning(images, tmp_path, shards, said, caplog):
    work = tmp_path / "work"
    for begin, end in shards:
        assert fastdup.run(images, work, run_mode=1, min_offset=begin, max_offset=end) == 0
    with caplog.at_level(logging.WARNING, "imagededup"):
        assert fastdup.run(work_dir=work, run_mode=2) == 0
    warnings = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert [message for message in warnings if "shards" in message] == said


def test_features_beside_shards_are_an_error_that_names_the_first(images, tmp_path, capsys):
    work = tmp_path / "work"
    for begin, end in ((0, 2), (2, -1)):
        assert fastdup.run(images, work, run_mode=1, min_offset=begin, max_offset=end) == 0
    (work / "features.dat").write_bytes(b"")
    assert fastdup.run(work_dir=work, run_mode=2) == 1
    assert "and also shards (features_0_2.dat); run_mode=0" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["run.json", "the entry"])
def test_components_that_are_not_recorded_are_refused(images, tmp_path, lost):
    work = tmp_path / "work"
    assert fastdup.run(images, work) == 0
    fastdup.find_top_components(work)
    if lost == "run.json":
        (work / lost).unlink()
    else:
        record = json.loads((work / "run.json").read_text())
        del record["files"]["connected_components.csv"]
        (work / "run.json").write_text(json.dumps(record))
    with pytest.raises(InvalidValueError, match=r"must be listed in run\.json"):
        fastdup.find_top_components(work)
