"""The orientation in Exif data that are whole and well formed."""

from struct import Struct
from typing import NamedTuple

__all__ = ["exif_turn"]

_ORIENTATION = 0x0112
_SHORT = 3
_BYTES_OF_KIND = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_BYTES_OF_ENTRY = 12


class _Order(NamedTuple):
    """How numbers are written: the largest byte last, or first."""

    short: Struct
    long: Struct
    entry: Struct


_ORDERS = {
    start: _Order(Struct(f"{order}H"), Struct(f"{order}L"), Struct(f"{order}HHL4s"))
    for start, order in ((b"II*\0", "<"), (b"MM\0*", ">"))
}


def exif_turn(tiff: bytes) -> int | None:
    """The orientation that the first directory of Exif data gives.

    Args:
        tiff: The data behind their name.

    Returns:
        0 where there is none; None where data are cut off, of a kind that is not known, or there is
        more than one, so that readers may differ.
    """
    order = _ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return None
    begin = order.long.unpack_from(tiff, 4)[0]
    if begin + 2 > len(tiff):
        return None
    end = begin + 2 + _BYTES_OF_ENTRY * order.short.unpack_from(tiff, begin)[0]
    if end + 4 > len(tiff):
        return None
    turn = 0
    for tag, kind, count, value in order.entry.iter_unpack(tiff[begin + 2 : end]):
        size = count * _BYTES_OF_KIND.get(kind, len(tiff))
        if size == 0 or (size > 4 and order.long.unpack(value)[0] + size > len(tiff)):
            return None
        if tag == _ORIENTATION:
            if turn or (kind, count) != (_SHORT, 1):
                return None
            turn = order.short.unpack_from(value)[0]
    return turn
