"""Verifying two files."""

from os import PathLike

from imagededup.images.exact import pixel_digest
from imagededup.verification.compare import compare
from imagededup.verification.verdict import Verdict
from imagededup.verification.view import look

__all__ = ["verify"]


def verify(left: str | PathLike[str], right: str | PathLike[str]) -> Verdict:
    """Say how the pictures of two files are related.

    Raises:
        UnreadableImageError: A file cannot be decoded; the message says why.
    """
    pixel_digest(left)
    return compare(look(left), look(right))
