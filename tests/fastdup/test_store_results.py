"""Results belong to the features that they were computed from, and to one run each."""

import csv
import json
import os
import shutil
import zlib

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.checksums import block_checksums, file_digest
from imagededup.fastdup.store.files import DERIVED
from imagededup.fastdup.store.results import RunRecord
from imagededup.fastdup.store.work_dir import WorkDir
from tests.conftest import photograph
from tests.fastdup.killing import killed_runs
from tests.fastdup.test_extract import extract

SEARCHED = (
    "similarity.csv",
    "outliers.csv",
    "faiss.index",
    "components_info.csv",
    "connected_components.csv",
)


def table(count, seed=0, dimension=8):
    """Descriptors in pairs that are alike."""
    generator = np.random.default_rng(seed)
    half = generator.normal(size=(count // 2, dimension))
    return np.repeat(half, 2, axis=0) + generator.normal(0, 0.01, (count, dimension))


def save(folder, count=20, seed=0, prefix="image"):
    fastdup.save_binary_feature(folder, [f"{prefix}{n}" for n in range(count)], table(count, seed))


def results(folder):
    return {name: (folder / name).read_bytes() for name in DERIVED if (folder / name).exists()}


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture(scope="module")
def searched_once(tmp_path_factory):
    work = tmp_path_factory.mktemp("searched") / "work"
    save(work)
    assert fastdup.run(work_dir=work, run_mode=2) == 0
    return work


@pytest.fixture
def work(searched_once, tmp_path):
    """A folder of features of which everything is known."""
    return shutil.copytree(searched_once, tmp_path / "work")


class TestRecord:
    def test_it_ties_every_result_to_features_and_parameters(self, work):
        record = RunRecord.read(work)
        assert record.features == WorkDir(work).features().digest
        assert sorted(record.files) == sorted(SEARCHED)
        for name, entry in record.files.items():
            assert entry["digest"] == file_digest(work / name)
            assert entry["parameters"]["threshold"] == 0.85
            assert entry["parameters"]["faiss_mode"] == "HNSW32"

    def test_other_parameters(self, work):
        assert fastdup.run(work_dir=work, run_mode=2, threshold=0.5, distance="euclidean") == 0
        entry = json.loads((work / "run.json").read_text())["files"]["similarity.csv"]
        assert entry["parameters"]["threshold"] == 0.5
        assert entry["parameters"]["distance"] == "euclidean"

    def test_results_of_an_earlier_run_do_not_stay(self, work):
        assert fastdup.run(work_dir=work, run_mode=2, turi_param="run_degree=1") == 0
        assert (work / "degree_distribution.csv").exists()
        nothing = "run_cc=0,run_pagerank=0,run_degree=0"
        assert fastdup.run(work_dir=work, run_mode=2, turi_param=nothing) == 0
        assert sorted(results(work)) == ["faiss.index", "outliers.csv", "similarity.csv"]

    def test_turi_keeps_the_index_of_the_same_features(self, work):
        index = (work / "faiss.index").read_bytes()
        assert fastdup.run(work_dir=work, run_mode=2, nn_provider="turi") == 0
        assert (work / "faiss.index").read_bytes() == index
        assert RunRecord.read(work).files["faiss.index"]["parameters"]["nn_provider"] == "faiss"
        save(work, seed=1)
        assert fastdup.run(work_dir=work, run_mode=2, nn_provider="turi") == 0
        assert not (work / "faiss.index").exists()

    def test_new_features_remove_what_was_derived_from_others(self, work):
        save(work, seed=1)
        assert results(work) == {}
        assert not (work / "run.json").exists()

    def test_the_same_features_keep_it(self, work):
        before = results(work)
        save(work)
        assert results(work) == before
        assert len(fastdup.find_top_components(work)) == 10

    def test_the_same_descriptors_of_other_names_remove_it(self, work):
        save(work, prefix="other")
        assert results(work) == {}


class TestWhatDoesNotFit:
    def test_an_index_of_other_features_of_the_same_count(self, work, tmp_path, capsys):
        save(tmp_path / "other", seed=1)
        assert fastdup.run(work_dir=tmp_path / "other", run_mode=2) == 0
        save(tmp_path / "new", seed=1, prefix="new")
        for name in ("faiss.index", "run.json"):
            shutil.copy(tmp_path / "other" / name, work / name)
            assert fastdup.run(tmp_path / "new", work, run_mode=4) == 1
            message = capsys.readouterr().err
            assert "faiss.index" in message
            assert "run_mode=0 or 2 makes it again" in message
        assert fastdup.run(work_dir=work, run_mode=2) == 0
        assert fastdup.run(tmp_path / "new", work, run_mode=4) == 0

    @pytest.mark.parametrize("place", [0, 100, -1])
    def test_a_flipped_byte_of_the_index(self, place, work, tmp_path, capsys):
        save(tmp_path / "new", prefix="new")
        index = bytearray((work / "faiss.index").read_bytes())
        index[place] ^= 1
        (work / "faiss.index").write_bytes(index)
        assert fastdup.run(tmp_path / "new", work, run_mode=4) == 1
        assert "faiss.index' is damaged or has been changed" in capsys.readouterr().err
        assert fastdup.run(tmp_path / "new", work, run_mode=4, nn_provider="turi") == 0

    def test_an_index_of_another_distance(self, work, tmp_path, capsys):
        save(tmp_path / "new", prefix="new")
        assert fastdup.run(tmp_path / "new", work, run_mode=4, distance="euclidean") == 1
        assert "is for distance='cosine', got 'euclidean'" in capsys.readouterr().err

    def test_components_of_other_features(self, work, tmp_path):
        save(tmp_path / "other", prefix="other")
        for name in SEARCHED:
            shutil.copy(work / name, tmp_path / "other" / name)
        with pytest.raises(InvalidValueError, match="must be listed in run.json"):
            fastdup.find_top_components(tmp_path / "other")
        shutil.copy(work / "run.json", tmp_path / "other" / "run.json")
        with pytest.raises(InvalidValueError, match="computed from the stored features"):
            fastdup.find_top_components(tmp_path / "other")

    def test_components_that_were_changed(self, work):
        path = work / "connected_components.csv"
        path.write_text(path.read_text().replace("\n3,1,", "\n3,2,"))
        with pytest.raises(InvalidValueError, match="is damaged or has been changed"):
            fastdup.find_top_components(work)

    def test_components_that_were_not_asked_for(self, work):
        nothing = "run_cc=0,run_pagerank=0,run_degree=0"
        assert fastdup.run(work_dir=work, run_mode=2, turi_param=nothing) == 0
        with pytest.raises(InvalidValueError, match="connected_components.csv' is missing"):
            fastdup.find_top_components(work)

    @pytest.mark.parametrize("content", ["{", "[]", "{}", '{"features": "", "files": 3}'])
    def test_a_broken_record(self, content, work):
        (work / "run.json").write_text(content)
        with pytest.raises(InvalidValueError, match="run.json"):
            fastdup.find_top_components(work)
        assert fastdup.run(work_dir=work, run_mode=2) == 0
        assert len(fastdup.find_top_components(work)) == 10


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(4):
        photograph(number, (64, 48)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def finished(images, tmp_path_factory):
    work = tmp_path_factory.mktemp("finished") / "work"
    assert fastdup.run(images, work) == 0
    return work


@pytest.fixture
def stored(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "stored")


class TestNewImages:
    """Modes 3 and 4."""

    BOX = "rows=0,cols=0,width=50,height=40"

    def test_results_of_the_stored_images_stay(self, images, stored, tmp_path):
        before = results(stored)
        (tmp_path / "new").mkdir()
        photograph(2, (64, 48)).save(tmp_path / "new" / "copy.png")
        assert fastdup.run(tmp_path / "new", stored, run_mode=3) == 0
        after = results(stored)
        assert before.items() <= after.items()
        assert sorted(set(after) - set(before)) == ["query_outliers.csv", "query_similarity.csv"]
        pair = [str(tmp_path / "new" / "copy.png"), str(images / "2.png"), "1"]
        assert pair in rows(stored / "query_similarity.csv")
        assert sorted(RunRecord.read(stored).files) == sorted(after)
        photograph(9, (64, 48)).save(tmp_path / "new" / "copy.png")
        strict = {"threshold": 1, "lower_threshold": 1}
        assert fastdup.run(tmp_path / "new", stored, run_mode=3, **strict) == 0
        assert rows(stored / "query_similarity.csv") == []
        assert rows(stored / "query_outliers.csv")[0][0] == str(tmp_path / "new" / "copy.png")
        assert before.items() <= results(stored).items()
        assert fastdup.run(work_dir=stored, run_mode=2) == 0
        assert len(results(stored)) == len(after)

    def test_results_of_other_new_images_do_not_stay(self, stored, tmp_path):
        before = results(stored)
        (tmp_path / "new").mkdir()
        for number in (1, 2):
            photograph(number, (64, 48)).save(tmp_path / "new" / f"{number}.png")
            assert fastdup.run(tmp_path / "new", stored, run_mode=3, nearest_neighbors_k=1) == 0
            assert len(rows(stored / "query_similarity.csv")) == number
        photograph(3, (64, 48)).save(tmp_path / "new" / "3.png")
        extract(tmp_path / "new", stored, run_mode=3)  # as a run that was killed then
        assert results(stored) == before

    @pytest.mark.parametrize("mode", [3, 4])
    def test_another_box_does_not_fit(self, mode, images, stored, tmp_path, capsys):
        other = tmp_path / "other"
        assert fastdup.run(images, other, run_mode=1, bounding_box=self.BOX) == 0
        source = images if mode == 3 else other
        assert fastdup.run(source, stored, run_mode=mode, bounding_box=self.BOX) == 1
        message = capsys.readouterr().err
        assert "bounding_box must be ''" in message
        assert f"got '{self.BOX}'" in message
        assert fastdup.run(images, other, bounding_box=self.BOX) == 0
        assert fastdup.run(images, other, run_mode=3, bounding_box=self.BOX) == 0

    def test_a_stored_file_is_no_new_image(self, images, stored, tmp_path, caplog):
        new = tmp_path / "new"
        new.mkdir()
        os.link(images / "1.png", new / "hard link.png")
        (new / "link.png").symlink_to(images / "2.png")
        shutil.copy(images / "3.png", new / "copy.png")
        assert fastdup.run(new, stored, run_mode=3) == 0
        assert "2 images of input_dir are files that are stored already" in caplog.text
        assert {row[0] for row in rows(stored / "query_similarity.csv")} == {str(new / "copy.png")}
        caplog.clear()
        assert fastdup.run(new, tmp_path / "features", run_mode=1) == 0
        assert fastdup.run(tmp_path / "features", stored, run_mode=4) == 0
        assert "2 images of input_dir are files that are stored already" in caplog.text
        assert {row[0] for row in rows(stored / "query_similarity.csv")} == {str(new / "copy.png")}

    @pytest.mark.parametrize("mode", [3, 4])
    def test_stored_files_only(self, mode, images, stored, caplog):
        source = images if mode == 3 else stored
        assert fastdup.run(source, stored, run_mode=mode) == 0
        assert "4 images of input_dir are files that are stored already" in caplog.text
        assert rows(stored / "query_similarity.csv") == rows(stored / "query_outliers.csv") == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
class TestKilled:
    def test_tables_of_two_runs_are_never_side_by_side(self, work, tmp_path):
        before = results(work)
        killed, after = self.runs(work, tmp_path / "copies", run_mode=2)
        assert before["similarity.csv"] != after["similarity.csv"]
        assert len(killed) > 10
        for folder in killed:
            left = results(folder)
            assert left.items() <= before.items() or left.items() <= after.items()
            if (folder / "run.json").exists():
                assert left in (before, after)
                assert len(fastdup.find_top_components(folder)) == 10
            else:
                with pytest.raises(InvalidValueError, match=r"must be listed in run.json|missing"):
                    fastdup.find_top_components(folder)
            assert fastdup.run(work_dir=folder, run_mode=2) == 0
            assert results(folder) == before
            assert {path.name for path in folder.iterdir() if path.name[0] == "."} == {".lock"}

    def test_new_images_do_not_harm_the_results_of_stored_ones(self, work, tmp_path):
        before = results(work)
        save(tmp_path / "new", prefix="new")
        new = {"input_dir": tmp_path / "new", "run_mode": 4}
        killed, after = self.runs(work, tmp_path / "copies", **new)
        assert len(after) == len(before) + 2
        for folder in killed:
            left = results(folder)
            assert before.items() <= left.items() <= after.items()
            assert fastdup.run(work_dir=folder, run_mode=2) == 0
            assert before.items() <= results(folder).items()

    def runs(self, work, copies, **options):
        """The folders of the killed runs, and what the one that was not killed has written."""
        first = {"run_mode": 2, "nn_provider": "turi"}  # starts no threads of faiss
        options |= {"threshold": 0.9999, "lower_threshold": 1}
        killed, whole = killed_runs(work, copies, first=first, **options)
        return killed, results(whole)


@pytest.mark.parametrize("name", ["run.json", "faiss.index", "similarity.csv"])
def test_a_folder_where_a_result_should_be(name, work, capsys):
    (work / name).unlink()
    (work / name / "within").mkdir(parents=True)
    assert fastdup.run(work_dir=work, run_mode=2) == 1
    message = capsys.readouterr().err
    assert f"cannot write '{work / name}': " in message
    assert message.count("\n") == 1
    shutil.rmtree(work / name)
    assert fastdup.run(work_dir=work, run_mode=2) == 0


def test_temporary_files_of_killed_runs_are_removed(work):
    ours = [
        ".similarity.csv.0123456789abcdef",
        ".features_1000000_2000000.dat.npz.0123456789abcdef",
        "..features.dat.npz.new.0123456789abcdef",
        ".features.dat.journal.new",
        ".run.json.0123456789abcdef",
    ]
    others = [".holiday.jpg.0123456789abcdef", ".similarity.csv.bak", "notes.0123456789abcdef"]
    ours[1] = "." + ours[1][1:33] + ".0123456789abcdef"  # as long names are cut
    resumable = [".features.dat.partial", ".features_0_9.dat.journal", ".features.dat.new"]
    for name in [*ours, *others, *resumable, ".features_0_9.dat.0123456789abcdef"]:
        (work / name).touch()
    (work / ".results.new").mkdir()
    with WorkDir(work).lock("features_0_9"):
        kept = {path.name for path in work.iterdir()}
        assert kept >= {*ours, *others, *resumable, ".results.new"}
        assert ".features_0_9.dat.0123456789abcdef" not in kept
    with WorkDir(work).lock():
        kept = {path.name for path in work.iterdir()}
        assert kept >= {*others, *resumable}
        assert kept.isdisjoint([*ours, ".results.new"])


def test_a_checksum_for_every_block(tmp_path):
    content = np.random.default_rng(0).bytes(9_000_001)
    (tmp_path / "file").write_bytes(content)
    expected = [zlib.crc32(content[n : n + 1000]) for n in range(0, len(content), 1000)]
    assert block_checksums(tmp_path / "file", 1000).tolist() == expected
    assert len(block_checksums(tmp_path / "file")) == 9
    (tmp_path / "empty").touch()
    assert len(block_checksums(tmp_path / "empty")) == 0
    with pytest.raises(InvalidValueError, match="cannot read"):
        block_checksums(tmp_path / "none")
