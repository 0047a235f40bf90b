"""From a path to an open image, its pixels not yet decoded; every error becomes a reason."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike

from PIL import Image, UnidentifiedImageError

from imagededup.errors import UnreadableImageError
from imagededup.images.heif import heif_reason, register_heif
from imagededup.images.kinds import check_kind
from imagededup.images.libtiff import libtiff_silent
from imagededup.images.limits import LimitedFile, budget, check_limit
from imagededup.images.pillow_warnings import pillow_warnings_ignored
from imagededup.sources.limits import Limits, limits, over_limit
from imagededup.sources.readable import open_source
from imagededup.sources.scarcity import end_if_scarce

__all__ = ["opened"]

_ICON = b"\0\0\1\0"


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[tuple[Image.Image, LimitedFile]]:
    """Open an image, and say why what the block does with it fails.

    Args:
        path: A regular file, or another address; pipes, sockets and devices are never opened.

    Raises:
        UnreadableImageError: The file is no image, or an error came up in the block.
        FileOperationError: The process may open no more files.
    """
    try:
        with (
            pillow_warnings_ignored(),
            libtiff_silent(),
            open_source(path) as raw,
            LimitedFile(raw) as file,
            _identified(file) as image,
        ):
            check_limit("pixels", image.width * image.height)
            file.allow_pixels(image.width * image.height)
            check_kind(image, file)
            yield image, file
    except UnreadableImageError:
        raise
    except Exception as error:  # Pillow's plugins raise what the broken bytes happen to provoke
        end_if_scarce(error, path)
        raise UnreadableImageError(_reason(error)) from error


def _identified(file: LimitedFile) -> Image.Image:
    _let_pillow_open_as_much()
    try:
        if file.peek(4)[:4] == _ICON:  # Pillow decodes it at once, whatever size is within
            with budget.hold(None):
                return Image.open(file)
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


def _let_pillow_open_as_much() -> None:
    """Raise Pillow's own limit, which is one for the process, where a higher one was asked for."""
    most = limits().pixels
    if most > Limits().pixels and Image.MAX_IMAGE_PIXELS is not None:
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, -(-most // 2))  # it refuses the double


def _reason(error: Exception) -> str:
    """One line that says why a file could not be decoded."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image, or of an unknown format"
    if isinstance(error, MemoryError):
        return "too large for the memory"
    if isinstance(error, Image.DecompressionBombError):
        return _too_many_pixels(str(error))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    message = " ".join(str(error).split())
    return message or type(error).__name__


def _too_many_pixels(message: str) -> str:
    """Pillow refuses what is over its limit before its size is known here; it says the number."""
    claimed = re.search(r"\((\d+) pixels\)", message)
    over = over_limit("pixels", int(claimed[1])) if claimed else None
    return over or " ".join(message.split())
