"""From files to 8-bit pixels.

Files are recognised by their content. JPEGs are decoded by simplejpeg, which uses the same
libjpeg-turbo as Pillow and gives the same pixels in less time; whatever it refuses, and every other
format, is decoded by Pillow. `direct` does the same for common JPEGs without Pillow's overhead.
"""

from os import PathLike

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from imagededup.errors import UnreadableImageError
from imagededup.images.deep import DEEP_MODES, check_array, deep_to_8_bits
from imagededup.images.direct import LONGEST_METADATA, decode_jpeg, load_directly
from imagededup.images.limits import LimitedFile, budget
from imagededup.images.needs import bytes_needed
from imagededup.images.opening import opened
from imagededup.images.reduction import Reduction
from imagededup.images.strips import strips
from imagededup.images.upright import upright, upright_sides

__all__ = [
    "Pixels",
    "Reduction",
    "check_array",
    "decode",
    "image_size",
    "load_by_pillow",
    "load_image",
    "load_with_size",
    "orientation",
    "upright",
    "upright_size",
]

Pixels = NDArray[np.uint8]

_EXIF_ORIENTATION = 0x0112


def load_image(path: str | PathLike[str], reduction: Reduction | None = None) -> Pixels:
    """Decode a still image, or the first frame of an animated one, upright.

    Large images wait until the process decodes few enough other pixels; `images/limits.py` has the
    numbers, and what white is in files of more than 8 bits stands in `images/deep.py`.

    Args:
        path: A regular file. Pipes, sockets and devices are never opened.
        reduction: When a JPEG may be decoded at reduced size; None decodes everything in full.

    Returns:
        uint8 of shape (h, w, 3) in RGB, or (h, w, 1) for an image that is grey. The EXIF
        orientation is applied and an alpha channel is dropped.

    Raises:
        UnreadableImageError: The file cannot be decoded; the message says why.
    """
    return load_with_size(path, reduction)[0]


def load_with_size(
    path: str | PathLike[str], reduction: Reduction | None = None
) -> tuple[Pixels, tuple[int, int]]:
    """As `load_image`, with the width and height that the upright image has in full."""
    return load_directly(path, reduction) or load_by_pillow(path, reduction)


def load_by_pillow(
    path: str | PathLike[str], reduction: Reduction | None
) -> tuple[Pixels, tuple[int, int]]:
    """As `load_with_size`, for files of all kinds; Pillow reads their headers."""
    with opened(path) as (image, file):
        size = image.size
        pixels = decode(image, file, reduction)
        if image.format not in ("JPEG", "MPO"):  # only these are ever reduced
            return pixels, (pixels.shape[1], pixels.shape[0])
        return pixels, upright_sides(size, orientation(image))


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of an image in pixels, read from its header; no rotation is applied.

    Raises:
        UnreadableImageError: The file is not an image.
    """
    with opened(path) as (image, _):
        return image.size


def upright_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of the upright image in pixels, read from its header.

    Raises:
        UnreadableImageError: The file is not an image.
    """
    with opened(path) as (image, _):
        return upright_sides(image.size, orientation(image))


def decode(image: Image.Image, file: LimitedFile, reduction: Reduction | None) -> Pixels:
    """The pixels of an image that has been opened, upright."""
    jpeg = image.format in ("JPEG", "MPO")
    factor = reduction.factor(image.size) if jpeg and reduction else 1
    with budget.hold(bytes_needed(image, factor)):
        if jpeg and image.mode in ("L", "RGB"):
            mode = "L" if factor > 1 and reduction and reduction.to_grey else image.mode
            pixels = _decode_jpeg(image, file, factor, mode)
        else:
            pixels = _decode_with_pillow(image, file, factor, image.mode)
        if pixels.size == 0:
            raise UnreadableImageError("image without pixels")
        return np.ascontiguousarray(upright(pixels, orientation(image)))


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of a decoded image; Pillow has turned a TIFF upright by then."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF data do not make the pixels unreadable
        return 1


def _decode_jpeg(image: Image.Image, file: LimitedFile, factor: int, mode: str) -> Pixels:
    """Decode by simplejpeg what is no longer than the raw pixels and 32 MiB of metadata.

    A longer file is cut there. Either its JPEG ends before, and other data follow, or simplejpeg
    refuses it, and Pillow reads it in small blocks.
    """
    width, height = image.size
    file.seek(0)
    data = file.read(width * height * len(image.getbands()) + LONGEST_METADATA)
    try:
        return decode_jpeg(data, image.size, factor, grey=mode == "L")
    except ValueError:  # damaged, or of a kind that it does not know: Pillow decides
        del data
        return _decode_with_pillow(image, file, factor, mode)


def _decode_with_pillow(image: Image.Image, file: LimitedFile, factor: int, mode: str) -> Pixels:
    if factor > 1:
        image.draft(mode, (image.width // factor, image.height // factor))
    image.load()
    if image.mode in DEEP_MODES:
        return deep_to_8_bits(image, file)
    pixels = np.empty((image.height, image.width, 1 if _is_grey(image) else 3), np.uint8)
    for rows, strip in strips(image):
        converted = np.asarray(strip.convert("L") if _is_grey(strip) else _to_rgb(strip))
        part = converted.reshape(strip.height, strip.width, -1)
        if strip is image:  # the only one
            return part
        pixels[rows] = part
    return pixels


def _is_grey(image: Image.Image) -> bool:
    return image.mode in ("1", "L")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
        if converted is None:
            raise UnreadableImageError("CIELAB colours cannot be converted")
        return converted
    return image.convert("RGBA").convert("RGB")
