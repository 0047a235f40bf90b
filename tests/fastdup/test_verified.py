"""Pairs that a run verifies: what is written of them, and what a killed run keeps."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.cli import run as command
from imagededup.fastdup import verified
from imagededup.fastdup.store.checksums import file_digest
from imagededup.fastdup.store.results import RunRecord
from imagededup.fastdup.store.verdict_journal import VerdictJournal

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"
NAMES = (
    "flower.jpg",
    "flower, again.jpg",
    "flower_recompressed.jpg",
    "portrait.jpg",
    "portrait_smaller.jpg",
    "temple.jpg",
)
COLUMNS = (
    *("from", "to", "distance", "relation", "score", "rotation", "scale", "mirrored"),
    *("from_covered", "to_covered", "differing"),
)
SEARCH = {"run_mode": 2, "nn_provider": "turi", "nearest_neighbors_k": 5}


def alike(count):
    """Descriptors that are neighbours of each other, at similarities that all differ."""
    return np.stack([np.full(count, 10.0), 0.3 * np.arange(count) ** 1.5], axis=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Photographs, edited copies of them, and features by which all are alike."""
    root = tmp_path_factory.mktemp("verified")
    (root / "images").mkdir()
    for name in NAMES:
        shutil.copy(EXAMPLES / name.replace(", again", "_copy"), root / "images" / name)
    paths = [str(root / "images" / name) for name in NAMES]
    fastdup.save_binary_feature(root / "work", paths, alike(len(paths)))
    assert fastdup.run(work_dir=root / "work", verify=1, **SEARCH) == 0
    return root


@pytest.fixture
def work(made, tmp_path):
    """A copy of the work folder, of images that may be changed."""
    shutil.copytree(made / "images", tmp_path / "images")
    paths = [str(tmp_path / "images" / name) for name in NAMES]
    fastdup.save_binary_feature(tmp_path / "work", paths, alike(len(paths)))
    return tmp_path / "work"


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_first(pair):
    """Whether a pair of paths is in the order of the features."""
    left, right = (NAMES.index(Path(path).name) for path in pair)
    return left < right


def by_names(path):
    return {(Path(row["from"]).name, Path(row["to"]).name): row for row in rows(path)}


class TestTable:
    def test_every_pair_of_similarity_csv_once_in_its_order(self, made):
        with (made / "work" / "verified.csv").open(newline="") as file:
            header, *found = csv.reader(file)
        assert tuple(header) == COLUMNS
        similar = [tuple(row.values()) for row in rows(made / "work" / "similarity.csv")]
        assert len(similar) == 30
        assert [tuple(row[:3]) for row in found] == [row for row in similar if is_first(row[:2])]

    def test_copies_are_told_from_different_photographs(self, made):
        for (left, right), row in by_names(made / "work" / "verified.csv").items():
            if left.split(".")[0].split("_")[0][:6] == right[:6]:
                assert row["relation"] in ("identical", "copy")
                assert float(row["score"]) > 0.9
            else:
                assert row["relation"] in ("unrelated", "undecided")
                assert float(row["score"]) < 0.5

    def test_the_map_of_copies_is_that_of_their_edit(self, made):
        row = by_names(made / "work" / "verified.csv")["portrait.jpg", "portrait_smaller.jpg"]
        assert float(row["rotation"]) == pytest.approx(0, abs=1)
        assert row["mirrored"] == "0"
        assert float(row["from_covered"]) > 0.95
        assert float(row["to_covered"]) > 0.95
        assert float(row["differing"]) < 0.1

    def test_pairs_that_do_not_show_the_same_have_no_map(self, made):
        row = by_names(made / "work" / "verified.csv")["flower.jpg", "temple.jpg"]
        assert [row[column] for column in COLUMNS[5:]] == [""] * 6
        assert row["score"] != ""

    def test_it_is_told_what_was_found(self, work, capsys):
        assert fastdup.run(work_dir=work, verify=1, **SEARCH) == 0
        line = capsys.readouterr().out.splitlines()[-1]
        assert line.startswith("15 pairs verified: ")
        assert line.endswith(f", in {work / 'verified.csv'}")
        found = [row["relation"] for row in rows(work / "verified.csv")]
        for relation in set(found):
            assert f"{found.count(relation)} {relation}" in line

    def test_it_is_tied_to_its_features(self, made):
        record = RunRecord.read(made / "work")
        for name in ("similarity.csv", "verified.csv", "verified.bad.csv"):
            assert record.files[name]["digest"] == file_digest(made / "work" / name)
            assert record.files[name]["parameters"]["verify"] is True

    def test_no_pairs(self, work, capsys):
        assert fastdup.run(work_dir=work, verify=1, **SEARCH, threshold=1) == 0
        assert (work / "verified.csv").read_text() == ",".join(COLUMNS) + "\n"
        assert f"0 pairs verified, in {work / 'verified.csv'}\n" in capsys.readouterr().out

    @pytest.mark.parametrize(("threads", "chunk"), [(1, 2048), (3, 4)])
    def test_threads_and_chunks_do_not_matter(self, made, work, threads, chunk, monkeypatch):
        monkeypatch.setattr(verified, "_PAIRS_PER_CHUNK", chunk)
        assert fastdup.run(work_dir=work, verify=1, **SEARCH, num_threads=threads) == 0
        expected = (made / "work" / "verified.csv").read_text()
        assert (work / "verified.csv").read_text() == expected.replace(
            str(made / "images"), str(work.parent / "images")
        )


