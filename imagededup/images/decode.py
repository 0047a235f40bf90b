"""From files and arrays to 8-bit pixels.

Files are recognised by their content. JPEGs are decoded by simplejpeg, which uses the same
libjpeg-turbo as Pillow and gives the same pixels in less time; whatever it refuses, and every other
format, is decoded by Pillow.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from imagededup.errors import InvalidTypeError, InvalidValueError, UnreadableImageError
from imagededup.images.pillow_warnings import pillow_warnings_ignored

__all__ = ["Pixels", "Reduction", "check_array", "image_size", "load_image"]

Pixels = NDArray[np.uint8]

_EXIF_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True, slots=True)
class Reduction:
    """When a JPEG is decoded at 1/2, 1/4 or 1/8 of its size, which is up to ten times as fast.

    Attributes:
        above: Images whose shorter side has fewer pixels are decoded in full.
        down_to: The shorter side keeps at least this many pixels.
        to_grey: Whether images that are reduced are decoded to their luma only.
    """

    above: int
    down_to: int
    to_grey: bool = False

    def factor(self, size: tuple[int, int]) -> int:
        """The divisor for an image of this width and height: 1, 2, 4 or 8."""
        shorter = min(size)
        if shorter < self.above:
            return 1
        return next((factor for factor in (8, 4, 2) if shorter // factor >= self.down_to), 1)


def load_image(path: str | PathLike[str], reduction: Reduction | None = None) -> Pixels:
    """Decode a still image, or the first frame of an animated one, upright.

    Args:
        path: A regular file. Pipes, sockets and devices are never opened.
        reduction: When a JPEG may be decoded at reduced size; None decodes everything in full.

    Returns:
        uint8 of shape (h, w, 3) in RGB, or (h, w, 1) for an image that is grey. The EXIF
        orientation is applied and an alpha channel is dropped.

    Raises:
        UnreadableImageError: The file cannot be decoded; the message says why.
    """
    with opened(path) as (image, file):
        return decode(image, file, reduction)


def image_size(path: str | PathLike[str]) -> tuple[int, int]:
    """Width and height of an image in pixels, read from its header; no rotation is applied.

    Raises:
        UnreadableImageError: The file is not an image.
    """
    with opened(path) as (image, _):
        return image.size


def check_array(array: object) -> Pixels:
    """Check an image given as an array and convert it to 8 bits.

    Args:
        array: Shape (h, w) or (h, w, 3), any numeric dtype. uint8 is taken as it is, bool as 0
            and 255, uint16 as 0 to 65535. Other types may hold 0.0 to 1.0 (floats), 0 to 255 or
            0 to 65535: the largest value decides.

    Returns:
        uint8 of shape (h, w, 1) or (h, w, 3), C-contiguous.

    Raises:
        InvalidTypeError: Not a numpy array of numbers.
        InvalidValueError: Another shape, no pixels, values that are negative, too large or NaN.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "buif":
        given = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InvalidTypeError(f"image_array must be a numpy array of real numbers, got {given}")
    if array.size == 0 or array.ndim not in (2, 3) or array.shape[2:] not in ((), (3,)):
        raise InvalidValueError(
            f"image_array must have shape (h, w) or (h, w, 3), got shape {array.shape}"
        )
    return _with_channels(_to_8_bits(array))


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """The image, its pixels not yet decoded, and its file; every error becomes a reason."""
    try:
        _check_regular_file(Path(path))
        with (
            pillow_warnings_ignored(),
            Path(path).open("rb") as file,
            Image.open(file) as image,
        ):
            yield image, file
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's plugins raise what the broken bytes happen to provoke
        raise UnreadableImageError(_reason(error)) from error


def _check_regular_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise UnreadableImageError(
            "broken symbolic link" if path.is_symlink() else "no such file"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError("not a regular file")
    if status.st_size == 0:
        raise UnreadableImageError("empty file")


def decode(image: Image.Image, file: BinaryIO, reduction: Reduction | None) -> Pixels:
    if image.format == "EPS":  # Pillow would run Ghostscript
        raise UnreadableImageError("PostScript is a program, not an image")
    factor = 1 if reduction is None else reduction.factor(image.size)
    mode = "L" if factor > 1 and reduction and reduction.to_grey else image.mode
    if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
        pixels = _decode_jpeg(image, file, factor, mode)
    else:
        pixels = _decode_with_pillow(image, factor, image.mode)
    if pixels.size == 0:
        raise UnreadableImageError("image without pixels")
    turn = transposition(image)
    return pixels if turn is None else _transpose(pixels, turn)


def transposition(image: Image.Image) -> Image.Transpose | None:
    """What turns a decoded image upright; Pillow has done so itself with a TIFF."""
    try:
        return _TRANSPOSITIONS.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # damaged EXIF data do not make the pixels unreadable
        return None


def _decode_jpeg(image: Image.Image, file: BinaryIO, factor: int, mode: str) -> Pixels:
    import simplejpeg

    file.seek(0)
    data = file.read()
    width, height = image.size
    try:
        pixels: Pixels = simplejpeg.decode_jpeg(
            data,
            colorspace="GRAY" if mode == "L" else "RGB",
            min_height=-(-height // factor),
            min_width=-(-width // factor),
        )
    except ValueError:  # damaged, or of a kind that it does not know: Pillow decides
        with Image.open(BytesIO(data)) as again:
            return _decode_with_pillow(again, factor, mode)
    return pixels


def _decode_with_pillow(image: Image.Image, factor: int, mode: str) -> Pixels:
    if factor > 1:  # no effect on formats other than JPEG
        image.draft(mode, (image.width // factor, image.height // factor))
    image.load()
    if image.mode in DEEP_MODES:
        return _with_channels(_to_8_bits(_deep_values(image)))
    if image.mode in ("1", "L"):
        return _with_channels(np.asarray(image.convert("L")))
    return np.asarray(_to_rgb(image))


def _deep_values(image: Image.Image) -> NDArray[np.generic]:
    values = np.asarray(image)
    if image.format == "PPM" and image.mode == "I":  # Pillow scales these to 16 bits
        return values.astype(np.uint16)
    return values


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


def _transpose(pixels: Pixels, transposition: Image.Transpose) -> Pixels:
    image = Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels)
    return _with_channels(np.asarray(image.transpose(transposition)))


def _with_channels(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))


def _to_8_bits(values: NDArray[np.generic]) -> Pixels:
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    numbers = values.astype(np.float64)
    return np.rint(numbers * (255 / _full_scale(values.dtype, numbers))).astype(np.uint8)


def _full_scale(dtype: np.dtype[np.generic], numbers: NDArray[np.float64]) -> float:
    """The value that stands for white."""
    low, high = float(numbers.min()), float(numbers.max())
    if not (low >= 0 and high <= 65535):  # also when one of them is NaN
        raise InvalidValueError(
            "pixel values must lie within 0 to 1 (floats), 0 to 255 or 0 to 65535, "
            f"got {low:g} to {high:g}"
        )
    if (dtype.kind, dtype.itemsize) == ("u", 2) or high > 255:  # in either byte order
        return 65535
    return 1 if dtype.kind == "f" and high <= 1 else 255


def _reason(error: Exception) -> str:
    """One line that says why a file could not be decoded."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of an unknown format"
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    message = " ".join(str(error).split())
    return message or type(error).__name__
