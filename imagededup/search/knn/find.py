"""The nearest neighbours of features, of one distinct or in another."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from os import PathLike
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.search.blas_threads import one_blas_thread
from imagededup.search.cosine.vectors import group_identical, norms_of
from imagededup.search.knn.distances import Points, costs_between, distances_of, similarity_of
from imagededup.search.knn.expansion import DistinctRows, expand
from imagededup.search.knn.options import Distance, NearestModel, Provider
from imagededup.utils.jit import expect_work
from imagededup.utils.parallel import beside, ordered_map
from imagededup.utils.progress import per_mille

if TYPE_CHECKING:
    from imagededup.search.knn.self_join import SelfJoin

__all__ = ["Neighbors", "find_neighbors"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Advance = Callable[[int], None]

_QUERIES_AT_ONCE = 256
_SECONDS_A_NUMBER = 2e-7  # to rank the many candidates of a graph without compiled code
_BYTES_PER_NEIGHBOR = 4 * (8 + 4)  # found, expanded, and a copy of each


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest neighbours of every row.

    Exact copies come first, then the others by similarity, best first; equals by lower index.

    Attributes:
        index: int64 of shape (n, k), where k is at most the number of references; -1 where fewer
            neighbours are found, always last.
        similarity: float32 of shape (n, k); -inf where there is no neighbour.
    """

    index: Indices
    similarity: Features


class _CandidateSearch(Protocol):
    def candidates(self, begin: int, end: int) -> tuple[Indices, Indices]:
        """Queries from `begin` to `end`, and points that may be near."""


_Search = Callable[[Advance], tuple[Indices, Features]]


def find_neighbors(
    features: Features,
    k: int,
    *,
    provider: Provider = Provider.FAISS,
    model: NearestModel = NearestModel.BRUTE_FORCE,
    distance: Distance = Distance.COSINE,
    faiss_mode: str = "HNSW32",
    faiss_param: Mapping[str, float] = MappingProxyType({}),
    threads: int = 1,
    references: Features | None = None,
    index: Any = None,  # noqa: ANN401
    index_path: str | PathLike[str] | None = None,
    until_written: ExitStack | None = None,
    advance: Advance = lambda _: None,
) -> Neighbors:
    """Find the k nearest references of every row, or the k nearest other rows.

    Rows with the same bytes are searched once. So exact copies are always found, whoever searches,
    and a row never takes up one of its own places. Every similarity is computed from the features
    in float64 and rounded to float32. The number of threads changes nothing in the result.

    Args:
        features: float32 of shape (n, d), finite; a memory map is not read as a whole at once.
        k: Number of neighbours, 1 or more; no more than there are references are looked for.
        provider: Who searches.
        model: How turi searches.
        distance: What near means.
        faiss_mode: A factory string of faiss, as `parse_factory` returns it.
        faiss_param: Parameters of the index, such as efSearch and nprobe. What an index of
            this kind does not have is said in the log.
        threads: Number of threads, 1 or more. The linear algebra library is held to one in each,
            in the whole process, until the search ends.
        references: float32 of shape (m, d) to search in; None searches among `features`.
        index: The index of the references, of `load_index`, with provider 'faiss'; None builds
            one.
        index_path: Where to write the index that provider 'faiss' builds; nothing is written if
            there are no features.
        until_written: What must be closed until the index is written, where the caller has
            something else to do meanwhile; None writes it before the search ends.
        advance: Called with the number of per mille of the work that are done.

    Raises:
        InvalidValueError: The features are not finite or not of the length of the references, or
            faiss cannot do what is asked.
    """
    _check(features, k, references)
    among = features if references is None else references
    k = min(k, max(len(among), 1))
    _check_memory(len(features), k)
    left = np.ascontiguousarray(features, np.float32)
    right = None if references is None else np.ascontiguousarray(references, np.float32)
    with one_blas_thread(), ExitStack() as until_found:
        if provider is Provider.FAISS:
            expect_work(left.size * _SECONDS_A_NUMBER)
        norms = [norms_of(matrix, threads) for matrix in (left, right) if matrix is not None]
        groups = group_identical(left, right, threads, norms)
        distinct = DistinctRows.of(*groups, right is None)
        queries = Points.of(left, distinct.query_rows, distance, threads, norms[0])
        targets = queries
        if right is not None:
            targets = Points.of(right, distinct.target_rows, distance, threads, norms[1])
        exponent = targets.exponent  # that of an index which was built before
        if index is None and right is not None:
            exponent = max(exponent, queries.exponent)
        queries, targets = queries.divided(exponent), targets.divided(exponent)
        work = _Work(queries, targets, distinct, k, threads)
        finish = per_mille(advance, max(work.size(provider, index), 1))
        if min(len(queries), len(targets)) == 0 and index_path is None:
            return _nothing(len(left), k)
        search: _Search
        if provider is Provider.FAISS:
            until_written = until_found if until_written is None else until_written
            search = _faiss(work, faiss_mode, faiss_param, index, index_path, until_written, finish)
        else:
            search = partial(work.nearest, _turi(work, model))
        places, costs = search(finish)
    found, cost = expand(distinct, places, costs, k, -1.0 if distance.is_angular else 0.0)
    similarity = similarity_of(distances_of(cost, distance, exponent), distance)
    return Neighbors(found, np.where(found < 0, -np.inf, similarity))


