"""From a path to an open image, its pixels not yet decoded; every error becomes a reason."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike

from PIL import Image, UnidentifiedImageError

from imagededup.errors import UnreadableImageError
from imagededup.images.heif import heif_reason, register_heif
from imagededup.images.libtiff import libtiff_silent
from imagededup.images.limits import LimitedFile
from imagededup.images.pillow_warnings import pillow_warnings_ignored
from imagededup.sources.readable import open_source

__all__ = ["opened"]


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[tuple[Image.Image, LimitedFile]]:
    """Open an image, and say why what the block does with it fails.

    Args:
        path: A regular file, or another address; pipes, sockets and devices are never opened.

    Raises:
        UnreadableImageError: The file is no image, or an error came up in the block.
    """
    try:
        with (
            pillow_warnings_ignored(),
            libtiff_silent(),
            open_source(path) as raw,
            LimitedFile(raw) as file,
            _identified(file) as image,
        ):
            if image.format == "EPS":  # Pillow would run Ghostscript
                raise UnreadableImageError("PostScript is a program, not an image")
            file.allow_pixels(image.width * image.height)
            yield image, file
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's plugins raise what the broken bytes happen to provoke
        raise UnreadableImageError(_reason(error)) from error


def _identified(file: LimitedFile) -> Image.Image:
    try:
        return Image.open(file)
    except UnidentifiedImageError as error:
        if register_heif(file):
            file.seek(0)
            with suppress(UnidentifiedImageError):
                return Image.open(file)
        reason = heif_reason(file)
        if reason is None:
            raise
        raise UnreadableImageError(reason) from error


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
