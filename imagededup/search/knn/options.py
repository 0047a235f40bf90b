"""The words that choose a search of nearest neighbours."""

from enum import StrEnum

__all__ = ["Distance", "NearestModel", "Provider"]


class Provider(StrEnum):
    """Who searches."""

    TURI = "turi"
    FAISS = "faiss"


class NearestModel(StrEnum):
    """How turi searches; 'brute_force' and 'ball_tree' find the nearest, 'lsh' most of them."""

    BRUTE_FORCE = "brute_force"
    BALL_TREE = "ball_tree"
    LSH = "lsh"


class Distance(StrEnum):
    """How far apart two features are."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"
    SQUARED_EUCLIDEAN = "squared_euclidean"
    MANHATTAN = "manhattan"

    @property
    def is_angular(self) -> bool:
        """Whether lengths do not count."""
        return self is Distance.COSINE
