"""JPEGs that no encoder writes."""

import struct

__all__ = ["scan_bomb"]


def scan_bomb(width: int, height: int, scans: int) -> bytes:
    """A grey progressive JPEG with scans that change nothing, of 16 bits for 32,767 blocks each."""
    blocks = -(-width // 8) * -(-height // 8)
    nothing = _bits(("0" + "1" * 14) * -(-blocks // 32767))
    scan = _segment(0xDA, bytes([1, 1, 0, 1, 63, 0])) + nothing
    one_code = bytes([1, *[0] * 15])
    return (
        b"\xff\xd8"
        + _segment(0xDB, b"\0" + b"\1" * 64)
        + _segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
        + _segment(0xC4, b"\0" + one_code + b"\0")
        + _segment(0xC4, b"\x10" + one_code + b"\xe0")  # so many blocks are at an end
        + _segment(0xDA, bytes([1, 1, 0, 0, 0, 0]))
        + _bits("0" * blocks)
        + scan * scans
        + b"\xff\xd9"
    )


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _bits(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
