"""A run describes only what no earlier run has described."""

import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagededup import fastdup
from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.binary_features import load_binary_feature
from imagededup.fastdup.store.states import (
    FeatureState,
    KnownImages,
    MadeBy,
    unknown_statistics,
)
from imagededup.fastdup.store.work_dir import WorkDir
from tests.conftest import photograph
from tests.fastdup.killing import killed_runs
from tests.fastdup.test_extract import extract, images_decoded

FEATURES = (
    "features.dat",
    "features.dat.csv",
    "features.dat.bad",
    "features.bad.csv",
    "features.dat.json",
    "features.dat.npz",
    "stats.csv",
)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Ten images and a broken one."""
    folder = tmp_path_factory.mktemp("originals")
    for number in range(10):
        photograph(number, (64, 48)).save(folder / f"{number:02}.png")
    (folder / "05b.png").write_bytes(b"broken")
    return folder


@pytest.fixture
def images(originals, tmp_path):
    """A copy of them that a test may change."""
    return shutil.copytree(originals, tmp_path / "images")


@pytest.fixture
def work(images, tmp_path):
    """A folder after an extraction of all."""
    extract(images, tmp_path / "work")
    return tmp_path / "work"


def stored(folder):
    return {name: (folder / name).read_bytes() for name in FEATURES}


def check_like_new(images, work, tmp_path, **parameters):
    """Check that the features are those of a run that began with nothing."""
    extract(images, tmp_path / "fresh", **parameters)
    assert stored(work) == stored(tmp_path / "fresh")


def names_of(paths):
    return sorted(Path(path).name for path in paths)


def test_nothing_changed(images, work, monkeypatch):
    before, opened = stored(work), images_decoded(monkeypatch)
    extract(images, work)
    assert opened == []
    assert stored(work) == before


@pytest.mark.parametrize("name", ["00a.png", "05a.png", "zz.png"])
def test_an_added_image(name, images, work, tmp_path, monkeypatch):
    photograph(77, (64, 48)).save(images / name)
    opened = images_decoded(monkeypatch)
    extract(images, work)
    assert names_of(opened) == [name]
    check_like_new(images, work, tmp_path)


def test_a_touched_image(images, work, tmp_path, monkeypatch):
    os.utime(images / "03.png", (1, 1))
    opened = images_decoded(monkeypatch)
    extract(images, work)
    assert names_of(opened) == ["03.png"]
    check_like_new(images, work, tmp_path)


def test_an_image_with_other_contents(images, work, tmp_path, monkeypatch):
    photograph(88, (64, 48)).save(images / "03.png")
    opened = images_decoded(monkeypatch)
    extract(images, work)
    assert names_of(opened) == ["03.png"]
    check_like_new(images, work, tmp_path)


def test_a_removed_and_a_renamed_image(images, work, tmp_path, monkeypatch):
    (images / "03.png").unlink()
    (images / "08.png").rename(images / "00b.png")
    opened = images_decoded(monkeypatch)
    assert extract(images, work).good == 9
    assert names_of(opened) == ["00b.png"]
    check_like_new(images, work, tmp_path)


def test_a_broken_image_that_is_mended(images, work, tmp_path, monkeypatch):
    photograph(5, (64, 48)).save(images / "05b.png")
    opened = images_decoded(monkeypatch)
    assert (extract(images, work).good, names_of(opened)) == (11, ["05b.png"])
    check_like_new(images, work, tmp_path)


def test_fewer_images(images, work, tmp_path, monkeypatch):
    opened = images_decoded(monkeypatch)
    assert extract(images, work, num_images=4).good == 4
    assert opened == []
    check_like_new(images, work, tmp_path, num_images=4)


def test_another_order(images, work, tmp_path, monkeypatch):
    listed = [str(images / f"{number:02}.png") for number in (7, 2, 9)]
    opened = images_decoded(monkeypatch)
    extract(listed, work)
    assert opened == []
    assert load_binary_feature(work / "features.dat")[0] == listed
    check_like_new(listed, work, tmp_path)


def test_another_box_describes_all_again(images, work, monkeypatch):
    opened = images_decoded(monkeypatch)
    extract(images, work, bounding_box="rows=0,cols=0,width=40,height=40")
    assert len(opened) == 11


def test_an_image_that_is_gone_and_comes_back(images, work, tmp_path):
    (images / "03.png").rename(tmp_path / "aside.png")
    listed = [str(images / f"{number:02}.png") for number in range(10)]
    assert extract(listed, work).bad == 1
    (tmp_path / "aside.png").rename(images / "03.png")
    assert extract(listed, work).bad == 0
    check_like_new(listed, work, tmp_path)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """150 small images: three blocks of descriptors."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(150):
        photograph(number, (32, 24)).save(folder / f"{number:03}.png")
    return folder


