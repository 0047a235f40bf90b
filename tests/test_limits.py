"""Limits of what one image may cost: what is over them is a bad image whose reason names them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from PIL import Image

from imagededup import Limits, PHash, fastdup, limits, set_limits
from imagededup.errors import InvalidTypeError, InvalidValueError, UnreadableImageError
from imagededup.images.decode import image_size, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.limits import LimitedFile, budget
from imagededup.sources.limits import over_limit, was_another_limit
from imagededup.utils.sizes import size_in_bytes
from tests.conftest import photograph


@pytest.fixture(autouse=True)
def restored():
    before, pillow = set_limits(), Image.MAX_IMAGE_PIXELS
    yield
    set_limits(before)
    Image.MAX_IMAGE_PIXELS = pillow


@pytest.fixture
def image(tmp_path):
    """A picture of 76,800 pixels, which takes 614,400 bytes."""
    path = tmp_path / "images" / "photo.png"
    path.parent.mkdir()
    photograph(1).save(path)
    return path


REASONS = {
    "pixels": r"76,800 pixels, more than the limit of 76,799 pixels \(--max-pixels, set_limits\(",
    "file_size": r"a file of .* kB, more than the limit of .* \(--max-file-size, set_limits\(file",
    "memory": r"an image that takes .* kB, more than the limit of .* kB \(--max-mem",
}


def just_below(image, name):
    return {"pixels": 76_800, "file_size": image.stat().st_size, "memory": 614_400}[name] - 1


@pytest.mark.parametrize("name", REASONS)
@pytest.mark.parametrize("read", [load_image, pixel_digest])
def test_an_image_over_a_limit_is_unreadable_and_one_at_it_is_not(image, name, read):
    most = just_below(image, name)
    set_limits(**{name: most + 1})
    read(image)
    set_limits(**{name: most})
    with pytest.raises(UnreadableImageError, match=f"^{REASONS[name]}"):
        read(image)


def test_a_file_that_is_too_long_is_not_read(image):
    set_limits(file_size=10)
    with pytest.raises(UnreadableImageError, match="a file of"):
        image_size(image)


@pytest.mark.parametrize("name", REASONS)
def test_an_encoder_lists_it_with_the_reason(image, name):
    photograph(2, (20, 10)).resize((20, 10)).save(image.parent / "small.png")
    set_limits(**{name: just_below(image, name)})
    found = PHash(verbose=False).search(image.parent)
    assert found.names == ["small.png"]
    assert [failure.name for failure in found.failures] == ["photo.png"]


def test_the_runner_lists_it_and_looks_again_when_the_limit_has_changed(image, tmp_path):
    photograph(2, (200, 100)).save(image.parent / "small.png")
    work = tmp_path / "work"

    def bad():
        fastdup.run(str(image.parent), str(work), verbose=False)
        return (work / "features.bad.csv").read_text()

    set_limits(pixels=50_000)
    first = bad()
    assert "photo.png" in first
    assert "76,800 pixels, more than the limit of 50,000 pixels" in first
    at = (work / "features.dat").stat().st_mtime_ns
    assert bad() == first
    assert (work / "features.dat").stat().st_mtime_ns == at  # nothing was made again
    set_limits(pixels=76_800)
    assert "photo.png" not in bad()
    assert len(fastdup.load_binary_feature(str(work / "features.dat"))[0]) == 2


def test_a_limit_above_pillows_own_raises_that_too(image, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.raises(UnreadableImageError, match=r"exceeds limit of 20000 pixels"):
        load_image(image)  # the caller's own, lower limit counts
    set_limits(pixels=Limits().pixels + 1)
    assert load_image(image).shape == (240, 320, 3)
    assert Limits().pixels + 1 <= Image.MAX_IMAGE_PIXELS * 2


def test_what_pillow_refuses_has_our_reason(tmp_path):
    path = tmp_path / "x.pgm"
    path.write_bytes(b"P5\n99999 99999\n255\n")
    with pytest.raises(UnreadableImageError, match=r"^9,999,800,001 pixels, more than the limit"):
        load_image(path)


def test_images_wait_for_one_another_where_memory_is_short(image):
    set_limits(memory=614_400)
    with ThreadPoolExecutor(4) as executor:
        shapes = {pixels.shape for pixels in executor.map(load_image, [image] * 12)}
    assert shapes == {(240, 320, 3)}
    assert budget._held == 0


def test_a_large_jpeg_that_is_decoded_at_a_reduced_size_takes_less(tmp_path):
    path = tmp_path / "x.jpg"
    photograph(1, (3200, 2400)).save(path)
    set_limits(memory=8 * 3200 * 2400 // 4)
    assert list(PHash(verbose=False).encode_images(tmp_path)) == ["x.jpg"]
    with pytest.raises(UnreadableImageError, match="--max-memory"):
        load_image(path)


def test_files_without_a_descriptor(image):
    import io

    class Raw(io.RawIOBase):
        def __init__(self, data):
            self.inner = io.BytesIO(data)

        def readable(self):
            return True

        def seekable(self):
            return True

        def seek(self, offset, whence=0):
            return self.inner.seek(offset, whence)

        def tell(self):
            return self.inner.tell()

        def readinto(self, buffer):
            return self.inner.readinto(buffer)

    data = image.read_bytes()
    with LimitedFile(Raw(data)) as file:
        assert file.read() == data
        file.seek(3)
        assert file.read(10**9) == data[3:]
        file.seek(0)
        np.testing.assert_array_equal(np.asarray(Image.open(file)), load_image(image))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_the_limits():
    code = (
        "import os, imagededup\n"
        "imagededup.set_limits(pixels=5)\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(imagededup.limits().pixels)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 5


class TestSettings:
    def test_defaults(self):
        assert limits() == Limits(178_956_970, 2_000_000_000, 60.0, None)

    def test_changes_leave_the_others_and_return_what_was(self):
        assert set_limits(pixels=np.int64(7)) == Limits()
        assert set_limits(seconds=1) == Limits(pixels=7)
        assert limits() == Limits(pixels=7, seconds=1.0)
        assert set_limits(Limits(memory=9), pixels=3) == Limits(pixels=7, seconds=1.0)
        assert limits() == Limits(pixels=3, memory=9)

    def test_frozen(self):
        with pytest.raises(FrozenInstanceError):
            limits().pixels = 3

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"pixels": 0}, InvalidValueError, "pixels must be 1 or more, got 0"),
            ({"file_size": -1}, InvalidValueError, "file_size must be 1 or more, got -1"),
            ({"memory": 0}, InvalidValueError, "memory must be 1 or more, got 0"),
            ({"pixels": None}, InvalidTypeError, "pixels must be an int, got NoneType"),
            ({"file_size": 2.5}, InvalidTypeError, "file_size must be an int, got float"),
            ({"memory": True}, InvalidTypeError, "memory must be an int, got bool"),
            ({"seconds": 0}, InvalidValueError, "seconds must be above 0, got 0"),
            ({"seconds": float("nan")}, InvalidValueError, "seconds must be above 0, got nan"),
            ({"seconds": "3"}, InvalidTypeError, "seconds must be a number, got str"),
            ({"pixel": 3}, InvalidTypeError, "limits are called .*, got 'pixel'"),
        ],
    )
    def test_what_is_wrong_is_named_and_changes_nothing(self, changes, error, message):
        with pytest.raises(error, match=message):
            set_limits(**changes)
        assert limits() == Limits()

    def test_all_limits_are_a_limits(self):
        with pytest.raises(InvalidTypeError, match="limits must be a Limits, got int"):
            set_limits(5)

    def test_reasons(self):
        assert over_limit("seconds", 60) is None
        assert over_limit("memory", 10**15) == (
            "an image that takes 1000.0 TB, more than the limit of 1.5 GB "
            "(--max-memory, set_limits(memory=...))"
        )
        reason = over_limit("seconds", 61.5)
        assert reason == (
            "a read of 61.5 s, more than the limit of 60 s (--max-seconds, set_limits(seconds=...))"
        )
        assert not was_another_limit(reason)
        assert not was_another_limit("damaged")
        set_limits(seconds=70)
        assert was_another_limit(reason)

    @pytest.mark.parametrize(
        ("text", "size"),
        [("7", 7), ("1.5k", 1500), ("2 GB", 2 * 10**9), ("1GiB", 2**30), (".5 MiB", 2**19)],
    )
    def test_sizes(self, text, size):
        assert size_in_bytes(text) == size

    @pytest.mark.parametrize("text", ["", "G", "-1", "1e9", "2X", "1.2.3", "9" * 400, "∞"])
    def test_no_sizes(self, text):
        with pytest.raises(InvalidValueError, match="a size is a number of bytes"):
            size_in_bytes(text)


class TestOptions:
    """Each option of each command reaches its limit."""

    @pytest.fixture
    def folder(self, image):
        photograph(2, (40, 30)).save(image.parent / "small.png")
        return image.parent

    @pytest.mark.parametrize(
        ("name", "option"),
        [
            ("find", ("--max-file-size", "5k")),
            ("find", ("--max-memory", "600KB")),
            *(
                (name, ("--max-pixels", 76_799))
                for name in ("find", "encode", "remove", "report", "sweep", "fastdup")
            ),
        ],
    )
    def test_what_is_over_it_is_left_out(self, command, folder, tmp_path, name, option):
        output = {
            "find": (),
            "remove": (),
            "encode": ("-o", tmp_path / "x.json"),
            "report": ("-m", "phash", "-o", tmp_path / "x.html"),
            "sweep": (folder, "-m", "phash"),
            "fastdup": ("--work_dir", tmp_path / "work", "--run_mode", 1),
        }[name]
        if name == "sweep":
            (tmp_path / "truth.csv").write_text("image,duplicate\nphoto.png,small.png\n")
            output = (tmp_path / "truth.csv", "-m", "phash")
        before = limits()
        code, out, err = command(name, folder, *output, *option)
        said = out + err
        if name == "fastdup":
            said += (tmp_path / "work" / "features.bad.csv").read_text()
        if name == "report":
            said += (tmp_path / "x.html").read_text()
        assert f"({option[0]}, set_limits(" in said, (code, said[:500])
        assert "photo.png" in said
        assert limits() == before

    def test_seconds(self, command, folder, monkeypatch):
        seen = []
        original = PHash.search
        monkeypatch.setattr(
            PHash, "search", lambda *a, **k: (seen.append(limits().seconds), original(*a, **k))[1]
        )
        assert command("find", folder, "--max-seconds", 7.5)[0] == 0
        assert seen == [7.5]

    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("--max-pixels", 0, "--max-pixels: pixels must be 1 or more, got 0"),
            ("--max-file-size", "much", "--max-file-size: a size is a number of bytes"),
            ("--max-memory", "0", "--max-memory: memory must be 1 or more, got 0"),
            ("--max-seconds", -1, "--max-seconds: seconds must be above 0"),
        ],
    )
    def test_what_is_no_limit_is_refused(self, command, folder, option, value, message):
        code, out, err = command("find", folder, option, value)
        assert (code, out) == (2, "")
        assert message in err
