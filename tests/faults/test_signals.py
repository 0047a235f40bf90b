"""Ctrl-C and SIGTERM at twenty moments of every command, spread over what it does and its time."""

import signal

import pytest

from tests.faults.commands import Commands
from tests.faults.jobs import (
    JOBS,
    Job,
    Stage,
    contents,
    is_work_in_progress,
    make_inputs,
    pictures_of,
    shared_out,
    warm,
)

MOMENTS = 20
STRUCK = (
    "find, JSON",
    "find, CSV, verified",
    "encode, npz",
    "encode --append",
    "report",
    "fastdup",
    "evaluate",
    "sweep",
    "plot, PNG",
    "remove --move-to",
)
ENDED = {
    signal.SIGINT: (130, "imagededup: interrupted"),
    signal.SIGTERM: (143, "imagededup: terminated"),
}


def check(job, kind, ended, before, now, good):
    """It ended at once or was done; nothing half written has the name of a result."""
    code, message = ENDED[kind]
    assert ended.code in (0, code, -kind), (job.name, ended)
    assert "Traceback" not in ended.err, ended.err
    assert "Exception ignored" not in ended.err, ended.err
    if ended.code == code:
        assert ended.err.splitlines()[-1] == message
    for name, data in now.items():
        last = name.rpartition("/")[2]
        if job.moves:
            assert last[0] != ".", f"left over: {name}"
        elif not (is_work_in_progress(name) or last == "run.json"):
            assert last[0] != "." or name in good, f"left over: {name}"
            assert data in (good.get(name), before.get(name)), name


def strike(commands, stage, job, kind):
    """Send a signal at each moment, and run again; how many of the runs it ended."""
    arguments, conditions = job.request(stage)
    job.lay_out(stage)
    before, pictures = contents(stage.seen), pictures_of(stage.own, stage.seen / "away")
    counted = commands.run(*arguments, **conditions, event=0, signal=kind)
    good, calls = contents(stage.seen), int(counted.err.splitlines()[-1])
    seconds = commands_time(commands, stage, job)
    ended_early = 0
    for moment in range(MOMENTS):
        job.lay_out(stage)
        half = (moment // 2 + 0.5) / (MOMENTS / 2)
        when = {"event": 1 + int(half * calls)} if moment % 2 else {"seconds": half * seconds}
        ended = commands.run(*arguments, **conditions, **when, signal=kind)
        now = contents(stage.seen)
        check(job, kind, ended, before, now, good)
        ended_early += ended.code != 0
        if job.moves:
            there = pictures_of(stage.own, stage.seen / "away")
            assert not pictures - there, "a picture is lost"
            undo(commands, stage, pictures)
        elif moment % 5 == 4 and job.name != "report":  # which asks before it replaces a page
            assert commands.run(*arguments, **conditions).code == 0
            again = contents(stage.seen)
            assert {name for name in good if again.get(name) != good[name]} <= {"work/.lock"}
            assert again.keys() == good.keys()
    return ended_early


def commands_time(commands, stage, job):
    arguments, conditions = job.request(stage)
    job.lay_out(stage)
    return commands.run(*arguments, **conditions).seconds


def undo(commands, stage, pictures):
    """What was moved by then goes back."""
    journal = stage.place / "journal"
    if (stage.seen / "journal").exists():
        ended = commands.run("restore", journal)
        assert ended.code == 0, ended
    there = pictures_of(stage.own)
    assert there == pictures


def restoring(commands):
    """A job that restores what another has removed."""
    removal = next(job for job in JOBS if job.name == "remove --move-to")

    def prepare(stage):
        removal.prepare(stage)
        arguments, _ = removal.request(stage)
        assert commands.run(*arguments).code == 0

    return Job("restore", "restore {place}/journal", prepare, moves=True)


@pytest.mark.long
@pytest.mark.parametrize("kind", ENDED, ids=lambda kind: kind.name)
def test_every_command(kind, tmp_path):
    with Commands() as one, Commands() as other:
        make_inputs(tmp_path / "inputs", one)
        warm(other, tmp_path / "inputs")

        def worker(commands, name):
            place = tmp_path / name / "out"
            place.mkdir(parents=True)
            place.with_name("own").mkdir()
            stage = Stage(tmp_path / "inputs", place.with_name("own"), place, place)
            return lambda job: strike(commands, stage, job, kind)

        jobs = [*(job for job in JOBS if job.name in STRUCK), restoring(one)]
        found = shared_out(jobs, [worker(one, "one"), worker(other, "other")])
    tried = MOMENTS * len(found)
    print(f"\n{kind.name}: {tried} sent, {sum(found.values())} before the end, all survived")
    assert all(early > MOMENTS // 3 for early in found.values()), found
