"""Files that ask for more than they are: bombs, giants, endless animations, broken metadata."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image, features

from tests.broken_files import png, png_chunk
from tests.hostile.formats import encoded, picture
from tests.hostile.jpeg import scan_bomb

__all__ = ["animations", "bombs", "giants", "odd_metadata"]

Files = Iterator[tuple[str, bytes]]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def bombs() -> Files:
    """Files that claim much, or expand to much, and hold no picture."""
    yield "scans.jpg", scan_bomb(8000, 8000, 20_000)
    yield "sides.jpg", _with_jpeg_size(encoded(picture(900), "jpeg"), 65_500, 65_500)
    yield (
        "sides_progressive.jpg",
        _with_jpeg_size(encoded(picture(900), "jpeg_progressive"), 65_500, 65_500),
    )
    row = zlib.compress(bytes(3 * 4 + 1) * 4)
    good = png(4, 4, row)
    zeros = zlib.compress(bytes(200 * 2**20), 9)
    for kind, head in ((b"iCCP", b"x\0\0"), (b"zTXt", b"x\0\0"), (b"iTXt", b"x\0\1\0\0\0")):
        chunk = png_chunk(kind, head + zeros)
        yield f"expands_{kind.decode()}.png", good[:33] + chunk * 3 + good[33:41]
    yield "chunks.png", good[:33] + png_chunk(b"tEXt", b"a\0b") * 60_000 + good[33:41]
    yield "empty_chunks.png", good[:33] + png_chunk(b"IDAT", b"") * 60_000
    yield "wide.png", png(2**31 - 1, 1, row)
    yield "pixels_missing.png", png(13_000, 13_000, row)
    yield "canvas.gif", b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\0;"
    yield "expands.tif", _tiff_of_zeros(60_000, 60_000)
    yield "directories.tif", _tiff_chain(5000)
    yield "inner.ico", _icon(png(20_000, 20_000, row))
    yield (
        "entries.ico",
        struct.pack("<HHH", 0, 1, 65535)
        + struct.pack("<BBBBHHLL", 8, 8, 0, 0, 1, 32, 40, 22) * 65535,
    )
    yield "runs.bmp", _bmp_of_runs(12_000, 12_000)
    yield "pixels_missing.dds", _dds(12_000, 12_000)
    yield "pixels_missing.qoi", b"qoif" + struct.pack(">LLBB", 13_000, 13_000, 3, 0) + b"\xc0" * 99
    yield "text.ppm", b"P3\n12000 12000\n255\n" + b"1 " * 50_000
    yield "comments.ppm", b"P6\n" + b"#\n" * 400_000
    yield "line.xpm", b"/* XPM */\nstatic char *x[] = {\n" + b"x" * 5_000_000
    yield "defines.xbm", b"#define a_width 30000\n#define a_height 30000\n" + b"0x00," * 5000
    yield (
        "layers.psd",
        b"8BPS\0\1"
        + bytes(6)
        + struct.pack(">HLLHH", 3, 9000, 9000, 8, 3)
        + bytes(8)
        + struct.pack(">LLh", 2**31 - 1, 2**31 - 1, 32767)
        + bytes(5000),
    )
    yield "colours.im", b"Image type: P image\r\nImage size (x*y): 12000*12000\r\n" + b"\0" * 400
    if features.check("jpg_2000"):
        data = encoded(picture(901), "jpeg_2000_stream") or b""
        for side in (2500, 65_000):
            size = struct.pack(">LLLLLLLL", side, side, 0, 0, side, side, 0, 0)
            yield f"sides_{side}.j2k", data[:8] + size + data[40:]
        size = struct.pack(">LLLLLLLL", 3000, 3000, 0, 0, 1, 1, 0, 0)
        yield "tiles.j2k", data[:8] + size + data[40:]
    if features.check("webp"):
        data = bytearray(encoded(picture(902), "webp") or b"")
        data[26:30] = struct.pack("<HH", 13_000, 13_000)
        yield "sides.webp", bytes(data)
    if features.check("avif"):
        data = encoded(picture(903), "avif") or b""
        place = data.index(b"ispe") + 8
        yield "sides.avif", data[:place] + struct.pack(">LL", 4_000, 4_000) + data[place + 8 :]


def giants() -> Files:
    """Images that are as large as they say: black ones of few bytes."""
    yield "black_16_bits.png", _black_png(8_000, 8_000, 16, 0)
    yield "black_16_bits_colour.png", _black_png(4_000, 4_000, 16, 2)
    yield "one_row.png", _black_png(5_000_000, 1, 8, 2)


def animations() -> Files:
    """Readable images that never end; the first frame is a picture."""
    frames = [picture(910), picture(911)]
    data = BytesIO()
    frames[0].convert("P").save(
        data, format="GIF", save_all=True, append_images=frames[1:], duration=50
    )
    gif = data.getvalue()
    last = gif.rindex(b"!\xf9")
    yield "frames.gif", gif[:last] + gif[last:-1] * 500 + b";"
    data = BytesIO()
    frames[0].save(data, format="PNG", save_all=True, append_images=frames[1:], loop=0)
    apng = data.getvalue()
    place = apng.index(b"acTL")
    claim = png_chunk(b"acTL", struct.pack(">LL", 2**31 - 1, 0))
    yield "frames.png", apng[: place - 4] + claim + apng[place + 16 :]
    if features.check("webp"):
        data = BytesIO()
        frames[0].save(data, format="WEBP", save_all=True, append_images=frames[1:] * 200)
        yield "frames.webp", data.getvalue()
    data = BytesIO()
    frames[0].save(data, format="TIFF", save_all=True, append_images=frames[1:] * 200)
    yield "frames.tif", data.getvalue()


def odd_metadata() -> Files:
    """Readable pictures, all of one scene, with broken EXIF, ICC and XMP."""
    scene = picture(920)
    jpeg, whole = encoded(scene, "jpeg") or b"", encoded(scene, "png") or b""
    random = np.random.default_rng(0).bytes(3000)
    cycle = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLLL", 0x8769, 4, 1, 8, 8)
    huge = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHLLL", 274, 5, 2**32 - 1, 2**31, 0)
    texts = {
        "exif_random": b"Exif\0\0" + random,
        "exif_cycle": b"Exif\0\0" + cycle,
        "exif_huge": b"Exif\0\0" + huge,
        "exif_turn_of_99": b"Exif\0\0II*\0\x08\0\0\0\1\0" + struct.pack("<HHLLL", 274, 3, 1, 99, 0),
        "exif_no_header": b"Exif\0\0",
    }
    for name, content in texts.items():
        yield f"{name}.jpg", _with_segment(jpeg, 0xE1, content)
        yield f"{name}.png", _with_chunk(whole, b"eXIf", content[6:])
    yield "icc_random.jpg", _with_segment(jpeg, 0xE2, b"ICC_PROFILE\0\1\1" + random)
    yield "icc_part_9_of_3.jpg", _with_segment(jpeg, 0xE2, b"ICC_PROFILE\0\x09\3" + random)
    yield "icc_random.png", _with_chunk(whole, b"iCCP", b"x\0\0" + zlib.compress(random))
    address = b"http://ns.adobe.com/xap/1.0/\0"
    entities = (
        b'<!DOCTYPE x [<!ENTITY a "b">' + b'<!ENTITY c "&a;&a;&a;&a;">' * 500 + b"]><x>&c;</x>"
    )
    for name, content in {"entities": entities, "random": random, "open": b"<x" * 9000}.items():
        yield f"xmp_{name}.jpg", _with_segment(jpeg, 0xE1, address + content)
        chunk = b"XML:com.adobe.xmp\0\0\0\0\0" + content
        yield f"xmp_{name}.png", _with_chunk(whole, b"iTXt", chunk)
    yield "photoshop.jpg", _with_segment(jpeg, 0xED, b"Photoshop 3.0\0" + b"8BIM" * 3000)
    yield "two_hundred_segments.jpg", _with_segment(jpeg, 0xE1, random * 20, 200)


def _with_segment(data: bytes, marker: int, content: bytes, times: int = 1) -> bytes:
    length = struct.pack(">H", len(content) + 2)
    return data[:2] + (bytes([0xFF, marker]) + length + content) * times + data[2:]


def _with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    return data[:33] + png_chunk(kind, content) + data[33:]


def _with_jpeg_size(data: bytes | None, width: int, height: int) -> bytes:
    content = data or b""
    frame = max(content.find(b"\xff\xc0"), content.find(b"\xff\xc2"))
    size = struct.pack(">HH", height, width)
    return content[: frame + 5] + size + content[frame + 9 :]


def _black_png(width: int, height: int, depth: int, colour: int) -> bytes:
    row = b"\0" + bytes(width * depth // 8 * (3 if colour == 2 else 1))
    compress = zlib.compressobj(1)
    data = b"".join(compress.compress(row) for _ in range(height)) + compress.flush()
    return png(width, height, data, depth=depth, colour=colour)


def _tiff_of_zeros(width: int, height: int) -> bytes:
    data = BytesIO()
    Image.new("1", (8, 8)).save(data, format="TIFF", compression="tiff_adobe_deflate")
    content = bytearray(data.getvalue())
    for tag, value in ((256, width), (257, height), (278, height)):
        for kind in (3, 4):
            place = content.find(struct.pack("<HHL", tag, kind, 1))
            if place >= 0:
                content[place : place + 12] = struct.pack("<HHLL", tag, 4, 1, value)
    return bytes(content)


def _tiff_chain(count: int) -> bytes:
    content = b"II*\0\x08\0\0\0"
    for number in range(count):
        content += struct.pack("<HHHLLL", 1, 254, 4, 1, 0, 8 + 18 * ((number + 1) % count))
    return content


def _icon(inner: bytes) -> bytes:
    return struct.pack("<HHHBBBBHHLL", 0, 1, 1, 8, 8, 0, 0, 1, 32, len(inner), 22) + inner


def _bmp_of_runs(width: int, height: int) -> bytes:
    header = struct.pack("<LLLHHLLLLLL", 40, width, height, 1, 8, 1, 0, 1, 1, 256, 0)
    return b"BM" + struct.pack("<LLL", 0, 0, 14 + 40 + 1024) + header + bytes(1024) + b"\xff\0" * 50


def _dds(width: int, height: int) -> bytes:
    header = struct.pack("<LLLLLLL", 124, 0x1007, height, width, 0, 0, 0) + bytes(44)
    masks = struct.pack("<LLLLLLLL", 32, 0x40, 0, 24, 0xFF0000, 0xFF00, 0xFF, 0)
    return b"DDS " + header + masks + struct.pack("<LLLLL", 0x1000, 0, 0, 0, 0) + bytes(300)
