"""Verifying two files."""

from os import PathLike

from imagededup.images.exact import pixel_digest
from imagededup.verification.identical import IDENTICAL
from imagededup.verification.verdict import Verdict

__all__ = ["verify"]


def verify(left: str | PathLike[str], right: str | PathLike[str]) -> Verdict:
    """Say how the pictures of two files are related.

    Raises:
        UnreadableImageError: A file cannot be decoded; the message says why.
    """
    from imagededup.verification.compare import compare  # loads cv2
    from imagededup.verification.view import look

    if pixel_digest(left) == pixel_digest(right):
        return IDENTICAL
    return compare(look(left), look(right))
