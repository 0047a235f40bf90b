import os
import time
from contextlib import contextmanager

import pytest
from PIL import Image

from imagededup.cache import stamps
from imagededup.methods import tasks
from tests.conftest import photograph, wait_until


def let_settle(folder):
    """Wait until the clock of the file system has moved on since files were last changed."""
    paths = [os.fspath(path) for path in folder.rglob("*") if path.is_file()]
    wait_until(lambda: all(stamps.stamp_of(path).settled for path in paths))


@contextmanager
def decoded_names(monkeypatch):
    """Collects the names of the files that are decoded in the block."""
    decoded = []
    load = tasks.load_image

    def loaded(path, *rest):
        decoded.append(path.name)
        return load(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "load_image", loaded)
        yield decoded


def wait_for_next_tick(folder):
    """Wait until a file that is changed gets a later time than all files of a folder."""
    probe = folder.parent / "probe"
    last = max(path.lstat().st_ctime_ns for path in folder.iterdir())
    wait_until(lambda: (probe.touch(), probe.stat().st_ctime_ns)[1] > last)


@pytest.fixture
def no_waiting(monkeypatch):
    """The clock is ahead of that of the file system, so that no file has just been changed.

    Who changes files twice must wait for the next tick between.
    """
    monkeypatch.setattr(stamps.time, "time_ns", lambda now=time.time_ns: now() + 10**10)


@pytest.fixture
def pictures(tmp_path):
    """Photographs, an image of one colour twice, one that is broken, one in a folder within."""
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    photograph(0).save(folder / "a.png")
    photograph(1).save(folder / "b.jpg")
    photograph(2, (700, 500)).save(folder / "more" / "c.jpg")
    for name in ("grey.png", "more/grey.png"):
        Image.new("RGB", (40, 30), "grey").save(folder / name)
    (folder / "broken.jpg").write_bytes((folder / "b.jpg").read_bytes()[:300])
    let_settle(folder)
    return folder