def test_a_flipped_byte_costs_its_block_only(many, tmp_path, monkeypatch, capsys, caplog):
    work = tmp_path / "work"
    extract(many, work)
    before = stored(work)
    features = bytearray(before["features.dat"])
    features[70 * 576 * 4 + 5] ^= 1
    (work / "features.dat").write_bytes(features)
    with pytest.raises(InvalidValueError, match="differ in 1 block of 64 rows, first at row 64"):
        load_binary_feature(work / "features.dat")
    assert fastdup.run(work_dir=work, run_mode=2) == 1
    message = capsys.readouterr().err
    assert "features.dat' is damaged" in message
    assert "run_mode=0 or 1 with the same images" in message
    opened = images_decoded(monkeypatch)
    extract(many, work)
    assert f"64 descriptors of {work / 'features.dat'} are damaged and not used" in caplog.text
    assert names_of(opened) == [f"{number:03}.png" for number in range(64, 128)]
    assert stored(work) == before


@pytest.mark.parametrize("length", [0, 10_000, 150 * 576 * 4 + 4, 192 * 576 * 4])
def test_another_length_of_the_features(length, many, tmp_path, monkeypatch):
    work = tmp_path / "work"
    extract(many, work)
    before = stored(work)
    changed = before["features.dat"].ljust(length, b"\0")[:length]
    (work / "features.dat").write_bytes(changed)
    opened = images_decoded(monkeypatch)
    extract(many, work)
    assert len(opened) == (150 if length < 64 * 576 * 4 else 22)
    assert stored(work) == before


@pytest.mark.parametrize("content", [None, b"", b"filename\n\xff\n", b'{"a": 1}'])
@pytest.mark.parametrize("name", FEATURES[1:])
def test_a_damaged_file_is_mended(name, content, images, work, monkeypatch):
    before = stored(work)
    if content is None:
        (work / name).unlink()
    else:
        (work / name).write_bytes(content)
    opened = images_decoded(monkeypatch)
    assert fastdup.run(images, work, run_mode=1) == 0
    assert len(opened) == (11 if name == "features.dat.npz" else 0)
    assert stored(work) == before


