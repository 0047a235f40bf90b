"""Standard output that is closed, full, or left by its reader, under every command."""

import pytest

from tests.faults.commands import Commands
from tests.faults.jobs import JOBS, Stage, contents, make_inputs, pictures_of

LOST = {
    "closed": "cannot write to standard output: it is closed",
    "/dev/full": "cannot write to standard output: no space left on device",
    "left": None,
}


@pytest.mark.long
def test_every_command(tmp_path):
    """The work is done all the same, but for a removal, which nobody would hear of."""
    tried = 0
    with Commands() as commands:
        make_inputs(tmp_path / "inputs", commands)
        (tmp_path / "own").mkdir()
        place = tmp_path / "out"
        place.mkdir()
        stage = Stage(tmp_path / "inputs", tmp_path / "own", place, place)
        for job in JOBS:
            if job.python:
                continue
            arguments, _ = job.request(stage)
            job.lay_out(stage)
            pictures = pictures_of(stage.own)
            assert commands.run(*arguments).code == 0
            good = contents(place)
            for output, message in LOST.items():
                job.lay_out(stage)
                ended = commands.run(*arguments, output=output)
                tried += 1
                assert "Traceback" not in ended.err, ended
                if job.moves:
                    assert ended.code == 1
                    assert "stopped, standard output" in ended.err
                    assert not pictures - pictures_of(stage.own, place)
                    continue
                assert ended.code == (0 if message is None else 1), (job.name, output, ended)
                assert message is None or message in ended.err
                now = contents(place)
                assert now.keys() == good.keys()
                other = [name for name in good if len(now[name]) != len(good[name])]
                assert [name for name in other if not name.endswith(".lock")] == []
    print(f"\nlost outputs survived: {tried}")
