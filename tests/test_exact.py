"""Digests of pixels: equal if, and only if, the images are equal, alpha included."""

import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.images.exact import array_digest, pixel_digest
from tests.broken_files import png
from tests.conftest import photograph


def noise(channels, height=18, width=24, dtype=np.uint8, seed=0):
    shape = (height, width, channels)[: 2 + (channels > 1)]
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype)


@pytest.fixture
def digest(tmp_path):
    """The digest of pixels or an image, written to a file of the given format."""

    def write(pixels, name="PNG", **options):
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        image.save(path, format=name, **options)
        return pixel_digest(path)

    return write


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_equal_in_every_lossless_format(digest, channels):
    pixels = noise(channels, 16, 16)
    expected = digest(pixels)
    assert isinstance(expected, bytes)
    assert len(expected) == 16
    assert digest(pixels, "WEBP", lossless=True, exact=True) == expected
    assert digest(pixels, "TIFF") == expected
    assert digest(pixels, "TIFF", compression="tiff_lzw") == expected
    assert digest(pixels, "PNG", compress_level=0) == expected


@pytest.mark.parametrize("place", [(0, 0, 0), (17, 23, 3), (9, 4, 1)])
def test_one_value_of_one_pixel_counts(digest, place):
    pixels = noise(4)
    other = pixels.copy()
    other[place] ^= 1
    assert digest(pixels) != digest(other)


def test_equal_colours_with_different_alpha_differ(digest):
    icons = np.zeros((3, 32, 32, 4), np.uint8)
    icons[1, 8:24, 8:24, 3] = 255
    icons[2, 4:28, 12:20, 3] = 255
    assert len({digest(icon) for icon in icons}) == 3
    assert len({digest(icon, "WEBP", lossless=True, exact=True) for icon in icons}) == 3


def test_the_colour_beneath_transparent_pixels_counts(digest):
    black, red = np.zeros((2, 4, 4, 4), np.uint8)
    red[:, :, 0] = 255
    assert digest(black) != digest(red)


def test_opaque_alpha_is_no_alpha(digest):
    colour = noise(3)
    alpha = np.full((18, 24, 1), 255, np.uint8)
    assert digest(np.concatenate([colour, alpha], axis=2)) == digest(colour)
    grey = noise(1)
    assert digest(np.stack([grey, alpha[:, :, 0]], axis=2)) == digest(grey)


def test_grey_is_rgb_of_the_same_grey(digest):
    grey = noise(1)
    expected = digest(grey)
    assert digest(np.stack([grey] * 3, axis=2)) == expected
    assert digest(Image.fromarray(grey).convert("P")) == expected
    bits = grey > 127
    assert digest(bits) == digest(np.where(bits, 255, 0).astype(np.uint8))


def test_palettes_with_transparency(digest):
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([200, 100, 50, 1, 2, 3])
    indexed.putpixel((1, 0), 1)
    rgba = np.array([[[200, 100, 50, 0], [1, 2, 3, 128]]], np.uint8)
    assert digest(indexed, transparency=b"\x00\x80") == digest(rgba)
    assert digest(indexed) == digest(rgba[:, :, :3])
    rgba[0, 1, 3] = 255
    assert digest(indexed, "GIF", transparency=0) == digest(rgba)


def test_a_grey_value_or_colour_that_is_transparent(digest):
    grey = np.array([[0, 127], [127, 255]], np.uint8)
    alpha = np.where(grey == 127, 0, 255).astype(np.uint8)
    assert digest(grey, transparency=127) == digest(np.stack([grey, alpha], axis=2))
    colour = np.stack([grey] * 3, axis=2)
    rgba = np.concatenate([colour, alpha[:, :, None]], axis=2)
    assert digest(colour, transparency=(127, 127, 127)) == digest(rgba)


