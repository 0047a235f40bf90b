"""Images that are not there when they are described."""

import csv
import os

from imagededup import fastdup
from tests.conftest import photograph


def reasons(work):
    with (work / "features.bad.csv").open(encoding="utf-8", newline="") as file:
        return {row["filename"]: row["error"] for row in csv.DictReader(file)}


def test_one_that_has_come_since_is_described_however_old_and_small_it_is(tmp_path):
    photograph(0).save(tmp_path / "there.png")
    late, work = tmp_path / "late.png", tmp_path / "work"
    images = [str(tmp_path / "there.png"), str(late)]
    assert fastdup.run(images, work, run_mode=1) == 0
    missing = reasons(work)[str(late)]
    late.touch()
    os.utime(late, (0, 0))
    assert fastdup.run(images, work, run_mode=1) == 0
    assert reasons(work).keys() == {str(late)}
    assert reasons(work)[str(late)] != missing
    photograph(1).save(late)
    assert fastdup.run(images, work, run_mode=1) == 0
    assert reasons(work) == {}
    assert fastdup.load_binary_feature(work / "features.dat")[0] == images


def test_a_run_that_finds_all_unchanged_writes_no_features(tmp_path):
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        photograph(number).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    images, work = [str(path) for path in sorted(tmp_path.glob("*.png"))], tmp_path / "work"
    assert fastdup.run(images, work, run_mode=1) == 0
    written = {path.name: path.stat() for path in work.glob("features*")}
    assert len(written) == 6
    assert fastdup.run(images, work, run_mode=1) == 0
    for name, before in written.items():
        after = (work / name).stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), name
