"""How often the decoder of a progressive JPEG would have to go over the whole image.

A scan of a few bytes may say of all blocks that nothing changes, so that a small file takes hours;
see "Two issues with the JPEG standard" of libjpeg-turbo's authors. Encoders write about ten scans.
"""

import io
import re

from imagededup.errors import UnreadableImageError

__all__ = ["check_scans"]

_MOST_SCANS = 200
_MOST_SEGMENTS = 20_000
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # no byte of a scan, no restart of one
_START_OF_SCAN, _START, _END = 0xDA, 0xD8, 0xD9
_BLOCK = 2**16


def check_scans(file: io.BufferedReader) -> None:
    """Refuse a JPEG of more scans than any encoder writes.

    Args:
        file: The file; its place is not kept.

    Raises:
        UnreadableImageError: There are more than 200.
    """
    place, scans = 2, 0
    for _ in range(_MOST_SEGMENTS):
        found = _next_marker(file, place)
        if found is None:
            return
        place, marker = found
        if marker == _END:
            return
        scans += marker == _START_OF_SCAN
        if scans > _MOST_SCANS:
            break
        if marker not in (0x01, _START):
            file.seek(place)
            place += max(2, int.from_bytes(file.read(2), "big"))
    raise UnreadableImageError(f"more than {_MOST_SCANS} scans, which would take hours to decode")


def _next_marker(file: io.BufferedReader, place: int) -> tuple[int, int] | None:
    """The next marker at or behind a place: where it ends, and its second byte."""
    file.seek(place)
    while block := file.read(_BLOCK):
        if found := _MARKER.search(block):
            return place + found.end(), found[1][0]
        place += len(block) - (block[-1] == 0xFF and len(block) > 1)
        file.seek(place)
        if len(block) == 1:
            return None
    return None
