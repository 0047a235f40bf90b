"""When a file is encoded again: whenever its code might be another one."""

import os
import shutil

import pytest
from PIL import Image

from imagededup.cache import stamps
from imagededup.cache.stamps import is_settled, stamp_of
from imagededup.methods import PHash, tasks
from tests.cache.conftest import decoded_names, let_settle, wait_for_next_tick
from tests.conftest import photograph, wait_until


@pytest.fixture
def encoder(tmp_path):
    return PHash(False, cache_dir=tmp_path / "cache")


def decoded_by(encoder, folder, monkeypatch):
    """What a run decodes; its result is compared with one without a cache."""
    plain = PHash(False).encode_images(folder, True)
    with decoded_names(monkeypatch) as decoded:
        assert encoder.encode_images(folder, True) == plain
    return sorted(set(decoded) - {"broken.jpg"})


def test_only_what_is_new_is_decoded(pictures, encoder, monkeypatch):
    everything = ["a.png", "b.jpg", "c.jpg", "grey.png"]
    assert decoded_by(encoder, pictures, monkeypatch) == everything
    assert decoded_by(encoder, pictures, monkeypatch) == []
    photograph(7).save(pictures / "new.jpg")
    let_settle(pictures)
    assert decoded_by(encoder, pictures, monkeypatch) == ["new.jpg"]
    assert decoded_by(encoder, pictures, monkeypatch) == []


def test_the_folder_by_other_names(pictures, encoder, monkeypatch, tmp_path):
    decoded_by(encoder, pictures, monkeypatch)
    (tmp_path / "link").symlink_to(pictures)
    monkeypatch.chdir(tmp_path)
    for name in ("pictures", "./pictures/", tmp_path / "link", f"{pictures}/more/.."):
        assert decoded_by(encoder, name, monkeypatch) == []
    assert decoded_by(encoder, pictures / "more", monkeypatch) == []


def in_place(path):
    with path.open("r+b") as file:
        file.write(other_picture(path))


def replaced(path):
    path.with_name("other").write_bytes(other_picture(path))
    path.with_name("other").replace(path)


def moved_away_and_written_anew(path):
    path.rename(path.with_name("old.bmp"))
    path.write_bytes(other_picture(path))


def other_picture(path):
    """Another picture of the same length in bytes."""
    with Image.open(path if path.exists() else path.with_name("old.bmp")) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path.with_name("flipped.bmp"))
    data = path.with_name("flipped.bmp").read_bytes()
    path.with_name("flipped.bmp").unlink()
    return data


@pytest.mark.parametrize("change", [in_place, replaced, moved_away_and_written_anew])
@pytest.mark.parametrize("restore_time", [False, True])
def test_a_change_that_keeps_size_and_time(
    tmp_path, encoder, monkeypatch, change, restore_time, no_waiting
):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "a.bmp"
    photograph(1).save(path)
    before = path.stat()
    wait_for_next_tick(folder)
    decoded_by(encoder, folder, monkeypatch)
    wait_for_next_tick(folder)
    change(path)
    if restore_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size
    assert "a.bmp" in decoded_by(encoder, folder, monkeypatch)


@pytest.mark.parametrize("modified", [0, -(10**18), 2**62, 1])
def test_times_that_no_clock_shows(pictures, encoder, monkeypatch, modified):
    for path in pictures.rglob("*.*"):
        os.utime(path, ns=(modified, modified))
    let_settle(pictures)
    decoded_by(encoder, pictures, monkeypatch)
    assert decoded_by(encoder, pictures, monkeypatch) == []
    photograph(5).save(pictures / "a.png")
    os.utime(pictures / "a.png", ns=(modified, modified))
    assert decoded_by(encoder, pictures, monkeypatch) == ["a.png"]


def test_a_file_of_which_a_second_change_would_not_show_is_not_kept(pictures, encoder, monkeypatch):
    path = pictures / "a.png"
    changed = path.stat().st_ctime_ns
    with monkeypatch.context() as patched:
        patched.setattr(stamps.time, "time_ns", lambda: changed + 50_000_000)
        decoded_by(encoder, pictures, monkeypatch)
    assert "a.png" in decoded_by(encoder, pictures, monkeypatch)
    assert decoded_by(encoder, pictures, monkeypatch) == []


