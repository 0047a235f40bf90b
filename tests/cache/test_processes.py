"""Several processes on one cache, and processes that are killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagededup.cache.codes import CodeCache
from imagededup.cache.contents import cache_contents
from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.stamps import Stamp
from imagededup.methods import PHash
from tests.cache.conftest import decoded_names, let_settle
from tests.conftest import photograph, wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
METHOD = CachedMethod("test", "fingerprint")
WORKER = """
import sys
from imagededup.cache import codes
from imagededup.cache.codes import CodeCache
from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.stamps import Stamp
from pathlib import Path

folder, number, limit = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
method = CachedMethod("test", "fingerprint")
sys.stdin.readline()  # all begin at once
for turn in range(5):
    with CodeCache(folder, limit) as cache:
        for begin in range(0, 200, 50):
            names = [b"%d" % place for place in range(begin, begin + 50)]
            shared = [Stamp(b"/shared", name, b"%d" % turn, True) for name in names]
            own = [Stamp(b"/%d" % number, name, b"state", True) for name in names]
            for stamp, found in zip(shared + own, cache.find(method, shared + own)):
                assert found in (None, CachedCode(stamp.folder + stamp.name + stamp.state, b""))
            both = shared + own
            codes = [CachedCode(one.folder + one.name + one.state, b"") for one in both]
            cache.add(method, zip(both, codes))
            cache._commit()
"""
ENCODE = """
import sys
from imagededup.cache import codes
from imagededup.methods import PHash, tasks

codes._SECONDS_BETWEEN_COMMITS = 0
load = tasks.load_image
def slow(path, *rest):  # the last image never ends
    if path.name.startswith("z"):
        print("waiting", flush=True)
        sys.stdin.readline()
    return load(path, *rest)
tasks.load_image = slow
PHash(False, cache_dir=sys.argv[2]).encode_images(sys.argv[1], num_enc_workers=1)
"""


def start(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


@pytest.mark.parametrize("state", ["new", "damaged", "too small"])
def test_four_at_once(tmp_path, state):
    folder = tmp_path / "cache"
    if state == "damaged":
        folder.mkdir()
        (folder / "codes-1.1.sqlite").write_bytes(b"no database" * 1000)
    limit = 150_000 if state == "too small" else 10**9
    workers = [start(WORKER, folder, number, limit) for number in range(4)]
    answers = [worker.communicate("begin\n", timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * 4, answers
    complaints = "".join(error for _, error in answers)
    assert "cannot be used" not in complaints
    assert ("is damaged" in complaints) == (state == "damaged")
    if state != "too small":
        own = [Stamp(b"/3", b"%d" % place, b"state", True) for place in range(200)]
        with CodeCache(folder, limit) as cache:
            assert None not in cache.find(METHOD, own)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_run_that_is_killed_leaves_what_it_had(tmp_path, monkeypatch):
    pictures, cache = tmp_path / "pictures", tmp_path / "cache"
    pictures.mkdir()
    for number in range(12):
        photograph(number, (60, 40)).save(pictures / f"{number:02}.png")
    photograph(99, (60, 40)).save(pictures / "z.png")
    let_settle(pictures)
    run = start(ENCODE, pictures, cache)
    assert run.stdout.readline() == "waiting\n"
    wait_until(lambda: cache_contents(cache).images.get("PHash", 0) >= 12)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    with decoded_names(monkeypatch) as decoded:
        found = PHash(False, cache_dir=cache).encode_images(pictures)
    assert found == PHash(False).encode_images(pictures)
    assert decoded == ["z.png"]


def test_an_interrupt_leaves_what_it_had(tmp_path, monkeypatch, pictures):
    from imagededup.methods import tasks

    encoder = PHash(False, cache_dir=tmp_path / "cache")
    load = tasks.load_image

    def interrupted(path, *rest):
        if path.name == "grey.png":
            raise KeyboardInterrupt
        return load(path, *rest)

    monkeypatch.setattr(PHash, "_files_per_task", 1)
    with monkeypatch.context() as patched:
        patched.setattr(tasks, "load_image", interrupted)
        with pytest.raises(KeyboardInterrupt):
            encoder.encode_images(pictures, num_enc_workers=1)
    with decoded_names(monkeypatch) as decoded:
        encoder.encode_images(pictures)
    assert set(decoded) == {"broken.jpg", "grey.png"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_in_a_forked_child(tmp_path, pictures):
    encoder = PHash(False, cache_dir=tmp_path / "cache")
    expected = encoder.encode_images(pictures)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(encoder.encode_images, [pictures] * 4) == [expected] * 4
    assert encoder.encode_images(pictures) == expected


def test_while_the_cache_is_cleared(tmp_path):
    from imagededup.cache.contents import clear_cache

    folder = tmp_path / "cache"
    stamps = [Stamp(b"/folder", b"%d" % number, b"state", True) for number in range(100)]
    codes = [CachedCode(b"%d" % number, b"") for number in range(100)]
    with CodeCache(folder, 10**9) as cache:
        cache.add(METHOD, zip(stamps, codes, strict=True))
        cache._commit()
        clear_cache(folder)
        assert cache.find(METHOD, stamps) == [None] * 100
        cache.add(METHOD, zip(stamps, codes, strict=True))
    with CodeCache(folder, 10**9) as cache:
        assert cache.find(METHOD, stamps) == codes
    assert [path.name for path in folder.iterdir()] == ["codes-1.1.sqlite"]
