"""What a page knows of a picture: a small copy, its size and dates, or why it cannot be shown."""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, decode, orientation
from imagededup.images.opening import opened
from imagededup.pages.items import PagePicture
from imagededup.sources.file_states import FileState

__all__ = ["Look", "look_at", "picture_size_for"]

NO_FILE = "no file is known"

_QUALITY = 65
_EFFORT = 2  # of WebP's encoder: a quarter smaller than JPEG in 3 ms
_TURNED = (5, 6, 7, 8)
_EXIF = 0x8769
_TAKEN = 0x9003
_SIZES = ((250, 640), (1_000, 448), (4_000, 256))
_SMALLEST = 176


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a file.

    Attributes:
        thumbnail: WebP; empty where there is a reason.
        width: Of the picture, upright, in pixels; 0 where it is not known.
        height: The same.
        size: Of the file, in bytes; -1 where there is none.
        modified: Milliseconds since 1970.
        taken: When the camera says that it was taken, `YYYY-MM-DD hh:mm`; empty if it does not.
        states: The name and the file that it leads to, None where there is none.
        reason: Why the picture cannot be shown; empty if it can.
    """

    thumbnail: bytes = b""
    width: int = 0
    height: int = 0
    size: int = -1
    modified: int = 0
    taken: str = ""
    states: tuple[FileState, FileState] | None = None
    reason: str = ""


def picture_size_for(count: int) -> int:
    """The longer side of the small copies on a page of so many pictures, in pixels."""
    return next((size for most, size in _SIZES if count <= most), _SMALLEST)


def look_at(picture: PagePicture, longest: int) -> Look:
    """Decode a picture at reduced size; the longer side of its copy is at most `longest`."""
    path = picture.path
    if path is None:
        return Look(reason=NO_FILE)
    size, modified, now = _file(path)
    states = picture.states or now
    try:
        thumbnail, width, height, taken = _small_copy(path, longest)
    except UnreadableImageError as error:
        return Look(b"", 0, 0, size, modified, "", states, str(error))
    return Look(thumbnail, width, height, size, modified, taken, states)


def _file(path: Path) -> tuple[int, int, tuple[FileState, FileState] | None]:
    """Bytes, milliseconds since 1970, and the states of a name and its file."""
    try:
        own, status = path.lstat(), path.stat()
    except (OSError, ValueError):  # ValueError: a null character
        return -1, 0, None
    states = FileState.of(own), FileState.of(status)
    return status.st_size, status.st_mtime_ns // 1_000_000, states


def _small_copy(path: Path, longest: int) -> tuple[bytes, int, int, str]:
    """WebP, the size of the picture, upright, and when it was taken."""
    with opened(path) as (image, file):
        width, height = image.size
        turned = orientation(image) in _TURNED
        taken = _taken(image)
        pixels = decode(image, file, Reduction(above=2 * longest, down_to=longest))
    width, height = (height, width) if turned else (width, height)
    return _webp(pixels, longest), width, height, taken


def _webp(pixels: Pixels, longest: int) -> bytes:
    image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    file = BytesIO()
    image.save(file, "WEBP", quality=_QUALITY, method=_EFFORT)
    return file.getvalue()


def _taken(image: Image.Image) -> str:
    """EXIF has `2021:05:03 14:22:10`; whatever is no such text counts as nothing."""
    try:
        text = str(image.getexif().get_ifd(_EXIF)[_TAKEN])
        return datetime.strptime(text.strip("\0 "), "%Y:%m:%d %H:%M:%S").strftime("%Y-%m-%d %H:%M")
    except Exception:  # damaged EXIF data do not make the picture unreadable
        return ""