class TestNewImages:
    def test_mode_4(self, made, work, tmp_path, capsys):
        assert fastdup.run(work_dir=work, **SEARCH) == 0
        new = tmp_path / "new.jpg"
        shutil.copy(EXAMPLES / "temple_recompressed.jpg", new)
        fastdup.save_binary_feature(tmp_path / "new", [str(new)], alike(6)[5:] + 0.001)
        options = {**SEARCH, "run_mode": 4, "verify": 1}
        assert fastdup.run(tmp_path / "new", work, **options) == 0
        found = by_names(work / "query_verified.csv")
        assert set(found) == {("new.jpg", name) for name in NAMES[1:]}
        relations = {right: row["relation"] for (_, right), row in found.items()}
        assert relations.pop("temple.jpg") == "copy"
        assert set(relations.values()) <= {"unrelated", "undecided"}
        assert "5 pairs verified: 1 copy, 4 un" in capsys.readouterr().out
        assert not (work / "verified.csv").exists()
        assert rows(work / "query_verified.bad.csv") == []
        assert {"query_verified.csv", "similarity.csv"} < set(RunRecord.read(work).files)
        assert fastdup.run(tmp_path / "new", work, **{**options, "verify": 0}) == 0
        assert not (work / "query_verified.csv").exists()

    def test_mode_3_keeps_what_is_known_of_the_stored_images(self, tmp_path):
        stored, new = tmp_path / "stored", tmp_path / "new"
        stored.mkdir()
        new.mkdir()
        for name in ("flower", "temple"):
            shutil.copy(EXAMPLES / f"{name}.jpg", stored)
        shutil.copy(EXAMPLES / "flower_recompressed.jpg", stored / "flower_again.jpg")
        shutil.copy(EXAMPLES / "temple_smaller.jpg", new / "small.jpg")
        assert fastdup.run(stored, tmp_path / "work", verify=1) == 0
        before = (tmp_path / "work" / "verified.csv").read_bytes()
        assert b"flower.jpg" in before
        assert fastdup.run(new, tmp_path / "work", run_mode=3, verify=1) == 0
        found = by_names(tmp_path / "work" / "query_verified.csv")
        assert found["small.jpg", "temple.jpg"]["relation"] == "copy"
        assert (tmp_path / "work" / "verified.csv").read_bytes() == before


