"""Which value is white in images of more than 8 bits."""

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.images.deep import check_array
from imagededup.methods import PHash
from tests.broken_files import png_chunk
from tests.conftest import photograph
from tests.test_images import tiff


@pytest.fixture
def file(tmp_path):
    return tmp_path / "image"


def ramp(largest):
    """All values from 0 to the largest."""
    return np.arange(largest + 1, dtype=np.uint16).reshape(-1, 64)


def scaled(values, white):
    """The definition, in exact arithmetic: no value lies in the middle between two others."""
    return (values.astype(object) * 510 + white) // (2 * white)


def levels(path):
    return load_image(path).ravel().tolist()


def save_png(path, values, significant_bits=None):
    Image.fromarray(np.array(values, np.uint16).reshape(1, -1)).save(path, format="PNG")
    if significant_bits is not None:
        data = path.read_bytes()
        chunk = png_chunk(b"sBIT", bytes([significant_bits]))
        path.write_bytes(data[:33] + png_chunk(b"gAMA", bytes([0, 0, 99, 99])) + chunk + data[33:])


def save_tiff(path, values, largest=None):
    extra = [] if largest is None else [(281, 3, 1, largest)]
    data = struct.pack(f"<{len(values)}H", *values)
    path.write_bytes(tiff(data, (len(values), 1), 16, extra=extra))


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_the_range_that_the_pixels_use(file, name, bits):
    values = ramp(2**bits - 1)
    Image.fromarray(values).save(file, format=name)
    np.testing.assert_array_equal(load_image(file)[:, :, 0], scaled(values, 2**bits - 1))


def test_twelve_bits_keep_their_grey_levels_and_their_hash(tmp_path):
    eight = np.asarray(photograph(3).convert("L"))
    twelve = np.rint(eight * (4095 / 255)).astype(np.uint16)
    Image.fromarray(twelve).save(tmp_path / "twelve.png")
    Image.fromarray(eight).save(tmp_path / "eight.png")
    np.testing.assert_array_equal(load_image(tmp_path / "twelve.png")[:, :, 0], eight)
    codes = PHash(verbose=False).encode_images(tmp_path)
    assert codes["twelve.png"] == codes["eight.png"]


@pytest.mark.parametrize(
    ("largest", "white"),
    [(1, 255), (255, 255), (256, 1023), (1024, 4095), (4096, 16383), (16384, 65535)],
)
def test_between_the_ranges(file, largest, white):
    save_png(file, [0, largest])
    assert levels(file) == scaled(np.array([0, largest]), white).tolist()


@pytest.mark.parametrize(
    ("bits", "values", "white"),
    [
        (9, [0, 100], 511),
        (12, [0, 300], 4095),
        (12, [300, 4095], 4095),
        (12, [300, 4096], 65535),  # scaled to 16 bits, as the specification asks for
        (16, [0, 300], 65535),
        (0, [0, 300], 1023),  # no such number
        (17, [0, 300], 1023),
    ],
)
def test_significant_bits_of_png(file, bits, values, white):
    save_png(file, values, significant_bits=bits)
    assert levels(file) == scaled(np.array(values), white).tolist()


@pytest.mark.parametrize(
    ("largest", "values", "white"),
    [(4095, [0, 300], 4095), (3000, [0, 300], 4095), (65535, [0, 300], 65535)],
)
def test_largest_sample_of_tiff(file, largest, values, white):
    save_tiff(file, values, largest)
    assert levels(file) == scaled(np.array(values), white).tolist()


def test_twelve_bits_a_sample_of_tiff(file):
    file.write_bytes(tiff(bytes([0x12, 0x38, 0x00]), (2, 1), 12))
    assert levels(file) == scaled(np.array([0x123, 0x800]), 4095).tolist()
    file.write_bytes(tiff(bytes([0x01, 0x00, 0x20]), (2, 1), 12))
    assert levels(file) == scaled(np.array([0x010, 0x020]), 4095).tolist()


@pytest.mark.parametrize("largest", [255, 300, 4095])
def test_the_maximum_of_a_portable_greymap(file, largest):
    values = np.array([0, 100, 255], np.uint16)
    file.write_bytes(b"P2\n3 1\n%d\n0 100 255\n" % largest)
    expected = np.rint(values * 255 / largest)
    assert np.abs(np.array(levels(file)) - expected).max() <= 1  # Pillow rounds to 16 bits before


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow without JPEG 2000")
def test_jpeg_2000_states_its_bits(file):
    values = np.array([[0, 257, 514, 1028]] * 8, np.uint16)
    Image.fromarray(values).save(file, format="JPEG2000", irreversible=False)
    assert levels(file)[:4] == [0, 1, 2, 4]


@given(
    st.lists(st.integers(0, 65535), min_size=1, max_size=50),
    st.sampled_from([np.uint16, np.int32, np.uint64]),
)
def test_arrays_are_scaled_as_files(values, dtype):
    white = next(2**bits - 1 for bits in (8, 10, 12, 14, 16) if max(values) < 2**bits)
    array = np.array([values], dtype)
    np.testing.assert_array_equal(check_array(array)[:, :, 0], scaled(array, white))


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
@pytest.mark.parametrize("largest", [200, 4095, 65535])
def test_file_and_array_give_the_same_hash(tmp_path, name, largest):
    grey = np.asarray(photograph(5).convert("L")).astype(np.uint16)
    values = grey * np.uint16(largest // 255) if largest > 255 else grey // 2
    path = tmp_path / "image"
    Image.fromarray(values).save(path, format=name)
    hasher = PHash(verbose=False)
    assert hasher.encode_image(image_file=path) == hasher.encode_image(image_array=values)


def test_16_bits_are_as_before():
    values = ramp(65535)
    before = np.rint(values.astype(np.float64) * (255 / 65535)).astype(np.uint8)
    np.testing.assert_array_equal(check_array(values)[:, :, 0], before)


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\0\0\0", struct.pack(">L4s", 2**31, b"abcd"), png_chunk(b"sBIT", b"")],
    ids=len,
)
def test_damaged_chunks_before_the_pixels(file, damaged):
    """The bits are unknown, or Pillow cannot read the file; no other error comes up."""
    save_png(file, [0, 4095])
    data = file.read_bytes()
    file.write_bytes(data[:33] + damaged + data[33:])
    with suppress(UnreadableImageError):
        assert levels(file) == [0, 255]
