"""From files and arrays to 8-bit pixels."""

import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, features

from imagededup.errors import InvalidTypeError, InvalidValueError, UnreadableImageError
from imagededup.images import decode
from imagededup.images.decode import Reduction, check_array, image_size, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.pillow_warnings import pillow_warnings_ignored
from tests.conftest import photograph

F = np.array(  # no rotation or reflection of it is equal to it
    [
        [255, 255, 255, 255],
        [255, 0, 0, 0],
        [255, 255, 255, 0],
        [255, 0, 0, 0],
        [255, 0, 0, 0],
        [255, 0, 0, 0],
    ],
    np.uint8,
)
UPRIGHT = {  # by EXIF orientation: the stored pixels as a viewer shows them
    1: F,
    2: F[:, ::-1],
    3: F[::-1, ::-1],
    4: F[::-1],
    5: F.T,
    6: F.T[:, ::-1],
    7: F.T[::-1, ::-1],
    8: F.T[::-1],
}
WARM_GREYS = np.array([[0, 1], [127, 128], [200, 255]], np.uint8)


def noise(width=24, height=18, channels=3, seed=0):
    generator = np.random.default_rng(seed)
    shape = (height, width, channels)[: 2 + (channels > 1)]
    return generator.integers(0, 256, shape, dtype=np.uint8)


def saved(image, path, **options):
    image.save(path, **options)
    return path