class TestImagesThatAreGone:
    def test_their_pairs_are_undecided_and_they_are_listed(self, work, capsys):
        (work.parent / "images" / "temple.jpg").unlink()
        (work.parent / "images" / "portrait.jpg").write_bytes(b"no image")
        assert fastdup.run(work_dir=work, verify=1, **SEARCH) == 0
        found = by_names(work / "verified.csv")
        assert len(found) == 15
        for pair, row in found.items():
            if "temple.jpg" in pair or "portrait.jpg" in pair:
                assert [row[column] for column in COLUMNS[3:]] == ["undecided", *[""] * 7]
            else:
                assert row["score"] != ""
        bad = rows(work / "verified.bad.csv")
        assert [Path(row["filename"]).name for row in bad] == ["portrait.jpg", "temple.jpg"]
        assert bad[0]["error"] == "not an image, or of an unknown format"
        assert bad[1]["error"]
        message = f"2 images could not be read, listed in {work / 'verified.bad.csv'}\n"
        assert capsys.readouterr().out.endswith(message)

    @pytest.mark.parametrize("mode", [2, 3, 4])
    def test_of_all_images_is_an_error_before_anything_is_done(self, made, tmp_path, mode, capsys):
        work = tmp_path / "work"
        fastdup.save_binary_feature(work, ["/gone/a.jpg", "/gone/b.jpg"], alike(2))
        assert fastdup.run(work_dir=work, **SEARCH) == 0
        before = (work / "run.json").read_bytes()
        options = {**SEARCH, "run_mode": mode, "verify": 1}
        assert fastdup.run(made / ("images" if mode == 3 else "work"), work, **options) == 1
        assert capsys.readouterr().err == (
            "imagededup: verify=1 needs the images themselves, but none of the 2 files that "
            f"'{work / 'features.dat.csv'}' names is there, such as '/gone/a.jpg'\n"
        )
        assert (work / "run.json").read_bytes() == before

    def test_of_all_new_images(self, work, tmp_path, capsys):
        assert fastdup.run(work_dir=work, **SEARCH) == 0
        fastdup.save_binary_feature(tmp_path / "new", ["/gone/c.jpg"], alike(1))
        options = {**SEARCH, "run_mode": 4, "verify": 1}
        assert fastdup.run(tmp_path / "new", work, **options) == 1
        assert "none of the 1 file" in capsys.readouterr().err


class TestOtherRuns:
    @pytest.mark.parametrize("verify", [0, 1])
    def test_what_an_earlier_search_has_verified_does_not_stay(self, made, tmp_path, verify):
        work = shutil.copytree(made / "work", tmp_path / "work")
        assert fastdup.run(work_dir=work, **SEARCH, threshold=0.999, verify=verify) == 0
        assert (work / "verified.csv").exists() == bool(verify)
        if verify:
            found = [tuple(row.values())[:2] for row in rows(work / "verified.csv")]
            similar = [tuple(row.values())[:2] for row in rows(work / "similarity.csv")]
            assert 0 < len(found) < 15
            assert found == [pair for pair in similar if is_first(pair)]

    def test_new_features_remove_it(self, made, tmp_path):
        work = shutil.copytree(made / "work", tmp_path / "work")
        fastdup.save_binary_feature(work, ["a", "b"], alike(2))
        assert not (work / "verified.csv").exists()
        assert not (work / "verified.bad.csv").exists()

    def test_it_is_no_image(self, made, tmp_path):
        folder = shutil.copytree(made / "images", tmp_path / "images")
        shutil.copy(made / "work" / "verified.csv", folder)
        shutil.copy(made / "work" / "verified.csv", folder / "mine.csv")
        assert fastdup.run(folder, folder, run_mode=1) == 0
        assert [Path(row["filename"]).name for row in rows(folder / "features.bad.csv")] == [
            "mine.csv"
        ]


def test_wrong_values_in_the_shell(work, capsys):
    arguments = ["fastdup", f"--work_dir={work}", "--run_mode=2"]
    for value, message in (("2", "verify must be 0 or 1, got 2"), ("yes", "'--verify'")):
        assert command([*arguments, f"--verify={value}"]) == 2
        assert message in capsys.readouterr().err


_KILLED = """
import os, signal, sys
from imagededup import fastdup

search = {"run_mode": 2, "nn_provider": "turi", "nearest_neighbors_k": 5}
assert fastdup.run(work_dir=sys.argv[2], **search) == 0
assert "cv2" not in sys.modules

from imagededup.fastdup import verified
from imagededup.fastdup.store.verdict_journal import VerdictJournal

verified._PAIRS_PER_CHUNK = 4
append, calls = VerdictJournal.append, []
def killing(journal, *arguments):
    append(journal, *arguments)
    calls.append(arguments)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
VerdictJournal.append = killing
fastdup.run(work_dir=sys.argv[1], verify=1, **search)
"""


