"""What a file can make the process read and hold is bounded, whatever it claims."""

import os
import struct
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import image_size, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.limits import LimitedFile, MemoryBudget, budget
from imagededup.images.strips import strips
from imagededup.sources.limits import set_limits
from tests.broken_files import png
from tests.conftest import photograph, wait_until

PEAK = """
import sys
from concurrent.futures import ThreadPoolExecutor
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.sources.limits import set_limits

set_limits(file_size=10**10)

def shape(path):
    try:
        return load_image(path)[:1].shape[1:]
    except UnreadableImageError as error:
        return str(error)

with ThreadPoolExecutor(2) as executor:
    for result in executor.map(shape, sys.argv[1:]):
        print(result)
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""


def peak_of_decoding(*paths):
    """What `load_image` gave for each path, and the peak memory of the process in MiB."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, paths)], capture_output=True, text=True, check=True
    )
    assert run.stderr == ""
    *results, peak = run.stdout.splitlines()
    return results, int(peak) // 1024


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs the peak memory of a process"
)


@pytest.fixture
def sparse(tmp_path):
    """Write a file of 9 GB that begins with the content and takes no more room on the disk."""

    def write(content):
        path = tmp_path / "sparse"
        path.write_bytes(content)
        os.truncate(path, 2**26)
        if getattr(path.stat(), "st_blocks", 2**17) * 512 > 2**25:
            pytest.skip("the file system has no sparse files")
        os.truncate(path, 9 * 2**30)
        return path

    return write


def encoded(name, size=(96, 64), **options):
    data = BytesIO()
    photograph(0, size).save(data, format=name, **options)
    return data.getvalue()


@pytest.fixture
def restored_limits():
    """The limits of the process are as before when the test has ended."""
    before = set_limits()
    yield
    set_limits(before)


