"""Disks that become full at every moment of every run that writes."""

import json
from functools import partial

import pytest

from tests.faults.commands import Commands, why_no_mounts
from tests.faults.disks import PAGE, ROOMY, Disk
from tests.faults.jobs import (
    JOBS,
    contents,
    is_work_in_progress,
    make_inputs,
    pictures_of,
    shared_out,
    warm,
)


@pytest.fixture(autouse=True)
def _can_mount():
    if why_no_mounts():
        pytest.skip(why_no_mounts())


def check_files(job, before, now, good):
    """Nothing is half written under the name of a result, nothing is lost, nothing left over."""
    hidden = [name for name in now if name.rpartition("/")[2].startswith(".")]
    assert [n for n in hidden if not is_work_in_progress(n) and n not in good] == []
    for name, data in now.items():
        if name == "work/run.json":  # of the results that are there by now
            assert {f"work/{one}" for one in json.loads(data)["files"]} <= now.keys()
        elif not is_work_in_progress(name) and name not in ("journal", *hidden):
            assert is_whole(name, data, good) or data == before.get(name), name
    kept = before if not name_of_work(job) else {"other"}
    assert [name for name in kept if name not in now] == []


def name_of_work(job):
    """Whether results of earlier runs may go before new ones are there: they are no more true."""
    return "fastdup" in job.name


def is_whole(name, data, good):
    """Whether a file is that of an undisturbed run; some say when they were written."""
    if name.endswith((".pdf", ".svg")):
        return len(data) == len(good[name])
    return data == good.get(name)


def strike(disk, job):
    """Run a job on disks of several sizes; how many of them were too small."""
    disk.lay_out(job)
    before, least = contents(disk.stage.seen), disk.used()
    assert disk.run(job).code == 0
    good, pictures = contents(disk.stage.seen), pictures_of(disk.stage.own, disk.stage.seen)
    span = 1.3 * (disk.used() - least) + 1  # with room for what is there for a while only
    sizes = sorted({least + round(step * span / job.sizes) for step in range(job.sizes + 1)})
    full = 0
    for number, size in enumerate(sizes):
        disk.lay_out(job)
        disk.resize(PAGE * size)
        ended = disk.run(job)
        now = contents(disk.stage.seen)
        check_files(job, before, now, good)
        if job.moves:  # the journal is the only new file
            now_there = pictures_of(disk.stage.own, disk.stage.seen)
            assert not {data for data in pictures if data[:3] == b"\xff\xd8\xff"} - {*now_there}
        if ended.code == 0:
            continue
        full += 1
        check_message(job, ended)
        if not job.moves and (number < 2 or job.sizes > 5):
            disk.resize(ROOMY)
            assert disk.run(job).code == 0
            again = contents(disk.stage.seen)
            assert again.keys() == good.keys()
            other = [name for name, data in again.items() if not is_whole(name, data, good)]
            assert [name for name in other if not name.endswith(".lock")] == []
    return full


def check_message(job, ended):
    """One line that names a file and says what lacks."""
    if job.python:
        assert "FileOperationError: cannot write '" in ended.err
        assert "No space left on device" in ended.err
        return
    lines = [line for line in ended.err.splitlines() if "No space left on device" in line]
    assert ended.code == 1, ended
    assert "Traceback" not in ended.err
    if not job.moves:
        (line,) = lines
        assert line.startswith("imagededup: cannot write '"), ended.err
        assert line.endswith("make room there and run it again")


@pytest.mark.long
def test_every_writer(tmp_path):
    with Commands(mounts=True) as one, Commands(mounts=True) as other:
        make_inputs(tmp_path / "inputs", one)
        warm(other, tmp_path / "inputs")
        disks = [
            Disk(commands, tmp_path / str(number), tmp_path / "inputs")
            for number, commands in enumerate((one, other))
        ]
        found = shared_out(JOBS, [partial(strike, disk) for disk in disks])
    print(f"\nfull disks survived: {sum(found.values())}, of {len(found)} writers: {found}")
    assert all(full > 0 for full in found.values())
