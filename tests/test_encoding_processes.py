"""Encoding by several processes gives what threads give, under the settings of the caller."""

import logging
import os
import tarfile
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageFile

from imagededup import fastdup
from imagededup.images.limits import budget
from imagededup.methods import CNN, PHash
from imagededup.methods.encoder import encode_together
from imagededup.models import CustomModel
from imagededup.sources.limits import set_limits
from imagededup.utils import children
from tests import shared_work
from tests.cache.conftest import let_settle
from tests.conftest import photograph

pytestmark = pytest.mark.skipif(os.name != "posix", reason="threads do it on this system")

FILES = ("features.dat", "features.dat.csv", "features.bad.csv", "features.dat.npz")


@pytest.fixture
def several(monkeypatch):
    """Have images encoded by a process of two threads, from the first one on, and count results."""
    results = Mock(side_effect=children._Hand.result, autospec=True)
    monkeypatch.setattr(children._Hand, "result", lambda hand, item: results(hand, item))
    for (module, name), value in shared_work.several(threads=2, processes_=1).items():
        monkeypatch.setattr(module, name, value)
    return results


@pytest.fixture
def folder(photos):
    """The pictures, broken ones, one of a single colour, large ones, and some in an archive."""
    (photos / "cut.jpg").write_bytes((photos / "beach_small.jpg").read_bytes()[:2000])
    Image.new("RGB", (300, 200), "red").save(photos / "red.png")
    photograph(5, (1000, 600)).save(photos / "large.bmp")  # takes more than 4 MiB to decode
    Image.new("L", (1000, 701)).save(photos / "huge.bmp")  # more than the limit
    with tarfile.open(photos / "shard.tar", "w") as archive:
        archive.add(photos / "city.png", "1.png")
    return photos


def encoded(places, workers, cache_dir=None):
    """What two encoders make of some places: comparable."""
    encoders = [PHash(cache_dir=cache_dir), PHash(cache_dir=cache_dir, full_decode=True)]
    return [
        (one.names, one.codes.tolist(), one.failures, one.plain)
        for one in encode_together(encoders, places, True, workers)
    ]


def test_codes_failures_and_caches_are_those_of_threads(several, folder, tmp_path, monkeypatch):
    """Under the limits, the settings of Pillow and the memory of the caller."""
    held, take = [], budget.take
    monkeypatch.setattr(budget, "take", lambda wanted: held.append(wanted) or take(wanted))
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    monkeypatch.chdir(folder)
    let_settle(folder)
    before = set_limits(pixels=700_000, memory=4_900_000)
    try:
        by_threads = encoded([".", "shard.tar"], 1, tmp_path / "one")
        assert several.call_count == 0
        held.clear()
        assert encoded([".", "shard.tar"], 2, tmp_path / "two") == by_threads
        calls = several.call_count
        assert calls > 2
        assert held == [8 * 1000 * 600]
        assert budget._held == 0
        for name in ("huge.bmp", "notes.txt"):
            (folder / name).unlink()
        assert len(encoded([".", "shard.tar"], 2, tmp_path / "two")[0][0]) == 11
        assert several.call_count == calls  # nothing was left to do for children
    finally:
        set_limits(before)
    assert len(by_threads[0][0]) == 11
    reasons = {failure.name.removeprefix("./"): failure.reason for failure in by_threads[0][2]}
    assert reasons.keys() == {"huge.bmp", "notes.txt"}
    assert "more than the limit of 700,000 pixels" in reasons["huge.bmp"]


def test_a_plugin_of_the_user_is_known_to_threads_only(several, folder, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "imagededup")
    monkeypatch.setitem(Image.OPEN, "OWN", (Mock(__module__="own"), None))
    PHash().encode_images(folder, num_enc_workers=2)
    assert several.call_count == 0
    assert "not several processes: Pillow was taught to open OWN" in caplog.text


class Own(PHash):
    """An encoder of the user's."""


def of_pixels(batch):
    return np.asarray(batch).mean(axis=(2, 3))


def first_pixels(image):
    return np.asarray(image.resize((8, 8)), np.float32).transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        (Own, "Own is a class of the user's"),
        (lambda: CNN(model_config=CustomModel("own", of_pixels, first_pixels)), "user's own code"),
    ],
)
def test_code_of_the_user_runs_in_threads(several, folder, caplog, encoder, reason):
    caplog.set_level(logging.INFO, "imagededup")
    assert len(encoder().encode_images(folder, num_enc_workers=2)) == 10
    assert several.call_count == 0
    assert reason in caplog.text


def test_the_runner_writes_what_it_writes_by_threads(several, folder, tmp_path, capsys):
    for threads in (1, 2):
        work = str(tmp_path / str(threads))
        assert (
            fastdup.run(input_dir=str(folder), work_dir=work, run_mode=1, num_threads=threads) == 0
        )
    assert several.call_count > 1
    for name in FILES:
        files = [tmp_path / threads / name for threads in ("1", "2")]
        assert files[0].read_bytes() == files[1].read_bytes(), name