def pillow_pixels(path, mode="RGB", factor=1):
    with Image.open(path) as image:
        if factor > 1:
            image.draft(image.mode, (image.width // factor, image.height // factor))
        pixels = np.asarray(image.convert(mode))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "image.txt"


class TestFormats:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("BMP", {}),
            ("DDS", {}),
            ("DIB", {}),
            ("ICO", {}),
            ("JPEG2000", {}),
            ("PCX", {}),
            ("PNG", {}),
            ("PPM", {}),
            ("QOI", {}),
            ("SGI", {}),
            ("TGA", {}),
            ("TGA", {"compression": "tga_rle"}),
            ("TIFF", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("TIFF", {"compression": "tiff_adobe_deflate"}),
            ("TIFF", {"compression": "packbits"}),
            ("TIFF", {"big_tiff": True}),
            ("WEBP", {"lossless": True}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("ending", ["jpg", "png", "txt", "gif", "", "pdf"])
    def test_lossless_formats_whatever_the_ending(self, tmp_path, name, options, ending):
        if name == "JPEG2000" and not features.check("jpg_2000"):
            pytest.skip("Pillow without JPEG 2000")
        pixels = noise(16, 16)
        path = saved(Image.fromarray(pixels), tmp_path / f"x.{ending}", format=name, **options)
        np.testing.assert_array_equal(load_image(path), pixels)

    @pytest.mark.parametrize("name", ["JPEG", "MPO", "WEBP", "AVIF"])
    def test_lossy_formats_whatever_the_ending(self, tmp_path, name):
        if name == "AVIF" and not features.check("avif"):
            pytest.skip("Pillow without AVIF")
        path = saved(photograph(0), tmp_path / "x.bmp", format=name, quality=95)
        decoded = load_image(path)
        np.testing.assert_array_equal(decoded, pillow_pixels(path))
        assert np.abs(decoded.astype(int) - np.asarray(photograph(0))).mean() < 4

    def test_icns(self, file):
        Image.fromarray(noise(512, 512)).save(file, format="ICNS")
        np.testing.assert_array_equal(load_image(file), pillow_pixels(file))

    @pytest.mark.parametrize("name", ["MSP", "XBM", "PPM", "TIFF", "PNG", "BMP", "PCX", "GIF"])
    def test_black_and_white(self, file, name):
        bits = noise(16, 8, 1) > 127
        Image.fromarray(bits).save(file, format=name)
        expected = np.where(bits, 255, 0)
        decoded = load_image(file)
        assert decoded.shape[:2] == (8, 16)
        np.testing.assert_array_equal(decoded, np.broadcast_to(expected[:, :, None], decoded.shape))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (b"P1\n3 1\n0 1 0\n", [255, 0, 255]),
            (b"P2\n3 1\n100\n0 50 100\n", [0, 128, 255]),
            (b"P5\n3 1\n255\n\x00\x80\xff", [0, 128, 255]),
            (b"P5\n3 1\n65535\n\x00\x00\x80\x80\xff\xff", [0, 128, 255]),
            (b"P5\n3 1\n65535\n\x00\x00\x00\x10\x00\xff", [0, 0, 1]),
        ],
    )
    def test_portable_bitmaps(self, file, text, expected):
        file.write_bytes(text)
        assert load_image(file).ravel().tolist() == expected

    def test_portable_pixmap_as_text(self, file):
        file.write_bytes(b"P3\n2 1\n255\n255 0 1 9 8 7\n")
        assert load_image(file).tolist() == [[[255, 0, 1], [9, 8, 7]]]

    @pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_the_first_frame_of_several(self, file, name):
        frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
        options = {"lossless": True} if name == "WEBP" else {}
        frames[0].save(file, format=name, save_all=True, append_images=frames[1:], **options)
        assert load_image(file).tolist() == [[[255, 0, 0]] * 20] * 10

    def test_postscript_is_refused_for_it_would_be_executed(self, file):
        Image.fromarray(noise()).save(file, format="EPS")
        for read in (load_image, image_size, pixel_digest):
            with pytest.raises(UnreadableImageError) as caught:
                read(file)
            assert str(caught.value) == "PostScript is a program, not an image"


class TestOrientation:
    @pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize("orientation", UPRIGHT)
    def test_formats(self, file, name, orientation):
        colour = np.stack([F, 255 - F, F // 2], axis=-1)
        exif = Image.Exif()
        exif[0x0112] = orientation
        options = {"lossless": True} if name == "WEBP" else {}
        Image.fromarray(colour).save(file, format=name, exif=exif, **options)
        shown = load_image(file)
        assert shown.shape == (*UPRIGHT[orientation].shape, 3)
        np.testing.assert_array_equal(shown[:, :, 0] > 127, UPRIGHT[orientation] > 127)

    @pytest.mark.parametrize("name", ["JPEG", "MPO"])
    @pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
    @pytest.mark.parametrize("orientation", UPRIGHT)
    def test_jpeg(self, file, name, mode, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.fromarray(F).resize((32, 48), Image.Resampling.NEAREST).convert(mode)
        image.save(file, format=name, exif=exif, quality=95)
        shown = load_image(file)[4::8, 4::8]
        assert shown.shape == (*UPRIGHT[orientation].shape, 1 if mode == "L" else 3)
        np.testing.assert_array_equal(shown[:, :, 0] > 127, UPRIGHT[orientation] > 127)

    @pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
    @pytest.mark.parametrize("orientation", UPRIGHT)
    def test_avif(self, file, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = Image.fromarray(F).resize((32, 48), Image.Resampling.NEAREST).convert("RGB")
        image.save(file, format="AVIF", exif=exif, quality=95)
        shown = load_image(file)[4::8, 4::8]
        assert shown.shape == (*UPRIGHT[orientation].shape, 3)
        np.testing.assert_array_equal(shown[:, :, 0] > 127, UPRIGHT[orientation] > 127)

    @pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
    def test_a_number_without_a_meaning_is_ignored(self, file, orientation):
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(F).save(file, format="PNG", exif=exif)
        np.testing.assert_array_equal(load_image(file)[:, :, 0], F)

    def test_of_xmp_alone(self, file):
        xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
        Image.fromarray(F).resize((32, 48), 0).save(file, format="JPEG", xmp=xmp)
        assert load_image(file).shape == (32, 48, 1)

    @pytest.mark.parametrize(
        "damaged",
        [
            b"Exif\0\0",
            b"Exif\0\0II*\0",
            b"Exif\0\0nonsense that is no TIFF header",
            b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01",
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 0x0112, 3, 1, 6)[:9],
            b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHLL", 0x0112, 4, 99999, 99999),
            b"Exif\0\0II*\0\xff\xff\xff\xff",
            b"Exif\0\0II*\0\x08\0\0\0\x01\0"
            + struct.pack("<HHLL", 0x8769, 4, 1, 8)
            + struct.pack("<L", 8),
        ],
    )
    @pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
    def test_damaged_exif_data_leave_the_image_readable(self, file, name, damaged):
        options = {"lossless": True} if name == "WEBP" else {}
        Image.fromarray(noise()).save(file, format=name, exif=damaged, **options)
        decoded = load_image(file)
        if name == "JPEG":
            assert decoded.shape == (18, 24, 3)
        else:
            np.testing.assert_array_equal(decoded, noise())


class TestModes:
    def test_grey_has_one_channel(self, file):
        Image.fromarray(noise(channels=1)).save(file, format="PNG")
        np.testing.assert_array_equal(load_image(file), noise(channels=1)[:, :, None])

    def test_palette(self, file):
        image = Image.fromarray(noise()).quantize(32)
        image.save(file, format="PNG")
        np.testing.assert_array_equal(load_image(file), np.asarray(image.convert("RGB")))

    @pytest.mark.parametrize("name", ["PNG", "GIF"])
    def test_transparency_of_a_palette_is_dropped(self, file, name):
        image = Image.new("P", (2, 1))
        image.putpalette([200, 100, 50, 1, 2, 3])
        image.putpixel((1, 0), 1)
        image.save(file, format=name, transparency=0)
        assert load_image(file).tolist() == [[[200, 100, 50], [1, 2, 3]]]

    def test_alpha_of_a_palette_is_dropped(self, file):
        image = Image.new("P", (2, 1))
        image.putpalette([200, 100, 50, 1, 2, 3])
        image.putpixel((1, 0), 1)
        image.save(file, format="PNG", transparency=b"\x00\x80")
        assert load_image(file).tolist() == [[[200, 100, 50], [1, 2, 3]]]

    @pytest.mark.parametrize("name", ["PNG", "TIFF", "TGA"])
    def test_grey_with_alpha(self, file, name):
        pixels = noise(channels=2)
        Image.fromarray(pixels).save(file, format=name)
        np.testing.assert_array_equal(load_image(file), pixels[:, :, [0, 0, 0]])

    @pytest.mark.parametrize("name", ["PNG", "TIFF", "TGA", "ICO", "QOI"])
    def test_alpha_is_dropped(self, file, name):
        pixels = noise(16, 16, channels=4)
        Image.fromarray(pixels).save(file, format=name)
        np.testing.assert_array_equal(load_image(file), pixels[:, :, :3])

    def test_grey_png_with_a_transparent_value(self, file):
        Image.fromarray(WARM_GREYS).save(file, format="PNG", transparency=127)
        np.testing.assert_array_equal(load_image(file)[:, :, 0], WARM_GREYS)

    @pytest.mark.parametrize("name", ["PNG", "TIFF"])
    def test_16_bits(self, file, name):
        values = np.array([[0, 128, 129], [32768, 65406, 65535]], np.uint16)
        Image.fromarray(values).save(file, format=name)
        assert load_image(file)[:, :, 0].tolist() == [[0, 0, 1], [128, 254, 255]]

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_dark_16_bits_in_either_byte_order(self, file, order):
        values = np.array([[0, 100], [200, 255]], f"{order}u2")
        file.write_bytes(tiff(values.tobytes(), (2, 2), 16, order=order))
        assert load_image(file)[:, :, 0].tolist() == [[0, 100], [200, 255]]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [([0, 100, 255], [0, 100, 255]), ([0, 257, 65535], [0, 1, 255])],
    )
    def test_32_bits(self, file, values, expected):
        Image.fromarray(np.array([values], np.int32)).save(file, format="TIFF")
        assert load_image(file).ravel().tolist() == expected

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0, 0.5, 1], [0, 128, 255]),
            ([0, 0.25, 0.25], [0, 64, 64]),
            ([0, 100, 255], [0, 100, 255]),
            ([0, 257, 65535], [0, 1, 255]),
        ],
    )
    def test_floats(self, file, values, expected):
        Image.fromarray(np.array([values], np.float32)).save(file, format="TIFF")
        assert load_image(file).ravel().tolist() == expected

    @pytest.mark.parametrize("values", [[0, -1], [0, np.nan], [np.nan, 0], [0, np.inf], [0, 70000]])
    def test_floats_out_of_range_are_a_reason(self, file, values):
        Image.fromarray(np.array([values], np.float32)).save(file, format="TIFF")
        with pytest.raises(UnreadableImageError, match="pixel values must lie within"):
            load_image(file)

    @pytest.mark.parametrize("name", ["JPEG", "TIFF"])
    def test_four_inks(self, file, name):
        inks = np.zeros((16, 32, 4), np.uint8)
        inks[:, 16:] = (255, 0, 255, 0)  # cyan and yellow
        Image.frombytes("CMYK", (32, 16), inks.tobytes()).save(file, format=name)
        decoded = load_image(file).astype(int)
        assert np.abs(decoded[:, 2:14] - (255, 255, 255)).max() <= 3
        assert np.abs(decoded[:, 18:30] - (0, 255, 0)).max() <= 3

    def test_cielab(self, file):
        colours = np.array([[[255, 255, 255], [0, 0, 0], [200, 40, 30], [30, 60, 200]]], np.uint8)
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(Image.fromarray(colours), *profiles, outputMode="LAB")
        lab.save(file, format="TIFF")
        assert np.abs(load_image(file).astype(int) - colours).max() <= 8

    def test_ycbcr(self, file):
        Image.fromarray(noise()).convert("YCbCr").save(file, format="TIFF", compression="tiff_lzw")
        assert np.abs(load_image(file).astype(int) - noise()).max() <= 3