@pytest.fixture(scope="module")
def killed_once(made):
    """A run that was killed when 8 of 15 pairs were verified, after an earlier one had ended.

    In the same process a run without verification, in a folder beside, has loaded no OpenCV.
    """
    work, plain = (shutil.copytree(made / "work", made / name) for name in ("killed", "plain"))
    command = [sys.executable, "-c", _KILLED, str(work), str(plain)]
    process = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    assert process.returncode == -signal.SIGKILL
    return work


@pytest.fixture
def killed(killed_once, tmp_path, monkeypatch):
    """A copy of its work folder."""
    monkeypatch.setattr(verified, "_PAIRS_PER_CHUNK", 4)
    return shutil.copytree(killed_once, tmp_path / "killed")


@pytest.fixture
def looked_at(monkeypatch):
    """The numbers of pairs that were verified, call by call."""
    counts = []
    verify_pairs = verified.verify_pairs

    def counting(left, *arguments):
        counts.append(len(left))
        return verify_pairs(left, *arguments)

    monkeypatch.setattr(verified, "verify_pairs", counting)
    return counts


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
class TestKilled:
    def check(self, made, work):
        """That the folder is as if no run had been killed."""
        for name in ("verified.csv", "verified.bad.csv"):
            assert (work / name).read_bytes() == (made / "work" / name).read_bytes()
        assert {path.name for path in work.iterdir() if path.name[0] == "."} == {".lock"}

    def test_no_table_of_an_earlier_run_stays(self, killed):
        assert not (killed / "verified.csv").exists()
        assert len(rows(killed / "similarity.csv")) == 30
        assert "verified.csv" not in RunRecord.read(killed).files

    def test_the_next_run_goes_on(self, made, killed, looked_at):
        assert fastdup.run(work_dir=killed, verify=1, **SEARCH) == 0
        assert looked_at == [4, 3]
        self.check(made, killed)

    def test_pairs_of_a_file_that_has_changed_are_verified_again(self, made, killed, looked_at):
        image = made / "images" / NAMES[0]  # its pairs come first
        before = image.stat()
        os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
        try:
            assert fastdup.run(work_dir=killed, verify=1, **SEARCH) == 0
        finally:
            os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert looked_at == [4, 4, 4, 3]
        self.check(made, killed)

    @pytest.mark.parametrize("place", [0, 300, -1])
    def test_a_flipped_byte_in_the_journal(self, made, killed, looked_at, place):
        journal = killed / ".verified.journal"
        content = bytearray(journal.read_bytes())
        content[place] ^= 1
        journal.write_bytes(content)
        assert fastdup.run(work_dir=killed, verify=1, **SEARCH) == 0
        assert sum(looked_at) == {0: 15, 300: 15, -1: 11}[place]
        self.check(made, killed)

    def test_a_journal_that_ends_within_a_chunk(self, made, killed, looked_at):
        journal = killed / ".verified.journal"
        os.truncate(journal, journal.stat().st_size - 5)
        assert fastdup.run(work_dir=killed, verify=1, **SEARCH) == 0
        assert looked_at == [4, 4, 3]
        self.check(made, killed)

    def test_a_folder_where_the_journal_should_be(self, work, capsys):
        (work / ".verified.journal").mkdir()
        assert fastdup.run(work_dir=work, verify=1, **SEARCH) == 1
        assert f"cannot write '{work / '.verified.journal'}'" in capsys.readouterr().err


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b'[0, "a", -1, {}]\n', b"\xff\n", b'["a"'])
def test_lines_that_are_none_of_a_journal(line, tmp_path):
    row = np.dtype([("score", np.float32)])
    path = tmp_path / "journal"
    with VerdictJournal(path, row):
        pass
    header = path.read_bytes()
    path.write_bytes(header + line)
    with VerdictJournal(path, row) as journal:
        assert journal.find("a") is None
    assert path.read_bytes() == header
