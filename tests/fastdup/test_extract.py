import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imagededup.errors import InvalidValueError, ModelError, UnreadableImageError
from imagededup.fastdup import extract as extraction
from imagededup.fastdup.config import BoundingBox, RunConfig
from imagededup.fastdup.extract import crop, extract_features
from imagededup.fastdup.store.binary_features import load_binary_feature, save_binary_feature
from imagededup.fastdup.store.files import FeatureFiles, FeatureRecord
from imagededup.fastdup.store.journal import Journal
from imagededup.fastdup.store.work_dir import WorkDir, stem_of
from imagededup.methods import CNN
from tests.conftest import photograph

COUNT = 24


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Images in two folders, three of them broken."""
    folder = tmp_path_factory.mktemp("images")
    (folder / "more, or less").mkdir()
    for number in range(COUNT):
        place = folder / "more, or less" if number % 3 == 0 else folder
        photograph(number, (64, 48)).save(place / f"{number:02}.png")
    for name in ("05b.png", "11b.png", "more, or less/a.jpg"):
        (folder / name).write_bytes(b"broken")
    return folder


def extract(input_dir, folder, **parameters):
    work = WorkDir(folder)
    config = RunConfig(input_dir, work_dir=folder, num_threads=1, **parameters)
    with work.lock(stem_of(config)):
        return extract_features(config, work)


def contents(folder):
    """The files of features that a run leaves behind."""
    return {
        path.name: path.read_bytes()
        for path in sorted(Path(folder).iterdir())
        if path.name != "config.json" and not path.name.endswith(".lock")
    }


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """The folder of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    extract(images, folder)
    return folder


def images_decoded(monkeypatch):
    """Count which images are opened from now on."""

    opened = []
    load = extraction.load_with_size
    monkeypatch.setattr(
        extraction,
        "load_with_size",
        lambda path, *rest: (opened.append(path), load(path, *rest))[1],
    )
    return opened


def test_good_and_bad_images_are_stored_and_counted(images, tmp_path, capsys):
    result = extract(images, tmp_path)
    assert (result.good, result.bad) == (COUNT, 3)
    printed = capsys.readouterr().out
    assert printed == f"24 good images, 3 bad images, listed in {tmp_path / 'features.bad.csv'}\n"
    names, features = load_binary_feature(tmp_path / "features.dat")
    assert names == sorted(names)
    assert all(Path(name).is_absolute() and Path(name).is_file() for name in names)
    assert features.shape == (COUNT, 576)
    assert (tmp_path / "features.bad.csv").read_text() == (
        "filename,error\n"
        f'{images}/05b.png,"not an image, or of an unknown format"\n'
        f'{images}/11b.png,"not an image, or of an unknown format"\n'
        f'"{images}/more, or less/a.jpg","not an image, or of an unknown format"\n'
    )
    assert (tmp_path / "features.dat.bad").read_text() == (
        f'filename\n{images}/05b.png\n{images}/11b.png\n"{images}/more, or less/a.jpg"\n'
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",
        "config.json",
        "features.bad.csv",
        "features.dat",
        "features.dat.bad",
        "features.dat.csv",
        "features.dat.json",
        "features.dat.npz",
        "stats.csv",
    ]


def test_descriptors_are_those_of_the_encoder(images, whole):
    names, features = load_binary_feature(whole / "features.dat")
    encoder = CNN(verbose=False, dim=576, device="cpu")
    for row in (0, 7):
        assert np.allclose(features[row], encoder.encode_image(names[row])[0], atol=1e-6)
    assert np.allclose(np.linalg.norm(features, axis=1), 1, atol=1e-6)


def test_the_number_of_threads_does_not_matter(images, whole, tmp_path):
    extract_features(RunConfig(images, work_dir=tmp_path, num_threads=4), WorkDir(tmp_path))
    assert contents(tmp_path) == contents(whole)


