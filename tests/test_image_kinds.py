"""Images that are refused before they are decoded, and how much memory the others are held to."""

import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, features

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import image_size, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.jpeg_scans import check_scans
from imagededup.images.limits import budget
from imagededup.images.needs import bytes_needed
from tests.broken_files import png
from tests.conftest import photograph, wait_until
from tests.hostile.jpeg import scan_bomb


def saved(**options):
    data = io.BytesIO()
    photograph(1).save(data, **options)
    return data.getvalue()


def refused(path, content):
    """The reason why none of the ways to read a file reads it."""
    path.write_bytes(content)
    reasons = set()
    for read in (load_image, pixel_digest, image_size):
        with pytest.raises(UnreadableImageError) as caught:
            read(path)
        reasons.add(str(caught.value))
    (reason,) = reasons
    return reason


class TestScans:
    def test_a_small_file_that_would_take_hours_is_refused_at_once(self, tmp_path):
        begin = time.monotonic()
        reason = refused(tmp_path / "x.jpg", scan_bomb(4000, 4000, 100_000))
        assert reason == "more than 200 scans, which would take hours to decode"
        assert time.monotonic() - begin < 10

    def test_as_many_as_are_allowed(self, tmp_path):
        (tmp_path / "x.jpg").write_bytes(scan_bomb(64, 64, 199))
        assert load_image(tmp_path / "x.jpg").shape == (64, 64, 1)
        (tmp_path / "x.jpg").write_bytes(scan_bomb(64, 64, 200))
        with pytest.raises(UnreadableImageError, match="200 scans"):
            load_image(tmp_path / "x.jpg")

    def test_what_encoders_write(self):
        whole = saved(format="JPEG", progressive=True, exif=b"Exif\0\0" + b"\xff\xda" * 900)
        check_scans(io.BufferedReader(io.BytesIO(whole)))

    def test_scans_behind_the_image_do_not_count(self):
        data = saved(format="JPEG", progressive=True) + b"\xff\xda" * 5000
        check_scans(io.BufferedReader(io.BytesIO(data)))

    @pytest.mark.parametrize("length", range(0, 700, 7))
    def test_a_file_that_ends_anywhere(self, length):
        data = scan_bomb(64, 64, 20)
        check_scans(io.BufferedReader(io.BytesIO(data[:length])))
        check_scans(io.BufferedReader(io.BytesIO(data[:length] + b"\xff")))

    def test_segments_without_end(self):
        data = b"\xff\xd8" + b"\xff\xe0\0\2" * 30_000
        with pytest.raises(UnreadableImageError):
            check_scans(io.BufferedReader(io.BytesIO(data)))


def test_records_that_may_hold_postscript(tmp_path):
    """Pillow would open what such a file holds by any of its plugins, Ghostscript among them."""
    record = b"\x1c\x03\x3c\0\2\1\0" + b"\x1c\x03\x14\0\2\0\x09" + b"\x1c\x03\x1e\0\2\0\x09"
    record += b"\x1c\x03\x78\0\1\1" + b"\x1c\x08\x0a\0\4%!PS"
    assert refused(tmp_path / "x.iptc", record).startswith("IPTC records are not decoded")


def test_textures_that_hold_a_jpeg_of_any_size(tmp_path):
    header = b"BLP1" + struct.pack("<iIIIii", 0, 0, 8, 8, 0, 0)
    assert refused(tmp_path / "x.blp", header + bytes(2000)).startswith("a BLP texture that holds")


class TestMemory:
    @pytest.mark.parametrize(
        ("options", "each"),
        [
            ({"format": "PNG"}, 8),
            ({"format": "JPEG"}, 8),
            ({"format": "WEBP"}, 17),
            ({"format": "AVIF"}, 10),
            ({"format": "JPEG2000"}, 20),
            ({"format": "JPEG", "exif": "turned"}, 8),
            ({"format": "PNG", "exif": "turned"}, 11),
            ({"format": "PNG", "exif": b"damaged"}, 8),
            ({"format": "TIFF"}, 8),
            ({"format": "TIFF", "tiffinfo": {274: 6}}, 11),
        ],
        ids=str,
    )
    def test_each_format_is_held_to_its_share(self, options, each):
        names = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
        if options["format"] in names and not features.check(names[options["format"]]):
            pytest.skip("Pillow without the format")
        if options.get("exif") == "turned":
            exif = Image.Exif()
            exif[274] = 6
            options = options | {"exif": exif}
        with Image.open(io.BytesIO(saved(**options))) as image:
            assert bytes_needed(image) == each * 320 * 240

    def test_a_reduced_jpeg_takes_less_unless_it_is_progressive(self):
        for progressive, expected in ((False, 8 * 160 * 120), (True, 8 * 320 * 240)):
            data = saved(format="JPEG", progressive=progressive)
            with Image.open(io.BytesIO(data)) as image:
                assert bytes_needed(image, 2) == expected

    def test_an_icon_holds_everything_while_it_is_opened(self, tmp_path):
        """It says 8 x 8, and Pillow decodes at once whatever lies within."""
        path = tmp_path / "x.ico"
        inner = png(900, 900, zlib.compress((b"\0" + bytes(2700)) * 900))
        path.write_bytes(
            struct.pack("<HHHBBBBHHLL", 0, 1, 1, 8, 8, 0, 0, 1, 32, len(inner), 22) + inner
        )
        with ThreadPoolExecutor(1) as executor:
            with budget.hold(1000):
                waiting = executor.submit(image_size, path)
                wait_until(budget._turn.locked)
                assert not waiting.done()
            assert waiting.result(10) == (900, 900)
        np.testing.assert_array_equal(load_image(path), np.zeros((900, 900, 3)))
