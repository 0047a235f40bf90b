"""Images that are opened and not decoded: programs, and those that could take hours."""

import io

from PIL import Image

from imagededup.errors import UnreadableImageError
from imagededup.images.jpeg_scans import check_scans

__all__ = ["check_kind"]

_REFUSED = {  # Pillow would run Ghostscript
    "EPS": "PostScript is a program, not an image",
    "IPTC": "IPTC records are not decoded, for they may hold PostScript",
}


def check_kind(image: Image.Image, file: io.BufferedReader) -> None:
    """Refuse what must not be decoded.

    Args:
        image: An image that has been opened.
        file: Its file.

    Raises:
        UnreadableImageError: The message says why.
    """
    if image.format in _REFUSED:
        raise UnreadableImageError(_REFUSED[image.format])
    if image.format == "BLP" and _is_blp_of_a_jpeg(image):
        raise UnreadableImageError("a BLP texture that holds a JPEG is not decoded")
    if image.info.get("progressive"):
        check_scans(file)


def _is_blp_of_a_jpeg(image: Image.Image) -> bool:
    tile = image.tile[0]  # type: ignore[attr-defined]
    return bool(tile.codec_name == "BLP1" and tile.args[0] == 0)
