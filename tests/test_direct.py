"""Common JPEGs are decoded without Pillow, and come out as by Pillow's way."""

import random
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_by_pillow
from imagededup.images.direct import load_directly
from imagededup.images.exif_turn import exif_turn
from imagededup.images.jpeg_header import JpegHeader, read_header
from imagededup.images.reduction import Reduction
from imagededup.sources.limits import limits, set_limits
from tests.conftest import photograph

XMP = b'<rdf:Description tiff:Orientation="6"/>'
REDUCTIONS = [None, Reduction(0, 16), Reduction(above=30, down_to=8, to_grey=True)]


def exif(turn=None):
    data = Image.Exif()
    data[0x010F] = "maker of the camera"
    if turn is not None:
        data[0x0112] = turn
    return data.tobytes()


def photoshop(resources):
    data = b"Photoshop 3.0\0" + resources
    return b"\xff\xed" + (2 + len(data)).to_bytes(2, "big") + data


COMMON = {
    "coloured": ("RGB", {}),
    "grey": ("L", {}),
    "halved colours": ("RGB", {"subsampling": 2, "restart_marker_blocks": 2}),
    "profile": ("RGB", {"icc_profile": bytes(3000)}),
    "comment": ("L", {"comment": b"hello", "dpi": (300, 300)}),
    "exif": ("RGB", {"exif": exif()}),
    **{f"turned {turn}": ("RGB", {"exif": exif(turn)}) for turn in range(10)},
    "photoshop": ("RGB", {"extra": photoshop(b"8BIM\4\x04\0\0\0\0\0\3abc\0" * 2)}),
    "photoshop, cut off": ("L", {"extra": photoshop(b"8BIM\4\x04\0\0\0\0\0\3abc\x008BIM\0")}),
    "exif before xmp": ("RGB", {"exif": exif(8), "xmp": XMP}),
}
LEFT_TO_PILLOW = {
    "progressive": ("RGB", {"progressive": True}),
    "four channels": ("CMYK", {}),
    "photoshop, without a name": ("L", {"extra": photoshop(b"8BIM\0\0")}),
    "turned by xmp": ("RGB", {"xmp": XMP}),
}


def jpeg(mode, options, size=(61, 40)):
    with BytesIO() as file:
        photograph(0, size).convert(mode).save(file, "JPEG", **options)
        return file.getvalue()


def outcome(load, path, reduction):
    """Pixels and size, the reason why there are none, or None where the way is not taken."""
    try:
        found = load(path, reduction)
    except UnreadableImageError as error:
        return str(error)
    return found and (found[0].tolist(), found[1])


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("kind", COMMON)
def test_common_ones_are_as_by_pillow(tmp_path, kind, reduction):
    path = tmp_path / "image"
    path.write_bytes(jpeg(*COMMON[kind]))
    found = load_directly(path, reduction)
    assert found is not None
    assert found[0].flags.c_contiguous
    assert outcome(load_directly, path, reduction) == outcome(load_by_pillow, path, reduction)


@pytest.mark.parametrize("kind", LEFT_TO_PILLOW)
def test_others_are_left_to_pillow(tmp_path, kind):
    path = tmp_path / "image"
    path.write_bytes(jpeg(*LEFT_TO_PILLOW[kind]))
    assert load_directly(path, None) is None


def test_a_file_that_is_read_in_several_pieces(tmp_path):
    path = tmp_path / "image.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, quality=100)
    assert path.stat().st_size > 2**18
    assert outcome(load_directly, path, None) == outcome(load_by_pillow, path, None)


def test_damaged_ones_are_as_by_pillow_or_left_to_it(tmp_path):
    """Wrong bytes in the header, bytes left out and put in, and ends cut off."""
    draw = random.Random(0)
    path = tmp_path / "image"
    originals = [jpeg(*kind) for kind in {**COMMON, **LEFT_TO_PILLOW}.values()]
    taken = 0
    for _ in range(600):
        data = bytearray(draw.choice(originals))
        place = draw.randrange(data.index(b"\xff\xda") + 12)
        match draw.randrange(5):
            case 0 | 1:
                data[place] = draw.choice([0, 1, 255, draw.randrange(256)])
            case 2:
                del data[place]
            case 3:
                data.insert(place, draw.choice([0, 255]))
            case 4:
                del data[draw.randrange(place, len(data)) :]
        path.write_bytes(data)
        reduction = draw.choice(REDUCTIONS)
        found = outcome(load_directly, path, reduction)
        if found is not None:
            taken += 1
            assert found == outcome(load_by_pillow, path, reduction)
    assert taken > 100


def test_limits_are_kept(tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(jpeg("RGB", {}))
    for name, most in (("pixels", 61 * 40 - 1), ("file_size", path.stat().st_size - 1)):
        before = set_limits(limits(), **{name: most})
        try:
            assert load_directly(path, None) is None
            assert "more than the limit" in outcome(load_by_pillow, path, None)
        finally:
            set_limits(before)
    before = set_limits(memory=8 * 61 * 40 - 1)
    try:
        assert "memory" in outcome(load_directly, path, None)
        assert outcome(load_directly, path, None) == outcome(load_by_pillow, path, None)
    finally:
        set_limits(before)


def test_what_is_no_file_of_its_own_is_left(tmp_path):
    (tmp_path / "empty").touch()
    for name in ("empty", "absent", ".", "null\0character", "archive.zip/image.jpg"):
        assert load_directly(f"{tmp_path}/{name}", None) is None


def test_header():
    assert read_header(jpeg("L", {"exif": exif(6)})) == JpegHeader(61, 40, 1, 6)
    assert read_header(jpeg("RGB", {})) == JpegHeader(61, 40, 3, 1)
    assert read_header(jpeg("RGB", {})[:200]) is None
    assert read_header(b"") is None
    assert read_header(b"\x89PNG") is None


def test_orientation_in_exif_data():
    little = exif(5).removeprefix(b"Exif\0\0")
    assert exif_turn(little) == 5
    big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x07\0\0\0\0\0\0"
    assert exif_turn(big) == 7
    assert exif_turn(big[:-1]) is None
    assert exif_turn(big.replace(b"\x01\x12", b"\x01\x11")) == 0
    assert exif_turn(big.replace(b"\x01\x12\0\x03", b"\x01\x12\0\x04")) is None
    assert exif_turn(b"") is None
