"""Near points by locality-sensitive hashing: cuts of the space at random.

A bit of a point's code says on which side of a cut it is. Cuts in Gaussian directions separate two
points with a probability that grows with their Euclidean distance, cuts across single axes with
one that grows with their Manhattan distance (Datar et al. 2004; Indyk and Motwani 1998). Each cut
goes through a point of the collection. The points whose codes differ in the fewest bits are
proposed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.knn.distances import ROWS_AT_ONCE, SAMPLE_ROWS, Points
from imagededup.search.knn.options import Distance
from imagededup.utils.parallel import ordered_map

__all__ = ["RandomCuts"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]

_BITS = 512
_FEWEST_CANDIDATES = 64
_CANDIDATES_PER_NEIGHBOR = 8


@dataclass(frozen=True, slots=True)
class RandomCuts:
    """Codes of the targets, and the cuts that make the codes of the queries."""

    queries: Points
    directions: Features
    levels: Features
    index: Any
    neighbors: int

    @classmethod
    def of(cls, queries: Points, targets: Points, neighbors: int, workers: int) -> "RandomCuts":
        """Encode the targets; always by the same cuts."""
        import faiss

        generator = np.random.default_rng(0)
        sample = targets.sample(SAMPLE_ROWS)
        directions = _directions(sample, targets.distance, generator)
        through = generator.integers(0, len(sample), _BITS)
        levels = np.einsum("bd,db->b", sample[through], directions)
        index = faiss.IndexBinaryFlat(_BITS)

        def encode(begin: int) -> NDArray[np.uint8]:
            return _codes(targets.block(begin, begin + ROWS_AT_ONCE), directions, levels)

        for codes in ordered_map(encode, range(0, len(targets), ROWS_AT_ONCE), workers):
            index.add(codes)
        count = max(_FEWEST_CANDIDATES, _CANDIDATES_PER_NEIGHBOR * neighbors)
        return cls(queries, directions, levels, index, min(count, len(targets)))

    def candidates(self, begin: int, end: int) -> tuple[Indices, Indices]:
        """Queries, and targets with similar codes: int64 of shape (c,) each, by query."""
        codes = _codes(self.queries.block(begin, end), self.directions, self.levels)
        with one_faiss_thread():
            _, found = self.index.search(codes, self.neighbors)
        i, rank = np.nonzero(found >= 0)
        return i + begin, found[i, rank]


def _directions(sample: Features, distance: Distance, generator: np.random.Generator) -> Features:
    """Directions across the cuts, float32 of shape (d, bits); axes as often as they are wide."""
    dimensions = sample.shape[1]
    if distance is not Distance.MANHATTAN:
        return generator.standard_normal((dimensions, _BITS), np.float32)
    spread = np.abs(sample - sample.mean(axis=0)).mean(axis=0).astype(np.float64) + 1e-30
    axes = generator.choice(dimensions, _BITS, p=spread / spread.sum())
    directions = np.zeros((dimensions, _BITS), np.float32)
    directions[axes, np.arange(_BITS)] = 1
    return directions


def _codes(vectors: Features, directions: Features, levels: Features) -> NDArray[np.uint8]:
    return np.packbits(vectors @ directions > levels, axis=1)