@needs_proc
class TestSparseFiles:
    """Where files may be longer than the limit of 2 GB, their pixels still say what is read."""

    @pytest.fixture(autouse=True)
    def long_files(self, restored_limits):
        set_limits(file_size=10**10)

    @pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=str)
    def test_a_jpeg_that_is_followed_by_zeros_is_read(self, sparse, options):
        data = encoded("JPEG", **options)
        path = sparse(data)
        results, peak = peak_of_decoding(path, path)
        assert results == ["(96, 3)"] * 2
        assert peak < 250
        with Image.open(BytesIO(data)) as image:
            np.testing.assert_array_equal(load_image(path), np.asarray(image))

    def test_half_a_jpeg_followed_by_zeros(self, sparse):
        data = encoded("JPEG", (320, 240))
        results, peak = peak_of_decoding(sparse(data[: len(data) // 2]))
        assert results == ["(320, 3)"]  # zeros are codes of pixels as well
        assert peak < 250

    @pytest.mark.parametrize(
        "content",
        [
            b"\xff\xd8\xff\xe0\0\2",
            encoded("PNG")[:33] + struct.pack(">L4s", 2**31 - 1, b"iTXt"),
            encoded("WEBP"),
            b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLL", 270, 2, 2**32 - 1, 100) + bytes(4),
            b"Image type: L\r\nName: ",
        ],
        ids=["markers of JPEG", "a chunk of PNG", "WebP", "a tag of TIFF", "a line"],
    )
    def test_endless_headers_are_a_reason(self, sparse, content):
        results, peak = peak_of_decoding(sparse(content))
        assert results == ["the file is much larger than its pixels"]
        assert peak < 700

    def test_sizes_and_digests(self, sparse):
        path = sparse(encoded("JPEG"))
        assert image_size(path) == (96, 64)
        (path.parent / "original").write_bytes(encoded("JPEG"))
        assert pixel_digest(path) == pixel_digest(path.parent / "original")


class TestLongJpegs:
    """Beyond the raw size and 32 MiB nothing is given to simplejpeg."""

    def test_metadata_before_the_pixels(self, tmp_path):
        data = encoded("JPEG")
        comment = b"\xff\xfe\xff\xff" + bytes(65533)
        path = tmp_path / "x.jpg"
        path.write_bytes(data[:2] + comment * 600 + data[2:])  # 39 MB
        with Image.open(BytesIO(data)) as image:
            np.testing.assert_array_equal(load_image(path), np.asarray(image))

    def test_a_film_after_the_pixels(self, tmp_path):
        data = encoded("JPEG")
        path = tmp_path / "x.jpg"
        path.write_bytes(data + np.random.default_rng(0).bytes(2**26))
        with Image.open(BytesIO(data)) as image:
            np.testing.assert_array_equal(load_image(path), np.asarray(image))


class TestLimitedFile:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "x"
        path.write_bytes(b"line\n" + bytes(range(256)) * 8)
        with path.open("rb", buffering=0) as raw, LimitedFile(raw) as file:
            yield file

    def test_what_is_allowed_is_read(self, file):
        assert file.readline() == b"line\n"
        assert file.read(3) == b"\0\1\2"
        assert len(file.read()) == 2045
        assert file.read() == b""
        file.seek(0)
        assert file.read(10**12)[:4] == b"line"
        file.seek(0)
        assert file.readline(2) == b"li"

    def test_the_sum_of_all_reads_is_bounded(self, file, monkeypatch):
        monkeypatch.setattr("imagededup.images.limits._METADATA_BYTES", 1000)
        file.allow_pixels(50)  # 800 bytes more
        assert len(file.read(1000)) == 1000
        assert len(file.read(800)) == 800
        with pytest.raises(UnreadableImageError, match="much larger than its pixels"):
            file.read(1)

    @pytest.mark.parametrize("read", [lambda f: f.read(), lambda f: f.readline()])
    def test_one_large_read_is_refused(self, file, monkeypatch, read):
        monkeypatch.setattr("imagededup.images.limits._METADATA_BYTES", 100)
        file.allow_pixels(0)
        file.seek(5 + 11)  # no line ends before the next 250 bytes
        with pytest.raises(UnreadableImageError, match="much larger than its pixels"):
            read(file)

    def test_so_is_the_number_of_small_reads(self, tmp_path, monkeypatch):
        monkeypatch.setattr("imagededup.images.limits._SMALL_READS", 3)
        path = tmp_path / "x"
        path.write_bytes(bytes(500))
        with path.open("rb", buffering=0) as raw, LimitedFile(raw) as file:
            file.allow_pixels(10**6)  # gives no more of them
            assert [len(file.read(size)) for size in (1, 63, 64, 64)] == [1, 63, 64, 64]
            file.readline(5)
            with pytest.raises(UnreadableImageError, match="much larger than its pixels"):
                file.read(1)


@needs_proc
@pytest.mark.parametrize(
    ("side", "depth", "colour", "channels", "limit"),
    [(13_300, 16, 0, 1, 700), (5_000, 8, 6, 3, 500)],
    ids=["16 bits", "with alpha"],
)
def test_two_large_images_at_once(tmp_path, side, depth, colour, channels, limit):
    """The first has 344 KB on the disk; two took 5.1 GB of memory."""
    path = tmp_path / "x.png"
    path.write_bytes(large_png(side, depth, colour))
    results, peak = peak_of_decoding(path, path)
    assert results == [f"({side}, {channels})"] * 2
    assert peak < limit


@needs_proc
def test_the_digest_of_a_large_image(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(large_png(7_000, 8, 6))  # 187 MiB of pixels in Pillow
    code = PEAK.replace("load_image", "pixel_digest").replace("images.decode", "images.exact")
    run = subprocess.run(
        [sys.executable, "-c", code.replace("[:1].shape[1:]", ".hex()"), str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    digest, peak = run.stdout.split()
    assert digest == pixel_digest(path).hex()
    assert int(peak) // 1024 < 320


def large_png(side, depth, colour):
    """A black PNG, grey (colour 0) or with alpha (colour 6)."""
    row = b"\0" + bytes(side * depth // 8 * (4 if colour == 6 else 1))
    compress = zlib.compressobj(1)
    data = b"".join(compress.compress(row) for _ in range(side)) + compress.flush()
    return png(side, side, data, depth=depth, colour=colour)


class TestBudget:
    def test_an_image_that_is_larger_than_what_is_left_waits(self):
        shared = MemoryBudget(100)
        order, entered = [], threading.Event()

        def small():
            with shared.hold(60):
                entered.set()
                wait_until(shared._turn.locked)  # the other waits
                order.append("small")

        def large():
            assert entered.wait(10)
            with shared.hold(50):
                order.append("large")

        with ThreadPoolExecutor(2) as executor:
            for done in [executor.submit(small), executor.submit(large)]:
                done.result(10)
        assert order == ["small", "large"]

    def test_an_image_above_the_whole_goes_alone(self):
        shared = MemoryBudget(100)
        with shared.hold(10**9):
            assert shared._held == 100
        assert shared._held == 0

    def test_an_error_gives_the_pixels_back(self):
        shared = MemoryBudget(100)
        with pytest.raises(OSError, match="damaged"), shared.hold(70):
            raise OSError("damaged")
        assert shared._held == 0

    def test_many_threads_never_hold_more_and_never_stand_still(self):
        shared = MemoryBudget(100)
        lock, held, most = threading.Lock(), [0], [0]

        def work(pixels):
            with shared.hold(pixels):
                with lock:
                    held[0] += min(pixels, 100)
                    most[0] = max(most[0], held[0])
                with lock:
                    held[0] -= min(pixels, 100)
            return pixels

        sizes = np.random.default_rng(0).integers(1, 150, 2000).tolist()
        with ThreadPoolExecutor(16) as executor:
            assert list(executor.map(work, sizes, timeout=60)) == sizes
        assert most[0] <= 100
        assert shared._held == 0

    @pytest.mark.parametrize("read", [load_image, pixel_digest])
    @pytest.mark.parametrize("name", ["JPEG", "PNG"])
    def test_every_image_holds_its_pixels(self, tmp_path, read, name):
        path = tmp_path / "x"
        path.write_bytes(encoded(name))
        expected = read(path)
        with ThreadPoolExecutor(1) as executor:
            with budget.hold(None):
                waiting = executor.submit(read, path)
                wait_until(budget._turn.locked)
                assert not waiting.done()
            np.testing.assert_array_equal(waiting.result(10), expected)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_process_begins_anew(self, tmp_path):
        path = tmp_path / "x.png"
        photograph(0).save(path)
        code = (
            "import os, sys\n"
            "from imagededup.images.limits import budget\n"
            "from imagededup.images.decode import load_image\n"
            "with budget.hold(None), budget._turn:\n"
            "    child = os.fork()\n"
            "    if child == 0:\n"
            "        os._exit(load_image(sys.argv[1]).shape != (240, 320, 3))\n"
            "    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        )
        subprocess.run([sys.executable, "-c", code, str(path)], check=True, timeout=60)


@pytest.mark.parametrize("rows", [1, 3, 7, 50])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK", "I;16", "F", "1"])
def test_strips_change_no_pixel(tmp_path, monkeypatch, mode, rows):
    path = tmp_path / "x.tif"
    image = photograph(0, (31, 50)).convert({"I;16": "L", "F": "L"}.get(mode, mode))
    if mode in ("I;16", "F"):
        image = Image.fromarray(np.asarray(image).astype({"F": "f4"}.get(mode, "u2")) * 11)
    image.save(path)
    whole, digest = load_image(path), pixel_digest(path)
    monkeypatch.setattr("imagededup.images.strips._VALUES", rows * 4 * 31)
    assert len(list(strips(image))) == -(-50 // rows)
    np.testing.assert_array_equal(load_image(path), whole)
    assert pixel_digest(path) == digest


@pytest.mark.skipif(not features.check("webp"), reason="Pillow without WebP")
def test_a_large_file_with_few_pixels_of_a_format_that_is_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "x.webp"
    path.write_bytes(encoded("WEBP") + bytes(5000))
    assert load_image(path).shape == (64, 96, 3)
    monkeypatch.setattr("imagededup.images.limits._METADATA_BYTES", 5000)
    with pytest.raises(UnreadableImageError, match="much larger than its pixels"):
        load_image(path)
