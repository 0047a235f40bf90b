"""Files that look like images and are none, of every kind that turns up in collections."""

import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import features

from tests.conftest import photograph

__all__ = [
    "IS_ROOT",
    "make_broken_files",
    "make_good_files",
    "make_special_files",
    "png",
    "png_chunk",
]

IS_ROOT = getattr(os, "geteuid", lambda: 0)() == 0  # then permissions restrict nothing
_ENDINGS = {
    "BMP": "bmp",
    "GIF": "gif",
    "JPEG": "jpg",
    "PCX": "pcx",
    "PNG": "png",
    "PPM": "ppm",
    "QOI": "qoi",
    "SGI": "sgi",
    "TGA": "tga",
    "TIFF": "tif",
    "WEBP": "webp",
}
_ODD_NAMES = (
    "line\nbreak.jpg",
    "carriage\rreturn.jpg",
    "tab\t.jpg",
    "'single' \"double\".jpg",
    "comma, semicolon; .jpg",
    "$(echo) `echo` %s {0} \\n.jpg",
    "=1+1.jpg",
    " .jpg",
    "-rf.jpg",
    "画像 🖼 e\u0301 \u202e.jpg",
    "n" * 251 + ".jpg",
    os.fsdecode(b"latin-1 \xe9.jpg"),
    "no_ending",
)


