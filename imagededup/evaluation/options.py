"""The options that are given as words."""

from enum import StrEnum

__all__ = ["EmptyQueries", "Metric", "ScoreName"]


class Metric(StrEnum):
    """What `evaluate` computes."""

    MAP = "map"
    NDCG = "ndcg"
    JACCARD = "jaccard"
    CLASSIFICATION = "classification"
    ALL = "all"


class EmptyQueries(StrEnum):
    """What becomes of images without duplicates for which none was retrieved."""

    PERFECT = "perfect"
    SKIP = "skip"


class ScoreName(StrEnum):
    """What scores are; 'auto' decides by their type."""

    AUTO = "auto"
    DISTANCE = "distance"
    SIMILARITY = "similarity"
