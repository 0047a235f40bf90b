"""Processes that may open few files: no image is lost, or the run says that it cannot be done."""

import shutil
import tarfile

import pytest

from tests.conftest import photograph
from tests.faults.commands import Commands

FEW = 64
FEWER = (8, 12, 16, 20, 24, 32)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """500 pictures, of which 400 lie in 40 archives, and three videos where they can be read."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(100):
        photograph(number // 2, (64, 48)).save(folder / f"{number:03}.png")
    within = tmp_path_factory.mktemp("within") / "a.png"
    for number in range(40):
        with tarfile.open(folder / f"{number:03}.tar", "w") as archive:
            for place in range(10):
                photograph(1000 + 10 * number + place, (64, 48)).save(within)
                archive.add(within, f"{place}.png")
    for number in range(3):
        make_film(folder / f"{number}.mp4", number)
    return folder


def make_film(path, seed):
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", 1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for second in range(4):
            frame = av.VideoFrame.from_image(photograph(seed * 10 + second, (64, 48)))
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))


@pytest.mark.long
def test_every_command(pictures, tmp_path):
    runs = {
        "find": "find {pictures} -o {out}/found.json",
        "find, cnn": "find {pictures} -m cnn --verify -o {out}/found.csv",
        "encode": "encode {pictures} -o {out}/hashes.npz",
        "report": "report {pictures} -o {out}/report.html",
        "fastdup": "fastdup {pictures} --work_dir={out}/work",
        "remove": "remove {pictures}",
    }
    out = tmp_path / "out"
    survived = refused = 0
    with Commands() as commands:
        few = [pictures / "000.png", pictures / "001.png"]  # no archive, which stays open
        commands.warm(["find", *few, "-m", "cnn", "--verify"])
        for name, line in runs.items():
            arguments = line.format(pictures=pictures, out=out).split()
            good = run(commands, arguments, out, {})
            assert good[0].code == 0, good
            for most in (FEW, *(FEWER if name in ("find", "fastdup") else ())):
                ended, results = run(commands, arguments, out, {"NOFILE": most})
                assert "Traceback" not in ended.err, (name, most, ended.err)
                survived += 1
                if ended.code == 0:
                    assert (ended.out, ended.err, results) == (good[0].out, good[0].err, good[1])
                    continue
                assert most < FEW, (name, ended)
                assert ended.code == 1
                assert "oo many open files" in ended.err, (name, most, ended.err)
                refused += 1
    print(f"\nlimits of open files: {survived} survived, {refused} of them with a message")


def run(commands, arguments, out, limits):
    """What became of a run, and its results."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    ended = commands.run(*arguments, limits=limits)
    names = ("found.json", "found.csv", "work/similarity.csv")
    return ended, {name: (out / name).read_text() for name in names if (out / name).exists()}
