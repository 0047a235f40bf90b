"""A picture in every format that can be written here, whole, cut and with wrong bytes."""

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, features

from tests.conftest import textured

__all__ = ["CUTS", "FLIPS", "FORMATS", "SIZE", "damaged", "encoded", "picture"]

SIZE = (120, 90)
CUTS = 20
FLIPS = 6

FORMATS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "jpeg": ("jpg", "JPEG", "RGB", {"quality": 90}),
    "jpeg_progressive": ("jpg", "JPEG", "RGB", {"quality": 90, "progressive": True}),
    "jpeg_grey": ("jpeg", "JPEG", "L", {"quality": 90}),
    "jpeg_cmyk": ("jpg", "JPEG", "CMYK", {"quality": 90}),
    "mpo": ("mpo", "MPO", "RGB", {"quality": 90}),
    "png": ("png", "PNG", "RGB", {}),
    "png_alpha": ("png", "PNG", "RGBA", {}),
    "png_palette": ("png", "PNG", "P", {}),
    "png_16_bits": ("png", "PNG", "I;16", {}),
    "gif": ("gif", "GIF", "P", {}),
    "bmp": ("bmp", "BMP", "RGB", {}),
    "dib": ("dib", "DIB", "RGB", {}),
    "tiff": ("tif", "TIFF", "RGB", {}),
    "tiff_lzw": ("tif", "TIFF", "RGB", {"compression": "tiff_lzw"}),
    "tiff_deflate": ("tif", "TIFF", "RGB", {"compression": "tiff_adobe_deflate"}),
    "tiff_packbits": ("tiff", "TIFF", "RGB", {"compression": "packbits"}),
    "tiff_jpeg": ("tif", "TIFF", "RGB", {"compression": "jpeg"}),
    "tiff_zstd": ("tif", "TIFF", "RGB", {"compression": "zstd"}),
    "tiff_lzma": ("tif", "TIFF", "RGB", {"compression": "lzma"}),
    "tiff_group4": ("tif", "TIFF", "1", {"compression": "group4"}),
    "tiff_16_bits": ("tif", "TIFF", "I;16", {}),
    "tiff_float": ("tif", "TIFF", "F", {}),
    "webp": ("webp", "WEBP", "RGB", {}),
    "webp_lossless": ("webp", "WEBP", "RGBA", {"lossless": True}),
    "avif": ("avif", "AVIF", "RGB", {"speed": 10}),
    "heic": ("heic", "HEIF", "RGB", {}),
    "jpeg_2000": ("jp2", "JPEG2000", "RGB", {}),
    "jpeg_2000_stream": ("j2k", "JPEG2000", "RGB", {"no_jp2": True}),
    "ppm": ("ppm", "PPM", "RGB", {}),
    "pgm_16_bits": ("pgm", "PPM", "I;16", {}),
    "pfm": ("pfm", "PPM", "F", {}),
    "tga": ("tga", "TGA", "RGB", {}),
    "tga_runs": ("tga", "TGA", "RGB", {"compression": "tga_rle"}),
    "ico": ("ico", "ICO", "RGBA", {"sizes": [(120, 90)]}),
    "pcx": ("pcx", "PCX", "RGB", {}),
    "dds": ("dds", "DDS", "RGB", {}),
    "dds_blocks": ("dds", "DDS", "RGBA", {"pixel_format": "DXT1"}),
    "sgi": ("sgi", "SGI", "RGB", {}),
    "qoi": ("qoi", "QOI", "RGB", {}),
    "im": ("im", "IM", "RGB", {}),
    "spider": ("spider", "SPIDER", "F", {}),
    "xbm": ("xbm", "XBM", "1", {}),
    "msp": ("msp", "MSP", "1", {}),
    "blp": ("blp", "BLP", "P", {}),
}
"""Ending, name in Pillow, mode and options of each kind of file."""

_NEEDED = {"AVIF": "avif", "WEBP": "webp", "JPEG2000": "jpg_2000", "TIFF": "libtiff"}
_DEEP = {"I;16": np.uint16, "F": np.float32}


def picture(number: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """One of many pictures, no two of which are alike."""
    return textured(1000 + number, size)


def encoded(image: Image.Image, kind: str) -> bytes | None:
    """A picture as a file of one of `FORMATS`; None where it cannot be written here."""
    _, name, mode, options = FORMATS[kind]
    if name in _NEEDED and not features.check(_NEEDED[name]):
        return None
    if name == "HEIF":
        if not find_spec("pillow_heif"):
            return None
        from pillow_heif import register_heif_opener

        register_heif_opener()
    if mode in _DEEP:
        values = np.asarray(image.convert("L")) * (257.0 if mode == "I;16" else 1 / 255)
        image = Image.fromarray(values.astype(_DEEP[mode]))
    else:
        image = image.convert(mode)
    data = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of formats that are not written often
        image.save(data, format=name, **options)
    return data.getvalue()


def damaged(kind: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The file cut at `CUTS` places, and with wrong bytes in `FLIPS` ways."""
    ending = FORMATS[kind][0]
    for step in range(CUTS):
        place = max(1, len(data) * step // CUTS)
        yield f"{kind}_cut_{100 * step // CUTS:02}.{ending}", data[:place]
    generator = np.random.default_rng(len(data))
    for flip in range(FLIPS):
        wrong = bytearray(data)
        begin = 0 if flip % 2 else len(data) // 10  # in the header, or behind most headers
        for place in generator.integers(begin, 200 if flip % 2 else len(data), 1 + flip).tolist():
            wrong[place % len(data)] ^= 1 << int(generator.integers(8))
        yield f"{kind}_flipped_{flip}.{ending}", bytes(wrong)