def test_a_clock_that_went_back(pictures, encoder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(stamps.time, "time_ns", lambda: 10**18)
        for _ in range(2):
            assert len(decoded_by(encoder, pictures, monkeypatch)) == 4


@pytest.mark.parametrize(
    ("changed", "age", "settled"),
    [
        (1_700_000_000_123_456_789, 99_000_000, False),
        (1_700_000_000_123_456_789, 101_000_000, True),
        (1_700_000_000_000_000_000, 2_400_000_000, False),  # a clock of whole seconds, or two
        (1_700_000_000_000_000_000, 2_600_000_000, True),
        (1_700_000_000_120_000_000, 101_000_000, False),
        (1_700_000_000_123_456_789, -5, False),
        (0, 0, False),
    ],
)
def test_when_a_file_is_settled(changed, age, settled, tmp_path):
    fields = list(tmp_path.stat())
    status = os.stat_result(fields, {"st_ctime_ns": changed, "st_mtime_ns": changed})
    assert is_settled(status, changed + age) is settled


def test_a_file_that_is_swapped_while_it_is_read(tmp_path, encoder, monkeypatch):
    """A link that leads elsewhere for a moment: its code is that of the other file."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in (1, 2):
        photograph(number).save(tmp_path / f"{number}.png")
    let_settle(tmp_path)
    link = folder / "link.png"
    link.symlink_to(tmp_path / "1.png")
    load = tasks.load_image

    def swapping(path, *rest):
        link.unlink()
        link.symlink_to(tmp_path / "2.png")
        return load(path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "load_image", swapping)
        encoder.encode_images(folder)
    link.unlink()
    link.symlink_to(tmp_path / "1.png")
    expected = PHash(False).encode_images(folder)
    assert encoder.encode_images(folder) == encoder.encode_images(folder) == expected


def test_a_file_that_is_written_while_it_is_read(tmp_path, encoder, monkeypatch, no_waiting):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "a.bmp"
    photograph(1).save(path)
    wait_for_next_tick(folder)
    load = tasks.load_image

    def writing(*arguments):
        pixels = load(*arguments)
        in_place(path)
        return pixels

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "load_image", writing)
        encoder.encode_images(folder)
    assert decoded_by(encoder, folder, monkeypatch) == ["a.bmp"]


def test_a_failure_before_a_file_that_is_not_kept(tmp_path, encoder, monkeypatch):
    """The one that can be read does not get the stamp of the one that cannot."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"no image")
    let_settle(folder)
    photograph(1).save(folder / "b.png")
    written = (folder / "b.png").stat().st_ctime_ns
    with monkeypatch.context() as patched:
        patched.setattr(stamps.time, "time_ns", lambda: written + 50_000_000)
        decoded_by(encoder, folder, monkeypatch)
    let_settle(folder)
    assert decoded_by(encoder, folder, monkeypatch) == ["a.png", "b.png"]
    assert decoded_by(encoder, folder, monkeypatch) == ["a.png"]


def test_failures_are_tried_again(tmp_path, encoder, monkeypatch, caplog):
    folder = tmp_path / "folder"
    folder.mkdir()
    photograph(1).save(folder / "good.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    let_settle(folder)
    for _ in range(2):
        caplog.clear()
        assert list(encoder.encode_images(folder)) == ["good.png"]
        assert "broken.jpg: not an image" in caplog.text
    status = (folder / "broken.jpg").stat()
    shutil.copy(folder / "good.png", folder / "broken.jpg")
    os.utime(folder / "broken.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert list(encoder.encode_images(folder)) == ["broken.jpg", "good.png"]


def test_names_that_are_no_text(tmp_path, encoder, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    names = [b"\xff\xfe.png", "ü\n'\".png".encode(), b"%s?.png", b"a" * 251 + b".png"]
    for number, name in enumerate(names):
        photograph(number).save(folder / "x.png")
        (folder / "x.png").rename(os.fsdecode(os.fsencode(folder) + b"/" + name))
    let_settle(folder)
    assert len(decoded_by(encoder, folder, monkeypatch)) == 4
    assert decoded_by(encoder, folder, monkeypatch) == []


def test_what_has_no_stamp(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "loop", "gone", "", "pipe/a", "a\0b", "x" * 5000):
        assert stamp_of(f"{tmp_path}/{name}") is None
    (tmp_path / "file").write_bytes(b"x")
    inner, file = stamp_of(f"{tmp_path}/file/in/it.jpg"), stamp_of(f"{tmp_path}/file")
    assert inner.state == file.state
    assert (inner.folder, inner.name) == (os.fsencode(f"{tmp_path}/file/in"), b"it.jpg")
    wait_until(lambda: stamp_of(f"{tmp_path}/file").settled)
