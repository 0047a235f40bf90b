"""How much memory decoding an image takes, by what its header says."""

from PIL import ExifTags, Image

__all__ = ["bytes_needed", "bytes_of_jpeg"]

_PER_PIXEL = {"AVIF": 10, "HEIF": 10, "JPEG2000": 20, "WEBP": 17}
_PER_PIXEL_OF_OTHERS = 8
_PER_TURNED_PIXEL = 3  # a copy; a JPEG needs no more than others even so
_HOLD_OTHER_IMAGES = ("BLP", "ICNS", "ICO")


def bytes_needed(image: Image.Image, factor: int = 1) -> int | None:
    """The bytes at the peak, Pillow's, the decoder's and the result's; None where it is unknown.

    Measured with images of 30 million pixels. It is unknown where a file holds another one, whose
    size may differ from that which the header says.

    Args:
        image: The image; its pixels have not been decoded.
        factor: By how much the width and the height of a JPEG are reduced.
    """
    if image.format in _HOLD_OTHER_IMAGES:
        return None
    if image.info.get("progressive"):  # libjpeg keeps all coefficients
        factor = 1
    each = _PER_PIXEL.get(image.format or "", _PER_PIXEL_OF_OTHERS)
    if image.format not in ("JPEG", "MPO") and _will_be_turned(image):
        each += _PER_TURNED_PIXEL
    return each * image.width * image.height // factor**2


def bytes_of_jpeg(size: tuple[int, int], factor: int) -> int:
    """As `bytes_needed` says of a JPEG of this width and height that is not progressive."""
    return _PER_PIXEL_OF_OTHERS * size[0] * size[1] // factor**2


def _will_be_turned(image: Image.Image) -> bool:
    """Whether the header has an orientation; `getexif` would decode a PNG to find out."""
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        tags = getattr(image, "tag_v2", {})
        turn = exif.get(ExifTags.Base.Orientation) or tags.get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged, as it may be
        return False
    return bool(turn != 1)