@pytest.mark.parametrize("name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_upright(digest, name, channels, orientation, turns):
    pixels = noise(channels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if name == "WEBP" else {}
    turned = np.ascontiguousarray(np.rot90(pixels, turns))
    assert digest(pixels, name, exif=exif, **options) == digest(turned)


def test_width_and_height_count(digest):
    plain = np.zeros((4, 6), np.uint8)
    shapes = [(4, 6), (6, 4), (3, 8), (1, 24)]
    assert len({digest(plain.reshape(shape)) for shape in shapes}) == 4


def test_strips_make_no_difference(digest, monkeypatch):
    pixels = noise(4, 50, 60)
    whole = digest(pixels)
    monkeypatch.setattr("imagededup.images.strips._VALUES", 500)
    assert digest(pixels) == whole
    assert digest(pixels, "TIFF") == whole


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(320, 240), (1600, 1600)])
def test_jpegs_are_decoded_in_full(tmp_path, digest, mode, size):
    path = tmp_path / "x.jpg"
    photograph(0, size).convert(mode).save(path)
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixel_digest(path) == digest(pixels)
    assert pixel_digest(path) == array_digest(load_image(path))


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays(digest, channels):
    pixels = noise(channels)
    assert array_digest(pixels.reshape(18, 24, channels)) == digest(pixels)
    view = np.repeat(pixels.reshape(18, 24, channels), 2, axis=1)[:, ::2]
    assert array_digest(view) == digest(pixels)


def test_deep_values_count_as_they_are(digest):
    deep = noise(1, dtype=np.uint16)
    expected = digest(deep)
    assert digest(deep, "TIFF") == expected
    assert digest(deep.astype(">u2"), "TIFF") == expected
    other = deep.copy()
    other[5, 5] ^= 1
    assert digest(other) != expected
    assert digest((deep >> 8).astype(np.uint8)) != expected
    assert digest(deep.astype(np.float32), "TIFF") != expected
    assert digest(deep, transparency=7) != expected


def test_a_turned_deep_image(digest):
    deep = noise(1, dtype=np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert digest(deep, exif=exif) == digest(np.ascontiguousarray(np.rot90(deep, 3)))


def test_cielab(digest):
    lab = ImageCms.profileToProfile(
        Image.fromarray(noise(3)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    other = lab.copy()
    other.putpixel((3, 3), (1, 2, 3))
    assert digest(lab, "TIFF") == digest(lab, "TIFF", compression="tiff_lzw")
    assert digest(lab, "TIFF") != digest(other, "TIFF")


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP", "TIFF"])
def test_films_that_begin_alike_differ(digest, name):
    black, white, grey = (Image.new("L", (8, 8), value) for value in (0, 255, 99))
    options = {"lossless": True} if name == "WEBP" else {}
    first = digest(black, name, save_all=True, append_images=[white], **options)
    again = digest(black, name, save_all=True, append_images=[white], **options)
    other = digest(black, name, save_all=True, append_images=[grey], **options)
    assert first == again
    assert len({first, other, digest(black)}) == 3


def test_colours_of_16_bits_that_pillow_rounds_differ(tmp_path):

    paths = [tmp_path / "a", tmp_path / "b"]
    for low, path in enumerate(paths):
        row = b"\0" + bytes([100, low, 7, low, 200, low])
        path.write_bytes(png(1, 1, zlib.compress(row), depth=16))
    np.testing.assert_array_equal(load_image(paths[0]), load_image(paths[1]))
    assert pixel_digest(paths[0]) != pixel_digest(paths[1])


def test_a_golden_value():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert array_digest(pixels).hex() == "56d676d32399a1b8fe8dbcabce353e5f"


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_unreadable_files_raise(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(UnreadableImageError):
        pixel_digest(path)
    with pytest.raises(UnreadableImageError, match="no such file"):
        pixel_digest(tmp_path / "absent.png")


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_avif_with_alpha(digest):
    alpha = np.full((16, 16, 4), 255, np.uint8)
    other = alpha.copy()
    other[4:8, 4:8, 3] = 0
    assert digest(alpha, "AVIF") != digest(other, "AVIF")
