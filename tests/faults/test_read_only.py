"""Disks that can only be read."""

import pytest

from tests.faults.commands import Commands, why_no_mounts
from tests.faults.disks import Disk
from tests.faults.jobs import JOBS, contents, make_inputs


@pytest.mark.long
@pytest.mark.skipif(why_no_mounts() is not None, reason=str(why_no_mounts()))
def test_every_writer(tmp_path):
    """One line names the file and says why, and nothing is changed."""
    with Commands(mounts=True) as commands:
        make_inputs(tmp_path / "inputs", commands)
        disk = Disk(commands, tmp_path / "0", tmp_path / "inputs")
        for job in JOBS:
            disk.lay_out(job)
            before = contents(disk.stage.own), contents(disk.stage.seen)
            disk.forbid_writing()
            ended = disk.run(job)
            disk.allow_writing()
            assert (contents(disk.stage.own), contents(disk.stage.seen)) == before
            assert ended.code == 1, (job.name, ended)
            assert "Read-only file system" in ended.err, (job.name, ended)
            if not job.python:
                assert "Traceback" not in ended.err, ended.err
                last = ended.err.splitlines()[-1]
                assert last.endswith("choose a place that can be written to"), ended.err
                assert str(disk.stage.place) in last
    print(f"\nread-only disks survived: {len(JOBS)}")


@pytest.mark.long
@pytest.mark.skipif(why_no_mounts() is not None, reason=str(why_no_mounts()))
def test_pictures_that_can_only_be_read(tmp_path):
    """What is searched need not be written to."""
    with Commands(mounts=True) as commands:
        make_inputs(tmp_path / "inputs", commands)
        disk = Disk(commands, tmp_path / "0", tmp_path / "inputs")
        inputs = tmp_path / "inputs"
        commands.shell(f"mount --bind {inputs} {inputs} && mount -o remount,bind,ro {inputs}")
        for job in JOBS:
            disk.lay_out(job)
            assert disk.run(job).code == 0, job.name