class TestJpeg:
    """simplejpeg's pixels are Pillow's."""

    @pytest.fixture
    def no_pillow(self, monkeypatch):
        monkeypatch.delattr(decode, "_decode_with_pillow")

    @pytest.mark.usefixtures("no_pillow")
    @pytest.mark.parametrize("factor", [1, 2, 4, 8])
    @pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
    @pytest.mark.parametrize("size", [(320, 240), (333, 251)])
    def test_subsampling(self, file, size, subsampling, factor):
        pixels = np.asarray(photograph(1, size))
        file.write_bytes(simplejpeg.encode_jpeg(pixels, 85, colorsubsampling=subsampling))
        decoded = load_image(file, Reduction(1, -(-min(size) // factor) - 1))
        np.testing.assert_array_equal(decoded, pillow_pixels(file, factor=factor))
        assert decoded.shape == (-(-size[1] // factor), -(-size[0] // factor), 3)

    @pytest.mark.usefixtures("no_pillow")
    @pytest.mark.parametrize("factor", [1, 2, 4, 8])
    @pytest.mark.parametrize("size", [(320, 240), (333, 251)])
    def test_grey(self, file, size, factor):
        photograph(1, size).convert("L").save(file, format="JPEG")
        decoded = load_image(file, Reduction(1, -(-min(size) // factor) - 1))
        np.testing.assert_array_equal(decoded, pillow_pixels(file, "L", factor))
        assert decoded.shape == (-(-size[1] // factor), -(-size[0] // factor), 1)

    @pytest.mark.usefixtures("no_pillow")
    @pytest.mark.parametrize(
        "options",
        [
            {"progressive": True},
            {"optimize": True, "quality": 100},
            {"quality": 10},
            {"restart_marker_blocks": 2},
            {"keep_rgb": True},
            {"comment": b"x" * 60000},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("factor", [1, 4])
    def test_kinds(self, file, options, factor):
        photograph(2).save(file, format="JPEG", **options)
        decoded = load_image(file, Reduction(1, 240 // factor))
        np.testing.assert_array_equal(decoded, pillow_pixels(file, factor=factor))

    def test_grey_equals_the_way_through_rgb(self, file):
        photograph(3).convert("L").save(file, format="JPEG")
        grey = load_image(file)
        np.testing.assert_array_equal(np.repeat(grey, 3, axis=2), pillow_pixels(file, "RGB"))

    def test_what_simplejpeg_refuses_is_left_to_pillow(self, file):
        data = BytesIO()
        photograph(4).save(data, format="JPEG", restart_marker_blocks=1)
        broken = bytearray(data.getvalue())
        broken[len(broken) // 2] ^= 0xFF
        file.write_bytes(broken)
        with pytest.raises(ValueError):
            simplejpeg.decode_jpeg(bytes(broken))
        np.testing.assert_array_equal(load_image(file), pillow_pixels(file))

    @pytest.mark.parametrize("name", ["JPEG", "MPO"])
    @pytest.mark.parametrize("mode", ["L", "RGB"])
    def test_pillow_goes_on_at_the_same_size(self, file, name, mode):
        photograph(4).convert(mode).save(file, format=name, restart_marker_blocks=1)
        broken = bytearray(file.read_bytes())
        broken[len(broken) // 2] ^= 0xFF
        file.write_bytes(broken)
        np.testing.assert_array_equal(
            load_image(file, Reduction(1, 60)), pillow_pixels(file, mode, factor=4)
        )

    @pytest.mark.parametrize("factor", [2, 8])
    def test_pillow_reduces_by_the_same_factor(self, file, factor):
        photograph(4).convert("CMYK").save(file, format="JPEG")
        assert load_image(file, Reduction(1, 240 // factor)).shape == (
            240 // factor,
            320 // factor,
            3,
        )

    def test_other_formats_are_decoded_in_full(self, file):
        photograph(0).save(file, format="PNG")
        assert load_image(file, Reduction(1, 1)).shape == (240, 320, 3)


class TestFullDecode:
    """Without a reduction, the pixels are those of Pillow's full decode, at any size."""

    @pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
    @pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=str)
    @pytest.mark.parametrize("size", [(1600, 1600), (1537, 2051), (15, 1)])
    def test_pillows_pixels(self, file, size, mode, options):
        pixels = np.asarray(photograph(1, size)) ^ (noise(*size) & 31)
        Image.fromarray(pixels).convert(mode).save(file, format="JPEG", **options)
        expected = pillow_pixels(file, "L" if mode == "L" else "RGB")
        np.testing.assert_array_equal(load_image(file), expected)

    def test_a_reduction_changes_them(self, file):
        photograph(1, (1600, 1600)).save(file, format="JPEG")
        assert load_image(file, Reduction(1536, 256)).shape == (400, 400, 3)
        assert load_image(file).shape == (1600, 1600, 3)


class TestReduction:
    @pytest.mark.parametrize(
        ("shorter", "factor"),
        [
            (1, 1),
            (255, 1),
            (256, 1),
            (511, 1),
            (512, 2),
            (1023, 2),
            (1024, 4),
            (2047, 4),
            (2048, 8),
            (100_000, 8),
        ],
    )
    def test_the_shorter_side_keeps_at_least_256_pixels(self, shorter, factor):
        reduction = Reduction(above=0, down_to=256)
        assert reduction.factor((shorter, shorter)) == factor
        assert reduction.factor((shorter, 200_000)) == factor
        assert reduction.factor((200_000, shorter)) == factor

    def test_images_below_the_limit_are_decoded_in_full(self):
        reduction = Reduction(above=1536, down_to=256)
        assert reduction.factor((1535, 1535)) == 1
        assert reduction.factor((1535, 9000)) == 1
        assert reduction.factor((1536, 1536)) == 4
        assert reduction.factor((2048, 2048)) == 8

    @given(st.integers(1, 70_000), st.integers(1, 70_000), st.integers(1, 3000))
    def test_the_largest_factor_that_is_allowed(self, width, height, down_to):
        factor = Reduction(0, down_to).factor((width, height))
        allowed = [f for f in (1, 2, 4, 8) if f == 1 or min(width, height) // f >= down_to]
        assert factor == max(allowed)


class TestWarnings:
    """Pillow's warnings neither end the work nor make an image unreadable, nor are they shown."""

    @pytest.fixture
    def large_file(self, file, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)
        Image.fromarray(noise(24, 18)).save(file, format="PNG")  # 432 pixels
        return file

    def test_pillow_would_warn(self, large_file):
        with pytest.raises(Image.DecompressionBombWarning), Image.open(large_file):
            pass

    @pytest.mark.parametrize("action", ["error", "always", "default"])
    def test_between_the_limits_an_image_is_read(self, large_file, action):
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter(action)
            np.testing.assert_array_equal(load_image(large_file), noise(24, 18))
            assert image_size(large_file) == (24, 18)
        assert shown == []

    def test_also_where_the_filters_change_between_two_images(self, large_file):
        for _ in range(3):
            warnings.simplefilter("error")
            assert load_image(large_file).shape == (18, 24, 3)
        assert warnings.filters.count(warnings.filters[0]) == 1

    def test_above_pillows_error_limit_is_a_reason(self, large_file, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
        for read in (load_image, image_size):
            with pytest.raises(UnreadableImageError, match="exceeds limit of 400 pixels"):
                read(large_file)

    def test_in_many_threads(self, large_file):
        with ThreadPoolExecutor(8) as executor:
            shapes = list(executor.map(lambda _: load_image(large_file).shape, range(200)))
        assert shapes == [(18, 24, 3)] * 200

    def test_other_threads_still_get_pillows_warnings(self, large_file):
        inside, leave = threading.Event(), threading.Event()

        def decode():
            with pillow_warnings_ignored():
                inside.set()
                leave.wait(10)

        thread = threading.Thread(target=decode)
        thread.start()
        try:
            assert inside.wait(10)
            with pytest.raises(Image.DecompressionBombWarning), Image.open(large_file):
                pass
        finally:
            leave.set()
            thread.join()

    def test_afterwards_the_thread_gets_pillows_warnings_again(self, large_file):
        load_image(large_file)
        with pytest.raises(Image.DecompressionBombWarning), Image.open(large_file):
            pass

    def test_other_warnings_pass(self):
        with pillow_warnings_ignored(), pytest.raises(UserWarning, match="mine"):
            warnings.warn("mine", stacklevel=1)

    def test_nested(self, large_file):
        with pillow_warnings_ignored():
            load_image(large_file)
            with Image.open(large_file) as image:
                assert image.size == (24, 18)

    def test_a_tag_that_lies_outside_the_file(self, file):
        extra = [(305, 2, 50, 999_999)]  # the name of a program
        file.write_bytes(tiff(WARM_GREYS.tobytes(), (2, 3), 8, extra=extra))
        np.testing.assert_array_equal(load_image(file)[:, :, 0], WARM_GREYS)


class TestReasons:
    def reason(self, path):
        with pytest.raises(UnreadableImageError) as caught:
            load_image(path)
        with pytest.raises(UnreadableImageError) as again:
            image_size(path)
        assert str(again.value) == str(caught.value)
        return str(caught.value)

    def test_no_such_file(self, tmp_path):
        assert self.reason(tmp_path / "absent.jpg") == "no such file"
        assert self.reason(str(tmp_path / "absent.jpg")) == "no such file"

    def test_broken_link(self, file):
        file.symlink_to("absent.jpg")
        assert self.reason(file) == "broken symbolic link"

    def test_link_loop(self, file):
        file.symlink_to(file.name)
        assert self.reason(file) == "too many levels of symbolic links"

    def test_folder(self, tmp_path):
        assert self.reason(tmp_path) == "not a regular file"

    def test_empty(self, file):
        file.touch()
        assert self.reason(file) == "empty file"

    @pytest.mark.parametrize("content", [b"text", b"\0", b"%PDF-1.7\n", b"PK\3\4" + bytes(100)])
    def test_no_image(self, file, content):
        file.write_bytes(content)
        assert self.reason(file) == "not an image, or of an unknown format"

    def test_null_character_in_the_path(self):
        assert self.reason("a\0b") == "embedded null byte"

    def test_truncated(self, file):
        data = BytesIO()
        photograph(0).save(data, format="JPEG")
        file.write_bytes(data.getvalue()[:2000])
        with pytest.raises(UnreadableImageError, match=r"image file is truncated"):
            load_image(file)
        assert image_size(file) == (320, 240)

    def test_too_large_for_the_memory(self, file, monkeypatch):
        def no_memory(*_):
            raise MemoryError

        Image.fromarray(noise()).save(file, format="PNG")
        monkeypatch.setattr(decode, "_decode_with_pillow", no_memory)
        with pytest.raises(UnreadableImageError, match=r"^too large for the memory$"):
            load_image(file)

    def test_an_error_without_a_message_is_named(self, file, monkeypatch):
        def fail(*_):
            raise AssertionError

        Image.fromarray(noise()).save(file, format="PNG")
        monkeypatch.setattr(decode, "_decode_with_pillow", fail)
        with pytest.raises(UnreadableImageError, match=r"^AssertionError$"):
            load_image(file)

    def test_a_reason_is_one_line(self, file, monkeypatch):
        def fail(*_):
            raise OSError("first\n  second\tthird")

        Image.fromarray(noise()).save(file, format="PNG")
        monkeypatch.setattr(decode, "_decode_with_pillow", fail)
        with pytest.raises(UnreadableImageError, match=r"^first second third$"):
            load_image(file)

    def test_the_cause_is_chained(self, file):
        file.write_bytes(b"text")
        with pytest.raises(UnreadableImageError) as caught:
            load_image(file)
        assert isinstance(caught.value.__cause__, Image.UnidentifiedImageError)


class TestImageSize:
    @pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
    def test_width_and_height(self, file, name):
        Image.new("RGB", (31, 17)).save(file, format=name)
        assert image_size(file) == (31, 17)
        assert image_size(str(file)) == (31, 17)

    def test_exif_orientation_is_not_applied(self, file):
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.new("RGB", (31, 17)).save(file, format="JPEG", exif=exif)
        assert image_size(file) == (31, 17)


class TestCheckArray:
    def test_8_bits_are_taken_as_they_are(self):
        np.testing.assert_array_equal(check_array(noise()), noise())
        np.testing.assert_array_equal(check_array(WARM_GREYS), WARM_GREYS[:, :, None])

    @pytest.mark.parametrize(
        ("dtype", "values", "expected"),
        [
            (np.bool_, [False, True], [0, 255]),
            (np.uint8, [0, 1], [0, 1]),
            (np.uint16, [0, 255], [0, 255]),
            (np.uint16, [2, 256], [0, 64]),
            (np.uint16, [16, 4095], [1, 255]),
            (np.uint16, [257, 65535], [1, 255]),
            (">u2", [0, 16383], [0, 255]),
            (np.int8, [0, 127], [0, 127]),
            (np.int16, [0, 255], [0, 255]),
            (np.int16, [512, 1023], [128, 255]),
            (np.int32, [1, 255], [1, 255]),
            (np.uint32, [0, 65535], [0, 255]),
            (np.int64, [0, 1], [0, 1]),
            (np.uint64, [7, 65535], [0, 255]),
            (np.float16, [0, 1], [0, 255]),
            (np.float32, [0.5, 1], [128, 255]),
            (np.float64, [0, 0.1], [0, 26]),
            (np.float64, [0, 1.5], [0, 2]),
            (np.float64, [0, 254.6], [0, 255]),
            (np.float32, [0, 65535], [0, 255]),
            (">f8", [0, 1], [0, 255]),
            (np.longdouble, [0, 1], [0, 255]),
        ],
    )
    @pytest.mark.parametrize("channels", [(), (3,)])
    def test_scales(self, dtype, values, expected, channels):
        array = np.empty((1, 2, *channels), dtype)
        array[0, 0], array[0, 1] = values
        checked = check_array(array)
        assert checked.dtype == np.uint8
        assert checked.shape == (1, 2, *(channels or (1,)))
        assert checked[0, 0].tolist() == [expected[0]] * checked.shape[2]
        assert checked[0, 1].tolist() == [expected[1]] * checked.shape[2]

    def test_views_become_contiguous(self):
        for view in (noise()[::-1, ::2], noise().transpose(1, 0, 2), np.asfortranarray(noise())):
            checked = check_array(view)
            assert checked.flags.c_contiguous
            np.testing.assert_array_equal(checked, view)

    def test_a_read_only_array(self):
        array = noise()
        array.flags.writeable = False
        np.testing.assert_array_equal(check_array(array), array)

    def test_the_argument_is_not_changed(self):
        array = np.array([[0.25, 1.0]])
        check_array(array)
        assert array.tolist() == [[0.25, 1.0]]

    @pytest.mark.parametrize(
        "shape",
        [(5,), (), (0, 5), (5, 0), (0, 0, 3), (5, 5, 1), (5, 5, 2), (5, 5, 4), (1, 5, 5, 3)],
    )
    def test_other_shapes(self, shape):
        with pytest.raises(InvalidValueError) as caught:
            check_array(np.zeros(shape, np.uint8))
        assert str(caught.value) == (
            f"image_array must have shape (h, w) or (h, w, 3), got shape {shape}"
        )

    @pytest.mark.parametrize(
        ("given", "kind"),
        [
            ([[1, 2]], "list"),
            ("image.jpg", "str"),
            (b"\xff\xd8", "bytes"),
            (Image.new("L", (1, 1)), "Image"),
            (np.zeros((2, 2), complex), "dtype complex128"),
            (np.array([["a"]]), "dtype <U1"),
            (np.array([[None]]), "dtype object"),
            (np.zeros((2, 2), "M8[s]"), "dtype datetime64[s]"),
        ],
    )
    def test_other_types(self, given, kind):
        with pytest.raises(InvalidTypeError) as caught:
            check_array(given)
        assert str(caught.value) == (
            f"image_array must be a numpy array of real numbers, got {kind}"
        )

    @pytest.mark.parametrize(
        ("values", "dtype", "got"),
        [
            ([-1, 5], np.int16, "-1 to 5"),
            ([-0.5, 0.5], np.float64, "-0.5 to 0.5"),
            ([0, 65536], np.int32, "0 to 65536"),
            ([0, np.inf], np.float32, "0 to inf"),
            ([0, np.nan], np.float32, "nan to nan"),
        ],
    )
    def test_values_out_of_range(self, values, dtype, got):
        with pytest.raises(InvalidValueError) as caught:
            check_array(np.array([values], dtype))
        assert str(caught.value) == (
            "pixel values must lie within 0 to 1 (floats), 0 to 255 or 0 to 65535, got " + got
        )


def tiff(data, size, bits, order="<", extra=()):
    """An uncompressed grey TIFF; `extra` has further tags as (tag, type, count, value)."""
    tags = [
        (256, 3, 1, size[0]),
        (257, 3, 1, size[1]),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 3, 1, size[1]),
        (279, 4, 1, len(data)),
        *extra,
    ]
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", 8 + len(data))
    entries = b"".join(
        struct.pack(f"{order}HHL", tag, kind, count)
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}L", value))
        for tag, kind, count, value in tags
    )
    return header + data + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
