"""One fault of each kind; the long tests of this folder strike everywhere."""

import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from imagededup.errors import FileOperationError
from imagededup.images.decode import load_image
from imagededup.sources.listing import list_images
from tests.faults.commands import Commands

resource = pytest.importorskip("resource")


@pytest.fixture(scope="module")
def commands():
    with Commands() as started:
        yield started


@pytest.fixture
def few_files():
    """Lower the number of files that this process may open, to a few more than it has open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    def lower(more):
        with Path("/dev/null").open() as next_one:
            least = next_one.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (least + more, before[1]))

    yield lower
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_termination_leaves_what_was_there(commands, photos, tmp_path):
    (tmp_path / "out").mkdir()
    result = tmp_path / "out" / "found.json"
    result.write_text("before")
    find = ["find", photos, "--no-cache", "-o", result]
    calls = commands.run(*find, event=0, signal=signal.SIGTERM)
    last = int(calls.err.splitlines()[-1])
    result.write_text("before")
    ended = commands.run(*find, event=last * 9 // 10, signal=signal.SIGTERM)
    assert (ended.code, ended.err.splitlines()[-1]) == (143, "imagededup: terminated")
    assert [path.name for path in result.parent.iterdir()] == ["found.json"]
    assert result.read_text() == "before"


def test_a_command_without_memory_for_threads_works_without_them(commands, photos, tmp_path):
    """Python would wait for ever for a thread that dies before its first line."""
    find = ["find", photos, "--no-cache", "-o", tmp_path / "found.json"]
    commands.warm(find)
    assert commands.run(*find, headroom=0, patience=30).code == 0


def test_a_run_whose_features_cannot_be_written_names_the_file(commands, photos, tmp_path):
    work = tmp_path / "work"
    ended = commands.run("fastdup", photos, f"--work_dir={work}", limits={"FSIZE": 8192})
    partial = work / ".features.dat.partial"
    assert ended.code == 1
    assert ended.err == f"imagededup: cannot write '{partial}': File too large\n"
    assert commands.run("fastdup", photos, f"--work_dir={work}").code == 0


def test_too_many_open_files_are_no_fault_of_an_image(photos, few_files):
    few_files(0)
    with pytest.raises(FileOperationError, match=r"cannot read '.*': Too many open files"):
        load_image(photos / "beach.png")
    with pytest.raises(FileOperationError, match=r"cannot read '.*': Too many open files"):
        list_images(photos)


def test_archives_are_closed_for_others(photos, few_files, tmp_path):
    for number in range(20):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as archive:
            archive.add(photos / "beach.png", "a.png")
    load_image(photos / "beach.png")  # imports what it needs
    few_files(4)
    found = list_images([str(tmp_path / f"{number}.tar") for number in range(20)])
    assert (len(found.names), found.failures) == (20, [])
    for name in found.names:
        assert load_image(name).shape == (240, 320, 3)
    assert load_image(photos / "city.png").shape == (240, 320, 3)


def test_what_can_be_done_is_said(commands, photos, tmp_path):
    ended = commands.run("find", photos, limits={"NOFILE": 4})
    assert ended.code == 1
    assert ended.err.endswith("; let the process open more files (ulimit -n) and run it again\n")


SIGNAL_IN_A_FINALIZER = """
import os, signal, sys, threading
from imagededup import __main__, cli

class Ends:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        sum(range(1000))

def command(arguments):
    one = Ends()
    del one
    threading.Event().wait(60)
    return 0

cli.run = command
__main__.main()
"""


def test_a_signal_within_a_finalizer_is_not_lost():
    command = [sys.executable, "-c", SIGNAL_IN_A_FINALIZER]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (143, "\nimagededup: terminated\n")
