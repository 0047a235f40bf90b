"""Files that change, vanish or come back as something else while a run reads them."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from imagededup import PHash
from tests.hostile.bounded import bounded
from tests.hostile.formats import encoded, picture

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs the files of POSIX")


def write_pictures(folder, count):
    """Pairs of copies in two formats."""
    folder.mkdir()
    for number in range(count):
        scene = picture(number % 20, (60 + number // 20, 45))
        (folder / f"{number:03}.png").write_bytes(encoded(scene, "png"))
        (folder / f"{number:03}.jpg").write_bytes(encoded(scene, "jpeg"))


class _Vandal(threading.Thread):
    """Truncates, replaces, removes and restores files of a folder until it is told to stop."""

    def __init__(self, folder, spared):
        super().__init__(daemon=True)
        self._stop_now = threading.Event()
        self._names = [path.name for path in folder.iterdir() if path.name not in spared]
        self._folder = folder
        self._random = random.Random(0)
        self._original = {name: (folder / name).read_bytes() for name in self._names}
        self.acts = 0

    def run(self):
        while not self._stop_now.is_set():
            name = self._random.choice(self._names)
            self._clear(name)
            self._random.choice(
                [self._restore, self._truncate, self._pipe, self._folder_of_it, self._loop, str]
            )(name)
            self.acts += 1

    def stop(self):
        self._stop_now.set()
        self.join()

    def _clear(self, name):
        path = self._folder / name
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)

    def _restore(self, name):
        (self._folder / name).write_bytes(self._original[name])

    def _truncate(self, name):
        (self._folder / name).write_bytes(self._original[name])
        os.truncate(self._folder / name, len(self._original[name]) // 3)

    def _pipe(self, name):
        os.mkfifo(self._folder / name)

    def _folder_of_it(self, name):
        (self._folder / name).mkdir()

    def _loop(self, name):
        (self._folder / name).symlink_to(name)


@pytest.fixture
def changing(tmp_path):
    """A folder of pictures most of which change all the time, and the names of the others."""
    folder = tmp_path / "images"
    write_pictures(folder, 60)
    spared = {path.name for path in folder.iterdir() if path.name < "010"}
    vandal = _Vandal(folder, spared)
    vandal.start()
    yield folder, spared
    vandal.stop()
    assert vandal.acts > 100


def test_searches_go_on(changing):
    folder, spared = changing
    for workers in (1, 4):
        found = PHash(verbose=False).search(folder, num_enc_workers=workers)
        failures = {failure.name for failure in found.failures}
        assert spared <= set(found.names)
        assert not failures & set(found.names)
        assert all(failure.reason for failure in found.failures)
        for name in sorted(spared):
            assert name.replace("png", "jpg") in [*found.to_dict()[name], name]


@pytest.mark.long
@pytest.mark.parametrize(
    "arguments",
    [
        ("find", "{0}", "-m", "cnn", "--verify"),
        ("report", "{0}", "-m", "phash", "-o", "{1}/report.html"),
        ("fastdup", "{0}", "--work_dir", "{1}/work", "--verify", "1"),
        ("remove", "{0}", "--move-to", "{1}/moved"),
        ("encode", "{0}", "-o", "{1}/codes.npz", "-m", "cnn"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_end_as_documented(changing, tmp_path, arguments):
    folder, _ = changing
    given = [argument.format(folder, tmp_path) for argument in arguments]
    ended = bounded("-m", "imagededup", *given, seconds=120, folder=tmp_path)
    print(f"{arguments[0]} while files change: {ended.seconds:.0f} s, exit code {ended.code}")
    assert ended.code in (0, 1)
    assert "Traceback" not in ended.err
    if ended.code:
        assert ended.err.count("\n") >= 1


UNPRIVILEGED = """
import os, sys
from imagededup import PHash
from imagededup.images import decode, exact, heif
PHash(verbose=False).search(sys.argv[1] + "/readable")  # what is imported later may be forbidden
os.setgid(65534)
os.setuid(65534)
found = PHash(verbose=False).search(sys.argv[1], recursive=True)
print(found.names)
print([(failure.name, failure.reason) for failure in found.failures])
"""


@pytest.mark.long
@pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 1)() != 0, reason="only root can become another user"
)
def test_what_a_user_may_not_read_has_a_reason(tmp_path):
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        readable = f"{place}/readable"
        write_pictures(tmp_path / "one", 1)
        shutil.copytree(tmp_path / "one", readable)
        shutil.copytree(tmp_path / "one", f"{place}/closed")
        shutil.copytree(tmp_path / "one", f"{place}/half")
        Path(f"{place}/closed").chmod(0)
        Path(f"{place}/half/000.png").chmod(0)
        run = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, place],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        Path(f"{place}/closed").chmod(0o755)
    names, failures = run.stdout.splitlines()[-2:]
    assert names == "['half/000.jpg', 'readable/000.jpg', 'readable/000.png']"
    assert failures == (
        "[('closed', 'folder cannot be read: Permission denied'), "
        "('half/000.png', 'permission denied')]"
    )


def test_a_search_waits_for_no_pipe(tmp_path):
    write_pictures(tmp_path / "images", 2)
    os.mkfifo(tmp_path / "images" / "pipe.jpg")
    os.mkfifo(tmp_path / "images" / "pipe.tar")
    begin = time.monotonic()
    assert len(PHash(verbose=False).search(tmp_path / "images").names) == 4
    assert time.monotonic() - begin < 30
