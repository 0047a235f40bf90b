"""Sizes of files and memory, as people write and read them."""

import re

from imagededup.errors import InvalidValueError
from imagededup.utils.text import counted

__all__ = ["bytes_in_words", "size_in_bytes"]

_UNITS = "kMGT"
_NUMBER = r"\d{1,15}|\d{0,9}\.\d{1,9}"
_FORM = re.compile(rf"\s*({_NUMBER})\s*(?:([{_UNITS}])(i?))?(?:b|bytes)?\s*", re.IGNORECASE)


def bytes_in_words(size: int) -> str:
    """A size as people read it.

    Examples:
        >>> bytes_in_words(999), bytes_in_words(1_000), bytes_in_words(12_345_678)
        ('999 bytes', '1.0 kB', '12.3 MB')
    """
    if size < 1000:
        return counted(size, "byte")
    value, units = size / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.95 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.1f} {units[0]}"


def size_in_bytes(text: str) -> int:
    """The bytes of a size as people write it: steps of 1000, and of 1024 with an i.

    Raises:
        InvalidValueError: No size.

    Examples:
        >>> size_in_bytes("500"), size_in_bytes("2G"), size_in_bytes("1.5 MB")
        (500, 2000000000, 1500000)
        >>> size_in_bytes("4KiB")
        4096
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise InvalidValueError(f"a size is a number of bytes, as 500M, 2G or 1GiB, got {text!r}")
    number, unit, binary = form.groups()
    power = _UNITS.lower().index(unit.lower()) + 1 if unit else 0
    return int(float(number) * (1024 if binary else 1000) ** power)
