"""How many frames an MP4 or QuickTime file claims, before memory is taken for all of them.

FFmpeg makes a table of every frame that a file claims, and some forms claim any number in a few
bytes.
"""

from collections.abc import Iterator

from imagededup.sources.blobs import Blob

__all__ = ["claims_too_much"]

_FIRST = {b"ftyp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp"}
_PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
_MOST_BYTES = 2**28
_FEW = 2**20  # a table of so many is no burden


def claims_too_much(video: Blob) -> bool:
    """Whether a file claims more frames, or pieces of sound, than it has bytes."""
    if video.read(4, 8) not in _FIRST:
        return False
    claimed = 0
    for begin, end in _index_boxes(video):
        if end - begin > _MOST_BYTES:
            return True
        claimed += _claimed(memoryview(video.read(begin, end)))
        if claimed > max(video.size, _FEW):
            return True
    return False


def _index_boxes(video: Blob) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes begin and end in which frames are claimed."""
    place = 0
    while place + 8 <= video.size:
        start = video.read(place, place + 16)
        header, length = _header(start, video.size - place)
        if length < header:
            return
        if start[4:8] in (b"moov", b"moof"):
            yield place + header, min(place + length, video.size)
        place += length


def _header(start: bytes | memoryview, rest: int) -> tuple[int, int]:
    """The length of a box's header and of the whole box; 0 stands for the rest, 1 for 64 bits."""
    length = int.from_bytes(start[:4], "big")
    if length == 1:
        return 16, int.from_bytes(start[8:16], "big")
    return 8, length or rest


def _claimed(content: memoryview) -> int:
    """How many frames the boxes within a box claim without a byte for each."""
    claimed = place = 0
    while place + 8 <= len(content):
        header, length = _header(content[place : place + 16], len(content) - place)
        if length < header:
            break
        kind, inside = (
            bytes(content[place + 4 : place + 8]),
            content[place + header : place + length],
        )
        if kind in _PARENTS:
            claimed += _claimed(inside)
        elif kind == b"stsz" and any(inside[4:8]):  # all frames have this size
            claimed += int.from_bytes(inside[8:12], "big")
        elif kind == b"trun":
            claimed += int.from_bytes(inside[4:8], "big")
        place += length
    return claimed
