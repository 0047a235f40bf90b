"""The rules by name that say which image of several duplicates stays."""

from enum import StrEnum

__all__ = ["Keep"]


class Keep(StrEnum):
    """What makes an image the one to keep; equals are decided by name."""

    FIRST = "first"
    LARGEST_RESOLUTION = "largest_resolution"
    LARGEST_FILE = "largest_file"
    OLDEST = "oldest"