@pytest.mark.parametrize("name", ["features.dat.csv", "features.dat.json", "features.dat.npz"])
def test_a_damaged_file_is_not_searched(name, work, capsys):
    content = bytearray((work / name).read_bytes())
    content[len(content) // 2] ^= 1
    (work / name).write_bytes(content)
    if name != "features.dat.json":  # a digit of a count may be another
        assert fastdup.run(work_dir=work, run_mode=2) == 1
        assert name in capsys.readouterr().err


def test_every_flipped_byte_of_the_state_is_noticed(tmp_path):
    path = tmp_path / "state.npz"
    images = KnownImages(
        ["/a", "/b\n\udcff"], np.arange(2), np.arange(2), {1: "torn"}, unknown_statistics(2)
    )
    FeatureState(MadeBy("network", 3), images, np.arange(1, dtype=np.uint32)).write(path)
    state, whole = FeatureState.read(path), path.read_bytes()
    assert (state.images.paths, state.images.reasons) == (images.paths, images.reasons)
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            read = FeatureState.read(path)
        except InvalidValueError:
            continue
        assert read.images.paths == images.paths  # a byte of the archive that means nothing
        assert read.images.size.tolist() == [0, 1]
        assert read.checksums.tolist() == [0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_killed_run_loses_no_descriptor(images, work, tmp_path, monkeypatch):
    photograph(77, (64, 48)).save(images / "03a.png")
    (images / "08.png").unlink()
    options = {"input_dir": images, "run_mode": 1, "num_threads": 1}
    folders, _ = killed_runs(work, tmp_path / "copies", steps=3, **options)
    extract(images, tmp_path / "fresh")
    assert len(folders) > 5
    for folder in folders:
        opened = images_decoded(monkeypatch)
        extract(images, folder)
        assert len(opened) <= (
            1 if int(folder.name) < 6 else 0
        )  # the journal begins before the image
        assert stored(folder) == stored(tmp_path / "fresh")
        hidden = {path.name for path in folder.iterdir() if path.name.startswith(".")}
        assert hidden == {".lock"}


@pytest.mark.parametrize("name", FEATURES)
def test_a_folder_where_a_file_of_features_should_be(name, images, work, capsys):
    before = stored(work)
    (work / name).unlink()
    (work / name / "within").mkdir(parents=True)
    assert fastdup.run(images, work, run_mode=1) == 1
    message = capsys.readouterr().err
    assert f"cannot write '{work / name}': " in message
    shutil.rmtree(work / name)
    assert fastdup.run(images, work, run_mode=1) == 0
    assert stored(work) == before


class TestShards:
    def test_a_run_on_all_takes_them(self, images, tmp_path, monkeypatch):
        work = tmp_path / "work"
        extract(images, work, run_mode=1, max_offset=4)
        extract(images, work, run_mode=1, min_offset=6, max_offset=8)
        opened = images_decoded(monkeypatch)
        extract(images, work)
        assert len(opened) == 11 - 6
        assert len(WorkDir(work).features().names) == 10
        extract(images, tmp_path / "fresh")
        for name in ("features.dat", "features.dat.csv", "features.dat.npz"):
            assert (work / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()

    def test_joined_ones_are_taken_too(self, images, tmp_path, monkeypatch):
        work = tmp_path / "work"
        extract(images, work, run_mode=1, max_offset=6)
        extract(images, work, run_mode=1, min_offset=6)
        assert fastdup.run(work_dir=work, run_mode=2) == 0
        components = fastdup.find_top_components(work)
        opened = images_decoded(monkeypatch)
        extract(images, work, run_mode=0)
        assert opened == []
        assert fastdup.find_top_components(work) == components

    def test_a_shard_takes_from_the_whole(self, images, work, monkeypatch):
        opened = images_decoded(monkeypatch)
        extract(images, work, run_mode=1, min_offset=2, max_offset=7)
        assert opened == []
        assert len(load_binary_feature(work / "features_2_7.dat")[0]) == 4

    def test_a_damaged_shard_is_refused_and_described_again(self, images, tmp_path, monkeypatch):
        work = tmp_path / "work"
        extract(images, work, run_mode=1, max_offset=6)
        extract(images, work, run_mode=1, min_offset=6)
        shard = work / "features_0_6.dat"
        shard.write_bytes(b"\1" + shard.read_bytes()[1:])
        with pytest.raises(InvalidValueError, match="features_0_6.dat' is damaged"):
            WorkDir(work).features()
        opened = images_decoded(monkeypatch)
        extract(images, work)
        assert names_of(opened) == [f"{number:02}.png" for number in range(6)]

    @pytest.mark.parametrize("without", [".json", ".npz", ".csv"])
    def test_a_shard_without_a_file(self, without, images, tmp_path):
        work = tmp_path / "work"
        extract(images, work, run_mode=1, max_offset=6)
        extract(images, work, run_mode=1, min_offset=6)
        (work / f"features_0_6.dat{without}").unlink()
        assert fastdup.run(work_dir=work, run_mode=2) == (0 if without == ".npz" else 1)
        assert fastdup.run(images, work) == 0
        assert fastdup.run(work_dir=work, run_mode=2) == 0


@pytest.mark.parametrize(
    "modes",
    [
        "1 s 2",
        "s 0 2",
        "s 0 t 2",
        "s 2 t 2 0 2",
        "0 s 2 0 s 2",
        "s t f 2 0 2",
        "f s 2 1 2",
        "b s 2",
    ],
)
def test_no_sequence_of_runs_ends_in_a_folder_that_refuses_all(modes, images, tmp_path, caplog):
    """Runs of modes 0, 1 and 2, on shards (s, t), with foreign features (f), with a box (b)."""
    caplog.set_level(logging.ERROR)
    work = tmp_path / "work"
    box = "rows=0,cols=0,width=40,height=40"
    for step in modes.split():
        match step:
            case "s":
                fastdup.run(images, work, run_mode=1, max_offset=6)
            case "t":
                fastdup.run(images, work, run_mode=1, min_offset=5, max_offset=9)
            case "f":
                fastdup.save_binary_feature(work, ["a", "b"], np.eye(2, 576))
            case "b":
                fastdup.run(images, work, run_mode=1, bounding_box=box)
            case _:
                fastdup.run(images, work, run_mode=int(step))
    assert fastdup.run(images, work, run_mode=1) == 0
    assert fastdup.run(work_dir=work, run_mode=2) == 0
    assert len(load_binary_feature(work / "features.dat")[0]) == 10
    new = tmp_path / "new"
    new.mkdir()
    photograph(3, (64, 48)).save(new / "new.png")
    assert fastdup.run(new, work, run_mode=3) == 0
