"""The headers of JPEGs as cameras and libraries write them, read without Pillow.

Pillow's reading holds the interpreter's lock for longer than some other cores take to decode an
image. What is not certain to be read alike is left to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from imagededup.images.exif_turn import exif_turn

__all__ = ["JpegHeader", "read_header"]

_START = b"\xff\xd8"
_START_OF_SCAN = 0xDA
_SKIPPED = frozenset([0xC4, 0xDD, 0xEF, 0xFE, *range(0xE3, 0xED)])
_TABLE_BYTES = 65
_WITH_VERSION = 7  # bytes that Pillow reads of such a segment
_WITH_NUMBER = 14


class JpegHeader(NamedTuple):
    """What a header says.

    Attributes:
        width: In pixels, as stored.
        height: Likewise.
        channels: 1 for a grey image, 3 for a coloured one.
        orientation: By Exif; 1 where that says nothing.
    """

    width: int
    height: int
    channels: int
    orientation: int


def read_header(data: bytes) -> JpegHeader | None:
    """Read the header of a baseline JPEG of 8 bits with one or three channels.

    Args:
        data: The beginning of a file.

    Returns:
        None for any other file, and for a header that is longer than the data, in any way unusual,
        or damaged.
    """
    if not data.startswith(_START):
        return None
    facts = _Facts()
    place, last = 2, len(data) - 4
    while place <= last and data[place] == 0xFF:
        marker, begin = data[place + 1], place + 4
        place += 2 + (data[place + 2] << 8 | data[place + 3])
        if not begin <= place <= last:
            return None
        if marker in _SKIPPED:
            continue
        if marker == _START_OF_SCAN:
            return facts.header()
        read = _READERS.get(marker)
        if read is None or not read(facts, data, begin, place):
            return None
    return None


@dataclass(slots=True)
class _Facts:
    """What segments have said so far; a segment that is read as Pillow reads it gives True."""

    frame: tuple[int, int, int] | None = None
    turn: int | None = None
    xmp_turns: bool = False

    def header(self) -> JpegHeader | None:
        """All together; Exif's orientation goes before that of XMP, which is left to Pillow."""
        if self.frame is None or (self.xmp_turns and not self.turn):
            return None
        return JpegHeader(*self.frame, orientation=self.turn or 1)

    def read_frame(self, data: bytes, begin: int, end: int) -> bool:
        """Size and channels."""
        if self.frame is not None or end < begin + 6:
            return False
        bits, top, below, left, right, channels = data[begin : begin + 6]
        self.frame = (left << 8 | right, top << 8 | below, channels)
        known = bits == 8 and channels in (1, 3) and end == begin + 6 + 3 * channels
        return known and all(self.frame)

    def read_tables(self, data: bytes, begin: int, end: int) -> bool:
        """Tables of quantization, of 8 bits each."""
        whole = (end - begin) % _TABLE_BYTES == 0
        return whole and all(data[place] < 16 for place in range(begin, end, _TABLE_BYTES))

    def read_exif_or_xmp(self, data: bytes, begin: int, end: int) -> bool:
        """The orientation."""
        if data.startswith(b"Exif\0\0", begin, end):
            if self.turn is not None:
                return False
            self.turn = exif_turn(data[begin + 6 : end])
            return self.turn is not None
        self.xmp_turns |= data.find(b"tiff:Orientation", begin, end) >= 0
        return True

    def read_profile(self, data: bytes, begin: int, end: int) -> bool:
        """A profile of colours, which is not applied; with several pictures Pillow goes on."""
        if data.startswith(b"ICC_PROFILE\0", begin, end):
            return end - begin >= _WITH_NUMBER
        return not data.startswith(b"MPF\0", begin, end)

    def read_named(self, data: bytes, begin: int, end: int) -> bool:
        """A name with a version: JFIF, Adobe."""
        is_named = data.startswith((b"JFIF", b"Adobe"), begin, end)
        return end - begin >= _WITH_VERSION or not is_named

    def read_photoshop(self, data: bytes, begin: int, end: int) -> bool:
        """Resources of Photoshop; Pillow takes no image where one ends before its name."""
        if not data.startswith(b"Photoshop 3.0\0", begin, end):
            return True
        place = 14
        while data.startswith(b"8BIM", begin + place, end) and begin + place + 6 <= end:
            place += 6
            if begin + place == end:
                return False
            place += 1 + data[begin + place]
            place += place & 1
            size = data[begin + place : min(begin + place + 4, end)]
            if len(size) < 4:
                return True
            place += 4 + int.from_bytes(size, "big")
            place += place & 1
        return True


_READERS: dict[int, Callable[[_Facts, bytes, int, int], bool]] = {
    0xC0: _Facts.read_frame,
    0xC1: _Facts.read_frame,
    0xDB: _Facts.read_tables,
    0xE0: _Facts.read_named,
    0xE1: _Facts.read_exif_or_xmp,
    0xE2: _Facts.read_profile,
    0xED: _Facts.read_photoshop,
    0xEE: _Facts.read_named,
}
