"""The options that are given as words."""

from enum import StrEnum

from imagededup.utils.options import EmptyQueries, Metric

__all__ = ["EmptyQueries", "Metric", "ScoreName"]


class ScoreName(StrEnum):
    """What scores are; 'auto' decides by their type."""

    AUTO = "auto"
    DISTANCE = "distance"
    SIMILARITY = "similarity"
