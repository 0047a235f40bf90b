"""How good the ranked list of every image is: average precision, NDCG, Jaccard index."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.evaluation.options import EmptyQueries
from imagededup.evaluation.relations import DuplicateRelation, Indices, in_sorted

__all__ = ["RankedHits", "average_precision", "jaccard", "mean_over_queries", "ndcg"]

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankedHits:
    """What was retrieved, by rank, and what should have been.

    Attributes:
        query: The number of the image that something was retrieved for; int64 of shape (m,),
            ascending.
        rank: Its rank from 1 on, int64 of shape (m,), ascending within a query.
        hit: Whether it is relevant, bool of shape (m,).
        relevant: How many items are relevant for every image, int64 of shape (n,).
        retrieved: How many were retrieved, int64 of shape (n,).
    """

    query: Indices
    rank: Indices
    hit: NDArray[np.bool_]
    relevant: Indices
    retrieved: Indices

    @classmethod
    def of(cls, ground_truth: DuplicateRelation, retrieved: DuplicateRelation) -> "RankedHits":
        """The hits of a retrieved relation, whose rows are in the order of the ranks."""
        size = len(ground_truth.names)
        counts = np.bincount(retrieved.query, minlength=size).astype(np.int64)
        begin = np.cumsum(counts) - counts
        return cls(
            query=retrieved.query,
            rank=np.arange(len(retrieved)) - begin[retrieved.query] + 1,
            hit=in_sorted(retrieved.keys, ground_truth.keys),
            relevant=np.bincount(ground_truth.query, minlength=size).astype(np.int64),
            retrieved=counts,
        )

    def sums(self, values: NDArray[np.generic]) -> Values:
        """Sums of values of shape (m,) over every query, of shape (n,)."""
        return np.bincount(self.query, values, len(self.relevant)).astype(np.float64)


def average_precision(hits: RankedHits) -> Values:
    """The mean, over all relevant items, of the precision at the rank of each; 0 if not retrieved.

    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 8.4
    (https://nlp.stanford.edu/IR-book/).

    Returns:
        0 to 1, of shape (n,); 1 where nothing is relevant and nothing was retrieved, 0 where
        nothing is relevant and something was.

    Examples:
        Ranks 1 and 3 hold two of four relevant items: (1/1 + 2/3) / 4.

        >>> hit = np.array([True, False, True])
        >>> hits = RankedHits(
        ...     np.zeros(3, int), np.arange(1, 4), hit, np.array([4]), np.array([3])
        ... )
        >>> average_precision(hits).round(4).tolist()
        [0.4167]
    """
    found = np.cumsum(hits.hit)
    before = np.concatenate([[0], found])[np.cumsum(hits.retrieved) - hits.retrieved]
    precision = (found - before[hits.query]) / hits.rank
    return _share(hits.sums(precision * hits.hit), hits.relevant.astype(np.float64), hits)


def ndcg(hits: RankedHits) -> Values:
    """Discounted cumulative gain, divided by the gain of a list of all relevant items.

    A hit at rank r gains 1 / log2(r + 1). The ideal list holds every relevant item, retrieved or
    not: a list that misses some cannot reach 1.
    Source: Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques
    (https://doi.org/10.1145/582415.582418), with binary relevance.

    Returns:
        0 to 1, of shape (n,); for images without relevant items as in `average_precision`.

    Examples:
        One hit at rank 1, of ten relevant items.

        >>> one = np.array([1])
        >>> hits = RankedHits(np.array([0]), one, np.array([True]), np.array([10]), one)
        >>> ndcg(hits).round(4).tolist()
        [0.2201]
    """
    most = int(hits.relevant.max(initial=0))
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, most + 2)))])
    gain = hits.sums(hits.hit / np.log2(hits.rank + 1))
    return _share(gain, ideal[hits.relevant], hits)


def jaccard(hits: RankedHits) -> Values:
    """How many items are both relevant and retrieved, divided by how many are either.

    Source: Jaccard, The distribution of the flora in the alpine zone
    (https://doi.org/10.1111/j.1469-8137.1912.tb05611.x).

    Returns:
        0 to 1, of shape (n,); for images without relevant items as in `average_precision`.

    Examples:
        Two hits among three retrieved items, of four relevant ones.

        >>> hit = np.array([True, False, True])
        >>> hits = RankedHits(
        ...     np.zeros(3, int), np.arange(1, 4), hit, np.array([4]), np.array([3])
        ... )
        >>> jaccard(hits).tolist()
        [0.4]
    """
    both = hits.sums(hits.hit)
    return _share(both, hits.relevant + hits.retrieved - both, hits)


def mean_over_queries(values: Values, hits: RankedHits, empty_queries: EmptyQueries) -> float:
    """The mean of values of shape (n,), with or without the queries that ask for nothing.

    Raises:
        InvalidValueError: No query is left.
    """
    if empty_queries is EmptyQueries.SKIP:
        values = values[~_empty(hits)]
        if len(values) == 0:
            raise InvalidValueError(
                "empty_queries='skip' needs an image with duplicates or with retrieved ones"
            )
    return float(values.mean())


def _share(part: Values, whole: Values, hits: RankedHits) -> Values:
    """Quotients; 1 for empty queries, and 0 where else the whole is 0."""
    result = _empty(hits).astype(np.float64)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _empty(hits: RankedHits) -> NDArray[np.bool_]:
    """Whether nothing is relevant and nothing was retrieved, of shape (n,)."""
    return np.asarray(hits.relevant + hits.retrieved == 0)