def test_a_list_is_taken_in_its_order(images, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(images)
    rows = [images / "02.png", "01.png", "", "gone.png", "./01.png", "more, or less/00.png"]
    expected = [f"{images}/02.png", f"{images}/01.png", f"{images}/more, or less/00.png"]
    (tmp_path / "list.txt").write_bytes(
        b"\xef\xbb\xbf" + "\r\n".join(map(str, rows)).encode() + b"\n\xff.png"
    )
    with caplog.at_level(logging.WARNING):
        assert extract(tmp_path / "list.txt", tmp_path / "one").bad == 2
    assert "1 path of input_dir came twice" in caplog.text
    assert load_binary_feature(tmp_path / "one" / "features.dat")[0] == expected
    assert os.fsencode(images) + b"/\xff.png" in contents(tmp_path / "one")["features.dat.bad"]
    extract([row for row in rows if row], tmp_path / "two")
    assert load_binary_feature(tmp_path / "two" / "features.dat")[0] == expected
    extract(["more, or less", "01.png"], tmp_path / "three")
    assert len(load_binary_feature(tmp_path / "three" / "features.dat")[0]) == COUNT // 3 + 1


def test_an_input_without_images_is_an_error(images, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "binary").write_bytes(b"\x89PNG\0\0\n")
    for name, message in (
        ("empty", "must hold at least one file"),
        ("empty.txt", "must hold at least one image"),
        ("binary", "is none of them"),
        ("gone", "does not exist"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            extract(tmp_path / name, tmp_path / "work")
    with pytest.raises(InvalidValueError, match="min_offset must be below the number of images"):
        extract(images, tmp_path / "work", min_offset=27)


@pytest.mark.parametrize("place", [".", "results"])
def test_results_in_the_folder_of_the_images_are_no_images(place, tmp_path, monkeypatch):
    for number in range(3):
        photograph(number, (40, 30)).save(tmp_path / f"{number}.png")
    work = tmp_path / place
    first = extract(tmp_path, work)
    before = contents(work)
    opened = images_decoded(monkeypatch)
    assert extract(tmp_path, work) == first
    assert contents(work) == before
    assert (first.good, first.bad, opened) == (3, 0, [])


@pytest.mark.parametrize(
    ("parameters", "begin", "end"),
    [
        ({"num_images": 5}, 0, 5),
        ({"min_offset": 3}, 3, 27),
        ({"max_offset": 9}, 0, 9),
        ({"min_offset": 3, "max_offset": 20, "num_images": 4}, 3, 7),
        ({"min_offset": 20, "max_offset": 99}, 20, 27),
    ],
)
def test_offsets_and_counts_cut_the_listing(parameters, begin, end, images, whole, tmp_path):
    result = extract(images, tmp_path, **parameters)
    assert (result.record.begin, result.record.end, result.record.total) == (begin, end, 27)
    listed = sorted(str(path) for path in images.rglob("*.*"))[begin:end]
    names, features = load_binary_feature(tmp_path / "features.dat")
    everything, all_features = load_binary_feature(whole / "features.dat")
    assert names == [name for name in everything if name in listed]
    assert np.array_equal(features, all_features[[everything.index(name) for name in names]])


def test_shards_equal_the_whole(images, whole, tmp_path):
    for low, high in ((13, -1), (-1, 6), (6, 13)):
        extract(images, tmp_path, run_mode=1, min_offset=low, max_offset=high)
    assert {"features_0_6.dat", "features_6_13.dat", "features_13_end.dat"} <= {
        path.name for path in tmp_path.iterdir()
    }
    stored = WorkDir(tmp_path).features()
    assert isinstance(stored.array, np.memmap)
    joined, expected = contents(tmp_path), contents(whole)
    for name in ("features.dat", "features.dat.csv", "features.bad.csv", "features.dat.bad"):
        assert joined[name] == expected[name]
    assert (stored.record.good, stored.record.bad, stored.record.end) == (COUNT, 3, 27)
    changed = (tmp_path / "features.dat").stat().st_mtime_ns
    assert WorkDir(tmp_path).features().names == stored.names
    assert (tmp_path / "features.dat").stat().st_mtime_ns == changed
    extract(images, tmp_path, run_mode=1, min_offset=13, num_images=2)  # another last shard
    assert len(WorkDir(tmp_path).features().names) < COUNT


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ([(0, 6), (8, 13)], "features_8_13.dat' and features_0_6.dat leave a gap"),
        ([(0, 6), (5, 13)], "features_5_13.dat' and features_0_6.dat overlap"),
    ],
)
def test_shards_that_do_not_fit_are_an_error(shards, message, images, tmp_path):
    for low, high in shards:
        extract(images, tmp_path, run_mode=1, min_offset=low, max_offset=high)
    with pytest.raises(InvalidValueError, match=message):
        WorkDir(tmp_path).features()
    assert len(WorkDir(tmp_path / "features_0_6.dat").features().names) == 5


def test_shards_of_other_collections_are_an_error(images, tmp_path, caplog):
    extract(images, tmp_path, run_mode=1, min_offset=2, max_offset=6)
    with caplog.at_level(logging.WARNING):
        WorkDir(tmp_path).features()
    assert "the shards hold images 2 to 6 of 27" in caplog.text
    box = "rows=0,cols=0,width=30,height=30"
    extract(images, tmp_path, run_mode=1, min_offset=6, max_offset=9, bounding_box=box)
    with pytest.raises(InvalidValueError, match="must be shards of the same listing"):
        WorkDir(tmp_path).features()
    (tmp_path / "features_6_9.dat.json").unlink()
    with pytest.raises(InvalidValueError, match="features_6_9.dat.json' is missing"):
        WorkDir(tmp_path).features()


def test_features_and_shards_in_one_folder_are_an_error(images, tmp_path):
    with pytest.raises(InvalidValueError, match="must hold features.dat or shards"):
        WorkDir(tmp_path).features()
    extract(images, tmp_path, run_mode=1, min_offset=2, max_offset=6)
    save_binary_feature(tmp_path, ["a"], np.ones((1, 576)))
    with pytest.raises(InvalidValueError, match="holds features.dat and also shards"):
        WorkDir(tmp_path).features()


def test_images_are_cropped_to_the_box(tmp_path):
    image = photograph(1, (200, 150))
    (tmp_path / "images").mkdir()
    (tmp_path / "cropped").mkdir()
    image.save(tmp_path / "images" / "a.png")
    photograph(1, (20, 20)).save(tmp_path / "images" / "small.png")
    image.crop((30, 20, 30 + 100, 20 + 60)).save(tmp_path / "cropped" / "a.png")
    box = "rows=20,cols=30,width=100,height=60"
    result = extract(tmp_path / "images", tmp_path / "one", bounding_box=box)
    extract(tmp_path / "cropped", tmp_path / "two")
    one, two = (load_binary_feature(tmp_path / name / "features.dat")[1] for name in ("one", "two"))
    assert np.array_equal(one, two)
    assert result.bad == 1
    reason = "the bounding box lies outside of the image of 20 x 20"
    assert reason in (tmp_path / "one" / "features.bad.csv").read_text()


def test_what_of_the_box_leaves_the_image_is_cut_off():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    part = crop(pixels, BoundingBox(rows=1, cols=2, width=10, height=10))
    assert part[..., 0].tolist() == [[6, 7], [10, 11]]
    with pytest.raises(UnreadableImageError, match="outside of the image of 4 x 3"):
        crop(pixels, BoundingBox(rows=3, cols=0, width=1, height=1))


@pytest.mark.parametrize(("shape", "layout"), [(["n", 3, 8, 6], "NCHW"), (["n", 8, 6, 3], "NHWC")])
def test_an_onnx_file_of_ones_own(shape, layout, images, tmp_path):
    path = tmp_path / "model.onnx"
    save_flattening_model(path, shape)
    result = extract(images, tmp_path / "work", model_path=path, num_images=4)
    assert result.record.model.startswith("sha256:")
    assert load_binary_feature(tmp_path / "work" / "features.dat")[1].shape == (4, 144)
    assert WorkDir(tmp_path / "work").read_config().dimension == 144


def save_flattening_model(path, shape):
    import onnx
    from onnx import TensorProto, helper

    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, form)
        for name, form in (("x", shape), ("y", ["n", 144]))
    ]
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])], "flatten", values[:1], values[1:]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def test_a_file_that_is_no_model_is_an_error(images, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be loaded as an ONNX model"):
        extract(images, tmp_path, model_path=tmp_path / "model.onnx")
    save_flattening_model(tmp_path / "flat.onnx", ["n", 144])
    with pytest.raises(ModelError, match="must have shape \\(n, 3, h, w\\)"):
        extract(images, tmp_path, model_path=tmp_path / "flat.onnx")


# Kills itself at the n-th write to the journal, or at the n-th step of the end of the work.
KILLED = """
import os, signal, sys
from pathlib import Path
from imagededup.fastdup import extract as extraction
from imagededup.fastdup.store import finish, journal
from imagededup.fastdup.config import RunConfig
from imagededup.fastdup.store.work_dir import WorkDir

images, folder, point, number = sys.argv[1:]
calls = 0

def killing(function):
    def wrapped(*arguments):
        global calls
        calls += 1
        if calls == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return wrapped

if point == "line":  # the features of a batch are written, their line is not
    journal.Entry.line = killing(journal.Entry.line)
if point == "torn":  # half of the line is written
    whole = journal.Entry.line
    def torn(entry):
        global calls
        calls += 1
        return whole(entry)[:5] if calls == int(number) else whole(entry)
    journal.Entry.line = torn
    journal.Journal._add = lambda self, entry, add=journal.Journal._add: (
        os.kill(os.getpid(), signal.SIGKILL) if calls == int(number) else add(self, entry))
if point == "state":
    finish.FeatureState.write = killing(finish.FeatureState.write)
if point == "table":
    finish.write_rows = killing(finish.write_rows)
if point == "name":  # of the files that get their names at the end
    Path.replace = killing(Path.replace)
if point == "record":
    extraction.FeatureRecord.write = killing(extraction.FeatureRecord.write)
if point == "config":
    WorkDir.write_config = killing(WorkDir.write_config)
if point == "model":
    extraction.load_model = killing(extraction.load_model)

extraction.extract_features(RunConfig(images, work_dir=folder, num_threads=2), WorkDir(folder))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("point", "number", "kept"),
    [
        ("model", 1, 0),
        ("line", 1, 0),
        ("line", 2, 8),
        ("torn", 3, 16),
        ("line", 4, 24),
        ("table", 1, 27),
        ("table", 2, 27),
        ("table", 3, 27),
        ("record", 1, 27),
        ("config", 1, 27),
        ("state", 1, 27),
        *(("name", number, 27) for number in (3, 6, 7)),  # the first names the journal
    ],
)
def test_a_killed_run_goes_on_where_it_was(
    point, number, kept, images, whole, tmp_path, monkeypatch
):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, images, tmp_path, point, str(number)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    opened = images_decoded(monkeypatch)
    extract(images, tmp_path)
    assert len(opened) == 27 - kept
    assert contents(tmp_path) == contents(whole)


def half_done(images, folder):
    """Leave a folder as a run does that was killed after half of the images."""

    class Killed(BaseException):
        pass

    def stop(journal, features, entry, append=Journal.append):
        if len(journal) >= 12:
            raise Killed
        append(journal, features, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "append", stop)
        with pytest.raises(Killed):
            extract(images, folder)


@pytest.mark.parametrize("damage", ["zeros", "short", "garbage", "no features"])
def test_what_a_power_failure_leaves_is_not_trusted(damage, images, whole, tmp_path):
    half_done(images, tmp_path)
    files = WorkDir(tmp_path).feature_files()
    match damage:
        case "zeros":
            files.partial.write_bytes(files.partial.read_bytes()[:5000] + bytes(6 * 2304))
        case "short":
            files.partial.write_bytes(files.partial.read_bytes()[:5000])
        case "garbage":
            lines = files.journal.read_bytes()
            files.journal.write_bytes(lines[:-10] + b"\0" * 50 + b"\n[]\n")
        case "no features":
            files.partial.unlink()
    extract(images, tmp_path)
    assert contents(tmp_path) == contents(whole)


def test_a_part_with_another_box_is_discarded(images, tmp_path, monkeypatch, caplog):
    half_done(images, tmp_path)
    opened = images_decoded(monkeypatch)
    box = "rows=0,cols=0,width=30,height=30"
    with caplog.at_level(logging.WARNING):
        extract(images, tmp_path, num_images=6, bounding_box=box)
    assert "was begun with another model or bounding_box" in caplog.text
    assert len(opened) == 6


def test_a_part_of_another_listing_is_kept(images, whole, tmp_path, monkeypatch):
    half_done(images, tmp_path)
    opened = images_decoded(monkeypatch)
    assert extract(images, tmp_path, num_images=6).good == 5
    assert opened == []
    extract(images, tmp_path)
    assert len(opened) == 27 - 6
    assert contents(tmp_path) == contents(whole)


def test_images_that_have_changed_since_are_taken_anew(images, tmp_path, monkeypatch):
    copies = tmp_path / "images"
    shutil.copytree(images, copies)
    work = tmp_path / "work"
    half_done(copies, work)
    names = sorted(path.relative_to(copies).as_posix() for path in copies.rglob("*.*"))
    photograph(99, (64, 48)).save(copies / names[9])
    opened = images_decoded(monkeypatch)
    extract(copies, work)
    assert len(opened) == 27 - 16 + 1
    before = contents(work)
    extract(copies, tmp_path / "fresh")
    assert contents(tmp_path / "fresh") == before
    photograph(98, (64, 48)).save(copies / names[9])
    extract(copies, work)
    assert contents(work) != before


def test_new_images_leave_the_stored_features_as_they_are(images, tmp_path):
    extract(images, tmp_path, num_images=6)
    before = contents(tmp_path)
    config = (tmp_path / "config.json").read_bytes()
    result = extract(images, tmp_path, run_mode=3, num_images=3)
    assert result.files.data.name == "query_features.dat"
    assert before.items() <= contents(tmp_path).items()
    assert (tmp_path / "config.json").read_bytes() == config
    save_flattening_model(tmp_path / "model.onnx", ["n", 3, 8, 6])
    with pytest.raises(InvalidValueError, match="descriptors have 576 numbers, got 144"):
        extract(images, tmp_path, run_mode=3, model_path=tmp_path / "model.onnx")


def test_features_are_not_extracted_into_a_file(images, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidValueError, match="work_dir must be a folder, got the file"):
        extract(images, tmp_path / "file")


def test_a_broken_record_is_an_error(tmp_path):
    files = FeatureFiles(tmp_path / "features.dat")
    assert FeatureRecord.read(files.record) is None
    for content in ("{", "[]", '{"wrong": 1}', '{"model": "", "dimension": "many"}'):
        files.record.write_text(content)
        with pytest.raises(InvalidValueError, match="features.dat.json"):
            FeatureRecord.read(files.record)