@dataclass(frozen=True, slots=True)
class _Work:
    queries: Points
    targets: Points
    distinct: DistinctRows
    k: int
    threads: int

    @property
    def neighbors(self) -> int:
        """How many targets hold k that are not the query itself."""
        return min(self.k + 1, len(self.targets))

    def size(self, provider: Provider, index: object) -> int:
        """Rows to put into an index and rows to search."""
        build = provider is Provider.FAISS and index is None
        return len(self.queries) + (len(self.targets) if build else 0)

    def nearest(self, search: _CandidateSearch, finish: Advance) -> tuple[Indices, Features]:
        """The k nearest targets that differ from each query, and their costs.

        Returns:
            int64 and float32 of shape (number of queries, k); -1 and inf where there is none.
        """

        def rank(begin: int) -> tuple[Indices, Features]:
            end = min(begin + _QUERIES_AT_ONCE, len(self.queries))
            i, j = search.candidates(begin, end)
            different = self.distinct.twins[i] != j
            i, j = i[different], j[different]
            cost = costs_between(self.queries, i, self.targets, j)
            return _lowest(i - begin, j, cost, (end - begin, self.k))

        places = [np.empty((0, self.k), np.int64)]
        costs = [np.empty((0, self.k), np.float32)]
        starts = range(0, len(self.queries), _QUERIES_AT_ONCE)
        for place, cost in ordered_map(rank, starts, self.threads):
            places.append(place)
            costs.append(cost)
            finish(len(place))
        return np.concatenate(places), np.concatenate(costs)


def _check(features: Features, k: int, references: Features | None) -> None:
    if k < 1:
        raise InvalidValueError(f"nearest_neighbors_k must be 1 or more, got {k}")
    if references is not None and features.shape[1] != references.shape[1]:
        raise InvalidValueError(
            f"features must have the length of the references, {references.shape[1]}, "
            f"got {features.shape[1]}"
        )


def _check_memory(rows: int, k: int) -> None:
    """Raise if the neighbours alone would take more than the memory of the machine."""
    needed = rows * k * _BYTES_PER_NEIGHBOR
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):  # Windows
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > memory:
        most = memory // (rows * _BYTES_PER_NEIGHBOR)
        raise InvalidValueError(
            f"nearest_neighbors_k must be at most {most} for {rows} images in the memory of this "
            f"machine, got {k}"
        )


def _faiss(
    work: _Work,
    faiss_mode: str,
    faiss_param: Mapping[str, float],
    index: Any,  # noqa: ANN401
    index_path: str | PathLike[str] | None,
    until_written: ExitStack,
    finish: Advance,
) -> _Search:
    from imagededup.search.knn.faiss_index import FaissSearch, write_joined_index
    from imagededup.search.knn.index_file import write_index
    from imagededup.search.knn.ranking import nearest_joined

    sides = work.queries, work.targets, work.neighbors
    if index is not None:
        return partial(work.nearest, FaissSearch.loaded(*sides, index, faiss_param))
    join = None if faiss_param else _join(work, faiss_mode, finish)
    if join is not None:
        if index_path is not None:
            write = partial(
                write_joined_index, work.targets, faiss_mode, join, work.threads, index_path
            )
            until_written.enter_context(beside(write, work.threads))
        return partial(nearest_joined, work.targets, join, work.k, work.threads)
    search = FaissSearch.build(*sides, faiss_mode, faiss_param, finish)
    if index_path is not None:
        write_index(search.index, index_path)
    return partial(work.nearest, search)


def _join(work: _Work, faiss_mode: str, finish: Advance) -> "SelfJoin | None":
    """Many points joined with themselves, which is what the index would be asked for; or None."""
    from imagededup.search.knn.faiss_index import FEWEST_LINKS, LARGE, is_plain_graph
    from imagededup.search.knn.projection import Projection
    from imagededup.search.knn.self_join import MOST_NEIGHBORS, SelfJoin

    if not (
        work.distinct.symmetric
        and len(work.targets) >= LARGE
        and work.neighbors <= MOST_NEIGHBORS
        and is_plain_graph(faiss_mode, FEWEST_LINKS)
    ):
        return None
    projection = Projection.of(work.targets)
    if projection is None:
        return None
    return SelfJoin.of(work.targets, projection, work.threads, finish)


def _turi(work: _Work, model: NearestModel) -> _CandidateSearch:
    if model is NearestModel.BRUTE_FORCE:
        from imagededup.search.knn.brute_force import BruteForce

        return BruteForce(work.queries, work.targets, work.neighbors)
    if model is NearestModel.BALL_TREE:
        from imagededup.search.knn.ball_tree import BallTreeSearch

        return BallTreeSearch.of(work.queries, work.targets, work.neighbors)
    from imagededup.search.knn.lsh import RandomCuts

    return RandomCuts.of(work.queries, work.targets, work.neighbors, work.threads)


def _lowest(
    i: Indices, j: Indices, cost: Features, shape: tuple[int, int]
) -> tuple[Indices, Features]:
    """The candidates of lowest cost in every row; equals by lower target."""
    order = np.lexsort((j, cost, i))
    i, j, cost = i[order], j[order], cost[order]
    rank = np.arange(len(i)) - np.searchsorted(i, i)
    kept = rank < shape[1]
    places, costs = np.full(shape, -1, np.int64), np.full(shape, np.inf, np.float32)
    places[i[kept], rank[kept]] = j[kept]
    costs[i[kept], rank[kept]] = cost[kept]
    return places, costs


def _nothing(rows: int, k: int) -> Neighbors:
    return Neighbors(np.full((rows, k), -1), np.full((rows, k), -np.inf, np.float32))
