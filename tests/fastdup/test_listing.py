"""What a run takes as its input, and what it leaves alone."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.fastdup.listing import list_images
from tests.conftest import photograph
from tests.fastdup.test_extract import save_flattening_model


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Pictures, one of them with a comma and quotation marks in its name, one in a folder."""
    folder = tmp_path_factory.mktemp("album")
    (folder / "deep").mkdir()
    for name in ("a.png", 'b, "c".png', "deep/d.png"):
        photograph(3, (32, 24)).save(folder / name)
    return folder


def listed(source, work):
    return [os.path.relpath(path, source) for path in list_images(str(source), work).paths()]


class TestListFiles:
    def paths(self, tmp_path, text):
        table = tmp_path / "list.txt"
        table.write_text(text, encoding="utf-8", newline="")
        return list(list_images(str(table), tmp_path / "work").paths())

    def test_rows_with_quotation_marks(self, album, tmp_path):
        quoted = '"' + str(album / 'b, "c".png').replace('"', '""') + '"'
        found = self.paths(tmp_path, f'"{album / "a.png"}"\r\n{quoted}\n')
        assert found == [str(album / "a.png"), str(album / 'b, "c".png')]

    @pytest.mark.parametrize("row", ['""', '"', "", '"/b.png', '/b.png"'])
    def test_marks_that_are_no_pair(self, tmp_path, row):
        expected = [] if row in ('""', "") else [str(Path(row).absolute())]
        assert self.paths(tmp_path, f"{row}\n/a.png\n") == [*expected, "/a.png"]

    def test_a_name_that_has_quotation_marks_itself(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / '"x.png"').touch()
        assert self.paths(tmp_path, '"x.png"\n') == [str(tmp_path / '"x.png"')]

    @pytest.mark.parametrize(
        "header", ["filename", '"filename"', "filename,error", "\ufefffilename"]
    )
    def test_a_table_with_the_header_filename(self, tmp_path, header):
        text = f'{header}\n/a.png,broken\n"/b, c.png","not, an image"\n\n"/two\nlines.png"\n'
        assert self.paths(tmp_path, text) == ["/a.png", "/b, c.png", "/two\nlines.png"]

    def test_the_list_that_a_run_writes_is_one(self, album, tmp_path):
        work = tmp_path / "work"
        assert fastdup.run(album, work, run_mode=1) == 0
        found = list(list_images(str(work / "features.dat.csv"), tmp_path).paths())
        assert found == fastdup.load_binary_feature(work / "features.dat")[0]
        assert len(found) == 3

    def test_rows_that_are_folders_stand_for_their_images(self, album, tmp_path):
        found = self.paths(tmp_path, f"{album / 'a.png'}\n{album / 'deep'}\n")
        assert found == [str(album / "a.png"), str(album / "deep" / "d.png")]

    def test_a_row_of_5000_characters_is_a_bad_image(self, album, tmp_path, capsys):
        table = tmp_path / "list.txt"
        table.write_text(f"{album / 'a.png'}\n/{'x' * 5000}.png\n")
        assert fastdup.run(table, tmp_path / "work", run_mode=1) == 0
        assert "1 good image, 1 bad image" in capsys.readouterr().out


class TestWorkFoldersInside:
    @staticmethod
    def work_folder(folder, names):
        fastdup.save_binary_feature(folder, names, np.ones((len(names), 4), np.float32))
        (folder / "config.json").write_text("{}")
        (folder / "faiss.index").touch()
        (folder / "thumbnail.png").touch()

    def test_they_are_left_out(self, album, tmp_path):
        source = shutil.copytree(album, tmp_path / "source")
        before = listed(source, tmp_path / "work")
        assert len(before) == 3
        self.work_folder(source / "deep" / "other work", ["/elsewhere/a.png"])
        self.work_folder(source / "work", [str(album / "a.png")])
        assert listed(source, tmp_path / "work") == before
        assert listed(source, source / "work") == before

    def test_the_images_of_a_folder_that_was_its_own_work_folder_stay(self, album, tmp_path):
        source = shutil.copytree(album, tmp_path / "source")
        self.work_folder(source / "deep", [str(source / "deep" / "d.png")])
        found = listed(source, tmp_path / "work")
        assert found == ["a.png", 'b, "c".png', "deep/d.png", "deep/thumbnail.png"]

    def test_results_in_the_input_itself_are_left_out(self, album, tmp_path):
        source = shutil.copytree(album, tmp_path / "source")
        assert fastdup.run(source, source, run_mode=0) == 0
        assert listed(source, source) == listed(album, tmp_path)
        assert listed(source, tmp_path) == listed(album, tmp_path)


