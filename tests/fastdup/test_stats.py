"""stats.csv: what the runner measures of every image it describes."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image, ImageFilter

from imagededup import fastdup
from imagededup.fastdup.store.binary_features import save_binary_feature
from imagededup.fastdup.store.states import FeatureState
from tests.conftest import photograph, textured
from tests.fastdup.test_extract import contents, extract, images_decoded

HEADER = "filename,width,height,file_size,mean,stdv,min,max,contrast,blur,unique"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A dark, a white and a blurred picture, a sideways photograph, and a broken file."""
    folder = tmp_path_factory.mktemp("images")
    textured(1, (320, 240)).save(folder / "a, sharp.png")
    textured(1, (320, 240)).filter(ImageFilter.GaussianBlur(5)).save(folder / "b_blurred.png")
    photograph(2, (64, 48)).point(lambda level: level // 8).save(folder / "c_dark.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photograph(3, (800, 400)).save(folder / "d_sideways.jpg", exif=exif)
    Image.new("L", (30, 20), 255).save(folder / "e_white.png")
    (folder / "f_broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    extract(images, folder)
    return folder


@pytest.fixture
def work(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "work")


def table(folder, name="stats.csv"):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_good_image_in_the_order_of_the_descriptors(images, whole):
    assert (whole / "stats.csv").read_text().splitlines()[0] == HEADER
    rows = table(whole)
    assert [row["filename"] for row in rows] == fastdup.load_binary(whole / "features.dat")[0]
    sharp, blurred, dark, sideways, white = rows
    assert [sharp[side] for side in ("width", "height")] == ["320", "240"]
    assert [sideways[side] for side in ("width", "height")] == ["400", "800"]
    assert int(dark["file_size"]) == (images / "c_dark.png").stat().st_size
    assert float(blurred["blur"]) < float(sharp["blur"]) / 4
    assert float(dark["mean"]) < 32
    assert list(white.values())[1:3] == ["30", "20"]
    assert list(white.values())[4:] == ["255", "0", "255", "255", "0", "0", "1"]


def test_a_box_is_measured_and_the_size_is_that_of_the_image(images, tmp_path):
    extract(images, tmp_path, bounding_box="rows=0,cols=0,width=8,height=8")
    dark = table(tmp_path)[2]
    pixels = np.asarray(Image.open(images / "c_dark.png").convert("L"))[:8, :8]
    assert (dark["width"], dark["height"]) == ("64", "48")
    assert float(dark["mean"]) == pytest.approx(pixels.mean(), abs=1)


def test_shards_have_their_own_and_are_joined(images, whole, tmp_path):
    extract(images, tmp_path, run_mode=1, max_offset=2)
    extract(images, tmp_path, run_mode=1, min_offset=2)
    assert [len(table(tmp_path, f"stats_{part}.csv")) for part in ("0_2", "2_end")] == [2, 3]
    assert fastdup.run(work_dir=tmp_path, run_mode=2) == 0
    assert (tmp_path / "stats.csv").read_bytes() == (whole / "stats.csv").read_bytes()


def test_new_images_have_their_own(images, work, tmp_path):
    photograph(9, (64, 48)).save(tmp_path / "new.png")
    before = (work / "stats.csv").read_bytes()
    assert fastdup.run(images, work) == 0
    assert fastdup.run([tmp_path / "new.png"], work, run_mode=3) == 0
    assert [row["width"] for row in table(work, "query_stats.csv")] == ["64"]
    assert (work / "stats.csv").read_bytes() == before


@pytest.mark.parametrize("harm", ["remove", "change"])
def test_a_lost_table_is_written_again_without_decoding(harm, images, whole, work, monkeypatch):
    if harm == "remove":
        (work / "stats.csv").unlink()
    else:
        (work / "stats.csv").write_text(f"{HEADER}\nother.png,1,1,1,1,1,1,1,1,1,1\n")
    opened = images_decoded(monkeypatch)
    extract(images, work)
    assert (opened, contents(work)) == ([], contents(whole))


def test_one_new_image_is_measured_alone(images, work, tmp_path, monkeypatch):
    more = shutil.copytree(images, tmp_path / "more")
    extract(more, work)
    photograph(9, (64, 48)).save(more / "b.png")
    opened = images_decoded(monkeypatch)
    extract(more, work)
    assert (opened, len(table(work))) == ([f"{more}/b.png"], 6)
    extract(more, tmp_path / "fresh")
    assert contents(work) == contents(tmp_path / "fresh")


def test_a_work_folder_of_a_version_that_measured_nothing(images, work, monkeypatch, caplog):
    path = work / "features.dat.npz"
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored if name != "statistics"}
    np.savez(path, **arrays)
    (work / "stats.csv").unlink()
    opened = images_decoded(monkeypatch)
    for _ in range(2):
        caplog.clear()
        extract(images, work)
        assert f"5 images have empty cells in {work / 'stats.csv'}" in caplog.text
        assert f"Remove {path}" in caplog.text
    assert opened == []
    assert list(table(work)[2].values())[1:3] == ["", ""]
    path.unlink()
    extract(images, work)
    assert table(work)[2]["width"] == "64"


def test_features_from_elsewhere_have_none(work):
    save_binary_feature(work, ["a.jpg"], np.eye(1, 576))
    assert not (work / "stats.csv").exists()
    assert np.isnan(FeatureState.read(work / "features.dat.npz").images.statistics).all()
