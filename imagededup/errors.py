"""The exceptions that the package raises, one tree."""

__all__ = [
    "FileOperationError",
    "ImageDedupError",
    "InvalidTypeError",
    "InvalidValueError",
    "MissingPackageError",
    "ModelError",
    "UnreadableImageError",
]


class ImageDedupError(Exception):
    """Base of every exception that the package raises on purpose."""


class InvalidValueError(ImageDedupError, ValueError):
    """An argument has the right type and a value that is not allowed."""


class InvalidTypeError(ImageDedupError, TypeError):
    """An argument has a type that is not allowed."""


class FileOperationError(ImageDedupError, OSError):
    """A result could not be written, or a file could not be moved or deleted."""


class ModelError(ImageDedupError, ValueError):
    """A model cannot be loaded, or does not return what it should."""


class MissingPackageError(ImageDedupError, ImportError):
    """A package is not installed that this function needs; the message names it."""


class UnreadableImageError(ImageDedupError):
    """A file cannot be decoded to pixels; the message is the reason."""