class TestNothingIsMade:
    @pytest.mark.parametrize("mode", [0, 1, 3, 4])
    def test_for_an_input_that_does_not_exist(self, tmp_path, mode, capsys):
        assert fastdup.run(tmp_path / "photso", tmp_path / "work", run_mode=mode) == 1
        assert "photso' does not exist" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("mode", [2, 3, 4])
    def test_for_a_work_folder_that_does_not_exist(self, album, tmp_path, mode, capsys):
        assert fastdup.run(album, tmp_path / "wrok", run_mode=mode) == 1
        assert "wrok' does not exist" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("faiss_mode", ["HNSW1", "PQ7", "IVF0,Flat", "Nonsense"])
    def test_for_a_factory_string_that_faiss_cannot_take(self, album, tmp_path, faiss_mode):
        with pytest.raises(ValueError, match=f"^faiss_mode must .*'{faiss_mode[:4]}"):
            fastdup.run(album, tmp_path / "work", faiss_mode=faiss_mode)
        assert list(tmp_path.iterdir()) == []


def test_mode_2_ignores_the_input_and_says_so_of_offsets(tmp_path, caplog, capsys):
    fastdup.save_binary_feature(tmp_path, ["a", "b"], np.ones((2, 4), np.float32))
    for ignored in ("", [], None, "/no/such", 3):
        assert fastdup.run(ignored, tmp_path, run_mode=2) == 0
    assert caplog.messages == []
    with caplog.at_level(logging.WARNING, "imagededup"):
        assert fastdup.run("", tmp_path, run_mode=2, min_offset=1, max_offset=2) == 0
    assert caplog.messages == [
        "min_offset has no effect with run_mode=2",
        "max_offset has no effect with run_mode=2",
    ]
    assert "2 images searched: 1 pair, 0 outliers, 1 component" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["features.dat", "config.json", "features.dat.csv", "faiss.index"])
def test_a_folder_in_the_place_of_a_file_is_one_line(album, tmp_path, capsys, name):
    (tmp_path / name).mkdir()
    assert fastdup.run(album, tmp_path) == 1
    error = capsys.readouterr().err
    assert error.startswith("imagededup: ")
    assert error.count("\n") == 1
    assert str(tmp_path) in error


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "3",
        "null",
        "{",
        '{"model": 3}',
        '{"version": 1, "model": [], "dimension": "x", "parameters": 3}',
    ],
)
@pytest.mark.parametrize("name", ["config.json", "features.dat.json", "run.json"])
def test_wrong_types_in_stored_records_are_one_line(tmp_path, capsys, name, content):
    fastdup.save_binary_feature(tmp_path, ["a", "b"], np.ones((2, 4), np.float32))
    (tmp_path / name).write_text(content)
    code = fastdup.run(work_dir=tmp_path, run_mode=2)
    error = capsys.readouterr().err
    assert code in (0, 1)
    assert error.count("\n") == code


def test_a_factory_string_that_does_not_fit_the_model_ends_the_run_before_it_describes(
    album, tmp_path, capsys
):
    save_flattening_model(tmp_path / "model.onnx", ["n", 3, 8, 6])
    options = {"model_path": tmp_path / "model.onnx", "faiss_mode": "PQ5"}
    assert fastdup.run(album, tmp_path / "work", **options) == 1
    assert "a divisor of 144, the length of the features, in 'PQ5'" in capsys.readouterr().err
    assert not (tmp_path / "work" / "features.dat").exists()
