"""HEIC and AVIF files, recognised by their brand.

Pillow decodes AVIF itself, and HEIC by the package pillow-heif, where it is installed.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import BinaryIO

from PIL import features

__all__ = ["heif_reason", "register_heif"]

_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_EITHER = {b"mif1", b"mif2", b"msf1"}


def heif_reason(file: BinaryIO) -> str | None:
    """Why a HEIC or AVIF image cannot be decoded, and what to install; None for other files."""
    brands = _brands(file)
    if brands & _AVIF:
        if features.check("avif"):
            return "damaged AVIF image"
        return "AVIF image, which this Pillow cannot decode (pip install --upgrade pillow)"
    if not brands & (_HEIC | _EITHER):
        return None
    if find_spec("pillow_heif"):
        return "damaged HEIC image"
    return "HEIC image, which needs a further package (pip install 'imagededup[heif]')"


def register_heif(file: BinaryIO) -> bool:
    """Teach Pillow to decode HEIC, if the file is of the kind and pillow-heif is installed."""
    brands = _brands(file)
    if brands & _AVIF or not brands & (_HEIC | _EITHER) or not find_spec("pillow_heif"):
        return False
    import_module("pillow_heif").register_heif_opener()
    return True


def _brands(file: BinaryIO) -> set[bytes]:
    """The brands of the file type box that a file of the ISO family begins with."""
    file.seek(0)
    box = file.read(64)
    if box[4:8] != b"ftyp":
        return set()
    length = min(int.from_bytes(box[:4], "big"), len(box))
    return {box[start : start + 4] for start in range(8, length, 4) if start != 12}