def make_good_files(folder: Path) -> list[str]:
    """Write readable images of several formats, among them damaged ones; return their names."""
    folder.mkdir(exist_ok=True)
    photograph(1).save(folder / "good.jpg")
    photograph(2).save(folder / "good.png")
    photograph(3).save(folder / "good_with_a_wrong_ending.gif", format="BMP")
    photograph(4).save(folder / "good, with odd 'name'\n.png")
    photograph(5).save(folder / "good_exif_is_damaged.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0")
    noise = bytearray(_image("JPEG"))
    noise[len(noise) // 2] ^= 0x55
    (folder / "good_one_wrong_byte.jpg").write_bytes(noise)
    (folder / "good_data_follow.jpg").write_bytes(_image("JPEG") + b"\0" * 5000)
    return sorted(path.name for path in folder.iterdir())


def make_broken_files(folder: Path) -> list[str]:
    """Write files that cannot be decoded, each broken in another way; return their names."""
    folder.mkdir(exist_ok=True)
    before = set(folder.iterdir())
    contents = {
        **dict(_no_images()),
        **dict(_truncated()),
        **dict(_broken_png()),
        **dict(_broken_jpeg()),
        **dict(_broken_tiff()),
        **dict(_other_formats()),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    for name in _ODD_NAMES:
        with suppress(OSError):  # macOS takes no name that is not valid UTF-8
            (folder / name).write_bytes(b"text")
    (folder / "broken_link.jpg").symlink_to("absent.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "loop_of_two_a.jpg").symlink_to("loop_of_two_b.jpg")
    (folder / "loop_of_two_b.jpg").symlink_to("loop_of_two_a.jpg")
    (folder / "link_into_a_file.jpg").symlink_to("text.jpg/absent.jpg")
    (folder / "link_to_text.jpg").symlink_to("text.jpg")
    if not IS_ROOT:
        (folder / "forbidden.jpg").write_bytes(_image("JPEG"))
        (folder / "forbidden.jpg").chmod(0)
    return sorted(path.name for path in set(folder.iterdir()) - before)


def make_special_files(folder: Path) -> None:
    """Make what is no file: never opened and never listed."""
    folder.mkdir(exist_ok=True)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link_to_pipe.jpg").symlink_to("pipe.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "folder.jpg").mkdir()
    if Path("/proc/self/fd").exists():
        _make_socket(folder, "socket.jpg")


def _make_socket(folder: Path, name: str) -> None:
    """Make a socket by way of /proc, for its path may have no more than 100 bytes."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)


def _image(name: str, **options: object) -> bytes:
    data = BytesIO()
    photograph(0, (96, 64)).save(data, format=name, **options)
    return data.getvalue()


def _no_images() -> Iterator[tuple[str, bytes]]:
    yield "empty.jpg", b""
    yield "one_byte.jpg", b"\xff"
    yield "zeros.jpg", bytes(5000)
    yield "random.jpg", np.random.default_rng(0).bytes(5000)
    yield "text.jpg", b"This is no image.\n"
    yield "text.png", "Dies ist kein Bild: äöü\n".encode("utf-16")
    yield "page.jpg", b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
    yield "drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    yield "document.jpg", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"
    yield "archive.png", b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(100)
    yield "compressed.jpg", b"\x1f\x8b\x08\0" + bytes(100)
    yield "script.jpg", b"#!/bin/sh\nexit 1\n"
    yield "program.jpg", b"\x7fELF\x02\x01\x01" + bytes(100)
    yield "film.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41" + bytes(100)
    yield "photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    yield "sound.jpg", b"RIFF\x24\0\0\0WAVEfmt " + bytes(100)
    yield "catalogue.json", b'{"images": []}'
    yield "Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    yield (
        "program.eps",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n",
    )


def _truncated() -> Iterator[tuple[str, bytes]]:
    for name, ending in _ENDINGS.items():
        data = _image(name)
        for percent in (1, 50, 90):
            yield f"truncated_at_{percent}.{ending}", data[: max(4, len(data) * percent // 100)]
        yield f"half_a_signature.{ending}", data[:2]
        yield f"wrong_signature.{ending}", b"\xee\xee\xee\xee\xee\xee\xee\xee" + data[8:]
    if features.check("avif"):
        data = _image("AVIF")
        yield "truncated_at_10.avif", data[: len(data) // 10]
        yield "truncated_at_50.avif", data[: len(data) // 2]
    if features.check("jpg_2000"):
        data = _image("JPEG2000")
        yield "truncated_at_1.jp2", data[:60]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", checksum)


def png(width: int, height: int, data: bytes, depth: int = 8, colour: int = 2) -> bytes:
    header = struct.pack(">LLBBBBB", width, height, depth, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _broken_png() -> Iterator[tuple[str, bytes]]:
    row = zlib.compress(bytes(3 * 4 + 1) * 4)
    good = png(4, 4, row)
    yield "header_only.png", good[:33]
    yield "without_pixels.png", good[:33] + png_chunk(b"IEND", b"")
    yield "no_width.png", png(0, 4, row)
    yield "no_height.png", png(4, 0, row)
    yield "bomb.png", png(50_000, 50_000, row)
    yield "largest_size.png", png(2**31 - 1, 2**31 - 1, row)
    yield "wrong_depth.png", png(4, 4, row, depth=7)
    yield "wrong_colour_type.png", png(4, 4, row, colour=5)
    yield "wrong_checksum.png", good[:29] + b"\0\0\0\0" + good[33:]
    yield "damaged_pixels.png", png(4, 4, row[:4] + b"\xff\xff\xff" + row[7:])
    yield "pixels_not_compressed.png", png(4, 4, bytes(52))
    yield "too_few_pixels.png", png(400, 400, row)
    yield "line_ends_converted.png", _image("PNG").replace(b"\r\n", b"\n")
    text = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 * 2**20)))
    yield "text_bomb.png", good[:33] + text + good[33:]


def _broken_jpeg() -> Iterator[tuple[str, bytes]]:
    data = _image("JPEG")
    frame = data.index(b"\xff\xc0")
    tables = data.index(b"\xff\xc4")
    scan = data.index(b"\xff\xda")
    yield "signature_only.jpg", data[:3]
    yield "header_only.jpg", data[:scan]
    yield "no_width.jpg", data[: frame + 7] + b"\0\0" + data[frame + 9 :]
    yield "no_height.jpg", data[: frame + 5] + b"\0\0" + data[frame + 7 :]
    yield "bomb.jpg", data[: frame + 5] + b"\xff\xdc\xff\xdc" + data[frame + 9 :]
    yield "damaged_huffman_table.jpg", data[: tables + 5] + b"\xff" * 16 + data[tables + 21 :]
    yield "twelve_bits.jpg", data[: frame + 4] + b"\x0c" + data[frame + 5 :]
    yield "seven_components.jpg", data[: frame + 9] + b"\x07" + data[frame + 10 :]
    yield "endless_markers.jpg", b"\xff\xd8" + b"\xff" * 5000
    yield "text_mode.jpg", data.replace(b"\n", b"\r\n").replace(b"\xff\xd8", b"\xff\xd9")
    yield "utf8.jpg", data.decode("latin-1").encode()


def _tiff(
    tags: list[tuple[int, int, int, int]], following: int = 0, count: int | None = None
) -> bytes:
    """A TIFF whose directory begins at byte 8 and is followed by 64 bytes of pixels."""
    number = len(tags) if count is None else count
    entries = b"".join(struct.pack("<HHLL", *tag) for tag in tags)
    directory = struct.pack("<H", number) + entries + struct.pack("<L", following)
    return b"II*\0" + struct.pack("<L", 8) + directory + bytes(64)


def _grey_tiff(**changes: int) -> bytes:
    values = {
        "width": 8,
        "height": 8,
        "bits": 8,
        "compression": 1,
        "photometric": 1,
        "offset": 8 + 2 + 9 * 12 + 4,
        "samples": 1,
        "rows": 8,
        "length": 64,
    } | changes
    numbers = (256, 257, 258, 259, 262, 273, 277, 278, 279)
    kinds = (4, 4, 3, 3, 3, 4, 3, 3, 4)
    return _tiff(
        [(tag, kind, 1, v) for tag, kind, v in zip(numbers, kinds, values.values(), strict=True)]
    )


def _broken_tiff() -> Iterator[tuple[str, bytes]]:
    yield "header_only.tif", b"II*\0\x08\0\0\0"
    yield "directory_outside.tif", b"II*\0\xff\xff\xff\x7f"
    yield "directory_within_header.tif", b"II*\0" + bytes(4) + bytes(200)
    yield "no_tags.tif", _tiff([])
    yield "cyclic_directory.tif", _tiff([(254, 4, 1, 0)], following=8)
    yield "too_many_tags.tif", _tiff([(256, 4, 1, 8)], count=65535)
    yield "no_width.tif", _grey_tiff(width=0)
    yield "no_height.tif", _grey_tiff(height=0)
    yield "bomb.tif", _grey_tiff(width=60_000, height=60_000)
    yield "strips_outside.tif", _grey_tiff(offset=999_999)
    yield "unknown_compression.tif", _grey_tiff(compression=4711)
    yield "damaged_lzw.tif", _grey_tiff(compression=5)
    yield "damaged_deflate.tif", _grey_tiff(compression=8)
    yield "damaged_fax.tif", _grey_tiff(compression=4, bits=1, length=3)
    yield "three_bits.tif", _grey_tiff(bits=3)
    yield "many_samples.tif", _grey_tiff(samples=65535)


def _other_formats() -> Iterator[tuple[str, bytes]]:
    gif = _image("GIF")
    yield "no_frames.gif", gif[:13] + gif[13 : 13 + 3 * 256] + b";"
    yield "no_size.gif", b"GIF89a" + bytes(4) + b"\0\0\0;"
    yield "only_comments.gif", b"GIF89a\x04\0\x04\0\0\0\0" + b"!\xfe\x01x\0" * 500 + b";"
    bmp = _image("BMP")
    yield "wrong_header_length.bmp", bmp[:14] + struct.pack("<L", 7) + bmp[18:]
    yield "no_width.bmp", bmp[:18] + bytes(4) + bmp[22:]
    yield "bomb.bmp", bmp[:18] + struct.pack("<LL", 60_000, 60_000) + bmp[26:]
    yield "wrong_depth.bmp", bmp[:28] + struct.pack("<H", 5) + bmp[30:]
    yield "pixels_outside.bmp", bmp[:10] + struct.pack("<L", 10**9) + bmp[14:]
    yield "no_maximum.ppm", b"P6\n4 4\n"
    yield "maximum_is_zero.ppm", b"P6\n4 4\n0\n" + bytes(48)
    yield "maximum_too_large.ppm", b"P6\n4 4\n70000\n" + bytes(96)
    yield "no_width.ppm", b"P6\n0 4\n255\n"
    yield "negative_size.ppm", b"P6\n-4 4\n255\n" + bytes(48)
    yield "no_number.ppm", b"P6\nfour 4\n255\n" + bytes(48)
    yield "endless_number.ppm", b"P6\n" + b"9" * 5000
    yield "bomb.pgm", b"P5\n99999 99999\n255\n" + bytes(48)
    yield "no_digits.pgm", b"P2\n2 2\n255\n1 x 3 4\n"
    webp = _image("WEBP")
    yield "wrong_length.webp", webp[:4] + struct.pack("<L", 12) + webp[8:]
    yield "no_pixels.webp", b"RIFF\x04\0\0\0WEBP"
    yield "damaged.webp", webp[:20] + bytes(len(webp) - 20)
    yield "without_entries.ico", struct.pack("<HHH", 0, 1, 0)
    yield "entry_outside.ico", struct.pack("<HHHBBBBHHLL", 0, 1, 1, 8, 8, 0, 0, 1, 32, 99, 10**9)
    yield "too_many_entries.ico", struct.pack("<HHH", 0, 1, 65535) + bytes(64)
    yield "entry_is_header.ico", struct.pack("<HHHBBBBHHLL", 0, 1, 1, 8, 8, 0, 0, 1, 32, 99, 0)
    yield "no_icons.icns", b"icns\0\0\0\x08"
    yield "photoshop.psd", b"8BPS\0\x01" + bytes(6) + struct.pack(">HLLHH", 3, 0, 0, 8, 3)
    yield (
        "photoshop_huge.psd",
        b"8BPS\0\x01" + bytes(6) + struct.pack(">HLLHH", 3, 300_000, 300_000, 8, 3) + bytes(12),
    )
    yield "header_only.jp2", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(8)
    yield "header_only.qoi", b"qoif" + struct.pack(">LLBB", 0, 0, 3, 0)
    yield "header_only.fits", b"SIMPLE  =                    T" + b" " * 50
    yield "stub.h5", b"\x89HDF\r\n\x1a\n" + bytes(100)
    yield "stub.grib", b"GRIB" + bytes(3) + b"\x01" + bytes(100)
