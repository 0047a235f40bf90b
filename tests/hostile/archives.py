"""Archives that are damaged, lie about what they hold, or hold what must not be followed."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Iterator

from tests.hostile.formats import encoded, picture

__all__ = ["archives"]

_CUTS = 8


def archives(name: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Each holds one readable picture, its own, where it can be read so far; or one of them."""
    for number, (known, content) in enumerate(_contents(), 950):
        if name in (None, known):
            yield known, content(encoded(picture(number), "jpeg") or b"")
    if name is None:
        yield from _cut()


def _cut() -> Iterator[tuple[str, bytes]]:
    tar = _tar([("a.jpg", encoded(picture(945), "jpeg") or b"")], [])
    zipped = _zip([("a.jpg", encoded(picture(946), "jpeg") or b"")])
    for ending, whole in (("tar", tar), ("tar.gz", gzip.compress(tar)), ("zip", zipped)):
        for cut in range(_CUTS):
            yield f"cut_{cut}.{ending}", whole[: 1 + len(whole) * cut // _CUTS]


def _contents():
    hole = ("../../../../tmp/out.jpg", b"x")
    yield "leads_out.tar", lambda image: _tar([("a.jpg", image), hole, ("/etc/root.jpg", b"x")], [])
    yield "leads_out.zip", lambda image: _zip([("a.jpg", image), hole, ("/etc/root.jpg", b"x")])
    yield "links.tar", lambda image: _tar([("a.jpg", image)], _links())
    yield "twice.tar", lambda image: _tar([("a.jpg", b"first"), ("./a.jpg", image)], [])
    inner = _tar([("c.jpg", b"x")], [])
    yield "within.tar", lambda image: _tar([("a.jpg", image), ("b.tar", inner)], [])
    yield "encrypted.zip", lambda image: _encrypted(_zip([("b.jpg", b"x" * 99)]))
    yield "names.tar", lambda image: _tar([("a\n\x1b[2J\u202e.jpg", image), ("b" * 5000, b"x")], [])
    yield "expands.zip", lambda image: _zip([("a.jpg", image), ("b.tif", _far_tiff(200_000_000))])
    yield "claims.zip", lambda image: _claims(_zip([("b.jpg", b"x" * 5000)]))
    yield (
        "expands.tar.gz",
        lambda image: gzip.compress(_tar([("a.jpg", image), ("b.bin", bytes(400 * 2**20))], []), 1),
    )
    yield "empty_members.zip", lambda image: _zip([(f"{item}.jpg", b"") for item in range(300)])
    yield "negative_size.tar", lambda image: _unended_tar(image) + _negative()
    yield "long_header.tar", lambda image: _unended_tar(image) + _long_header()
    yield "nested_headers.tar", lambda image: _header("x", b"L", 5).ljust(1024, b"\0") * 3000
    yield "no_archive.zip", lambda image: image
    yield "no_archive.tar", lambda image: image
    yield "text.tgz", lambda image: b"no archive"


def _tar(files: list[tuple[str, bytes]], links: list[tarfile.TarInfo]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for link in links:
            tar.addfile(link)
    return data.getvalue()


def _unended_tar(image: bytes) -> bytes:
    """An archive of one picture to which something can be appended."""
    return _header("a.jpg", tarfile.REGTYPE, len(image)) + image + bytes(-len(image) % 512)


def _links() -> list[tarfile.TarInfo]:
    found = []
    for name, kind, target in (
        ("out.jpg", tarfile.SYMTYPE, "/etc/passwd"),
        ("up.jpg", tarfile.SYMTYPE, "../../x.jpg"),
        ("loop.jpg", tarfile.SYMTYPE, "loop.jpg"),
        ("later.jpg", tarfile.LNKTYPE, "none.jpg"),
        ("device.jpg", tarfile.CHRTYPE, ""),
        ("pipe.jpg", tarfile.FIFOTYPE, ""),
    ):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, target
        found.append(info)
    return found


def _zip(files: list[tuple[str, bytes]]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _encrypted(data: bytes) -> bytes:
    """As if its members were: the bit says so."""
    content = bytearray(data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + place] |= 1
    return bytes(content)


def _claims(data: bytes) -> bytes:
    """A member that says it has 4 GB."""
    content = bytearray(data)
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = content.index(mark) + place
        content[start : start + 4] = struct.pack("<L", 2**32 - 2)
    return bytes(content)


def _far_tiff(size: int) -> bytes:
    """A TIFF whose directory stands at its end, behind zeros."""
    directory = struct.pack("<H", 1) + struct.pack("<HHLLL", 256, 4, 1, 8, 0)
    return b"II*\0" + struct.pack("<L", size) + bytes(size - 8) + directory


def _header(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def _negative() -> bytes:
    """The header of a member of fewer than no bytes: a reader goes back, and finds it again."""
    header = bytearray(_header("back.jpg", tarfile.REGTYPE, 0))
    header[124:136] = (-512 & (2**96 - 1)).to_bytes(12, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def _long_header() -> bytes:
    """An extended header that says it has 6 GB, which a sparse file would have."""
    return _header("x", b"x", 6 * 2**30)
