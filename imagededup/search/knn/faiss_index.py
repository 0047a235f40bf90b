"""faiss's indexes: built by a factory string, written, read, and searched.

An index holds every different feature once; its identifiers are the numbers of the first rows that
have it. The graph (HNSW) of many features that are searched among themselves is made of what that
search found, by all threads. Any other is built by one thread, because several would build another
one each time; the links of a large one are chosen among the principal numbers of the features,
which is several times as fast, and the features themselves are stored whole.
"""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.knn.distances import ROWS_AT_ONCE, Points
from imagededup.search.knn.factory import check_factory, fit_factory, metric_of
from imagededup.search.knn.index_file import reason_of, row_numbers, write_index_around
from imagededup.search.knn.linked_graph import allot_links, link_graph
from imagededup.search.knn.options import Distance
from imagededup.search.knn.projection import Projection
from imagededup.search.knn.self_join import SelfJoin

__all__ = [
    "FEWEST_LINKS",
    "LARGE",
    "FaissSearch",
    "is_plain_graph",
    "write_joined_index",
]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Advance = Callable[[int], None]

LARGE = 10_000
FEWEST_LINKS = 8
_BUILD_BREADTH = 64
_SEARCH_BREADTH = 24
_FEWEST_CANDIDATES = 16
_MOST_CANDIDATES = 1 << 16
_ROWS_WRITTEN = 512  # a block stays in the processor's cache until it is written
_TRAINING_ROWS = 1 << 16
_TRAINING_ROWS_PER_CELL = 64
_QUANTIZERS = ("pq", "refine_pq", "rq")
_PARTS_OF_INDEXES = ("index", "base_index", "refine_index", "storage", "quantizer")
_PRODUCT_CODES = re.compile(r"(?<![+A-Z])(PQ\d+(x\d+)?)(?=[,)]|$)")
_PLAIN_GRAPH = re.compile(r"HNSW(\d*)(,Flat)?")

logger = logging.getLogger("imagededup")


def write_joined_index(
    targets: Points,
    factory: str,
    join: SelfJoin,
    workers: int,
    path: str | PathLike[str],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write the index of points whose neighbours among themselves are known.

    Args:
        targets: The points.
        factory: A plain graph, as `is_plain_graph` knows it.
        join: Of the points.
        workers: Number of threads; they change nothing in the file.
        path: The file.
        check: Called now and then; what it raises ends the work.

    Raises:
        FileOperationError: It cannot be written.
    """
    import faiss

    inner = _empty_index(factory, targets)
    index = faiss.IndexIDMap(inner)
    allot_links(inner, join)
    inner.ntotal = faiss.downcast_index(inner.storage).ntotal = len(targets)
    _identify(index, inner, targets)
    starts = range(0, len(targets), _ROWS_WRITTEN)
    vectors = (targets.block(begin, begin + _ROWS_WRITTEN) for begin in starts)
    write_index_around(
        index, vectors, path, lambda: link_graph(inner, join, workers), workers, check
    )


@dataclass(frozen=True, slots=True)
class FaissSearch:
    """Proposes the points that an index finds.

    Attributes:
        queries: n points.
        index: What is to be written: identifiers and whole features.
        searched: What is asked, its places are the points' own.
        project: Makes the vectors that `searched` takes from the points.
        neighbors: How many to ask for.
    """

    queries: Points
    index: Any
    searched: Any
    project: Callable[[Features], Features]
    neighbors: int

    @classmethod
    def build(
        cls,
        queries: Points,
        targets: Points,
        neighbors: int,
        factory: str,
        parameters: Mapping[str, float],
        advance: Advance,
    ) -> "FaissSearch":
        """Build an index of the targets.

        Raises:
            InvalidValueError: faiss cannot make the index, or not for this distance.
        """
        import faiss

        factory = fit_factory(factory, len(targets), targets.dimensions)
        inner = _empty_index(factory, targets)
        _set_parameters(inner, parameters, len(targets))
        projection = _shortened(factory, targets)
        index = faiss.IndexIDMap(inner)
        searched, project = inner, _unchanged
        with one_faiss_thread(), _translated(f"faiss_mode {factory!r}"):
            if projection is None:
                _train(inner, targets)
                _add(inner, targets, _unchanged, advance)
            else:
                project = projection.apply
                searched = _small_graph(inner, projection.width)
                _add(searched, targets, project, advance)
                inner.hnsw = searched.hnsw
                _add(inner.storage, targets, _unchanged, lambda _: None)
                inner.ntotal = inner.storage.ntotal
        _identify(index, inner, targets)
        return cls(queries, index, searched, project, _asked(searched, neighbors, len(targets)))

    @classmethod
    def loaded(
        cls,
        queries: Points,
        targets: Points,
        neighbors: int,
        index: Any,  # noqa: ANN401
        parameters: Mapping[str, float],
    ) -> "FaissSearch":
        """Take an index that was built from the targets.

        Raises:
            InvalidValueError: It was built from other features or for another distance.
        """
        import faiss

        inner = faiss.downcast_index(index.index)
        if not _may_hold(inner, targets.distance):
            raise InvalidValueError(f"the index must be built for distance={targets.distance}")
        if not np.array_equal(row_numbers(index), targets.vectors.rows):
            raise InvalidValueError(
                f"the index must be built from the stored features, {len(targets)} different "
                f"ones, got one of {index.ntotal} others"
            )
        _set_parameters(inner, parameters, len(targets))
        asked = _asked(inner, neighbors, len(targets))
        return cls(queries, index, inner, _unchanged, asked)

    def candidates(self, begin: int, end: int) -> tuple[Indices, Indices]:
        """Queries, and targets found: int64 of shape (c,) each, by query."""
        vectors = self.project(self.queries.block(begin, end))
        with one_faiss_thread(), _translated("nn_provider='faiss'"):
            _, found = self.searched.search(vectors, self.neighbors)
        i, rank = np.nonzero(found >= 0)
        return i + begin, found[i, rank]


def _shortened(factory: str, targets: Points) -> Projection | None:
    """The numbers in which to choose the links of a graph; None to choose them in all."""
    if not is_plain_graph(factory) or len(targets) < LARGE:
        return None
    projection = Projection.of(targets)
    if projection is None or 2 * projection.width > targets.dimensions:
        return None
    return projection


def is_plain_graph(factory: str, fewest_links: int = 0) -> bool:
    """Whether a factory string asks for a graph of whole features, of enough links."""
    match = _PLAIN_GRAPH.fullmatch(factory)
    return match is not None and int(match[1] or 32) >= fewest_links


def _identify(index: Any, inner: Any, targets: Points) -> None:  # noqa: ANN401
    """Give an index the rows of the points as its identifiers."""
    import faiss

    faiss.copy_array_to_vector(targets.vectors.rows.astype(np.int64), index.id_map)
    index.ntotal, index.is_trained = inner.ntotal, True


def _small_graph(index: Any, width: int) -> Any:  # noqa: ANN401
    """A graph of shorter vectors with the settings of another, for Euclidean distances.

    These rank unit vectors as cosines do, and shortened ones better.
    """
    import faiss

    small = faiss.IndexHNSWFlat(width, index.hnsw.nb_neighbors(1))
    small.hnsw.efConstruction = index.hnsw.efConstruction
    small.hnsw.efSearch = index.hnsw.efSearch
    return small


def _empty_index(factory: str, targets: Points) -> Any:  # noqa: ANN401
    import faiss

    check_factory(factory, targets.distance, targets.dimensions)
    metric = metric_of(factory, targets.distance)
    with _translated(f"faiss_mode {factory!r}"):
        quick = _PRODUCT_CODES.sub(r"\1np", factory)  # no polysemous codes, which are not used
        index = faiss.index_factory(targets.dimensions, quick, metric)
    if isinstance(index, faiss.IndexHNSW):
        index.hnsw.efConstruction = _BUILD_BREADTH
        index.hnsw.efSearch = _SEARCH_BREADTH
    return index


def _set_parameters(index: Any, parameters: Mapping[str, float], count: int) -> None:  # noqa: ANN401
    """Set what the index has; what it has not is said in the log.

    faiss takes memory for as many candidates as it is told of: no more than there can be are.
    """
    import faiss

    space = faiss.ParameterSpace()
    most = max(count, _MOST_CANDIDATES)
    for name, value in ((name, min(value, most)) for name, value in parameters.items()):
        if isinstance(index, faiss.IndexHNSW) and name == "efConstruction":
            index.hnsw.efConstruction = int(value)
            continue
        graph_of_cells = name == "efSearch" and isinstance(index, faiss.IndexIVF)
        try:
            space.set_index_parameter(
                index, "quantizer_efSearch" if graph_of_cells else name, value
            )
        except RuntimeError:
            logger.warning("%s has no parameter %s, it changes nothing", type(index).__name__, name)


def _train(index: Any, targets: Points) -> None:  # noqa: ANN401
    """Train on a sample where needed."""
    if not index.is_trained:
        _allow_small_clusters(index)
        cells = getattr(index, "nlist", 0)
        index.train(targets.sample(max(_TRAINING_ROWS, _TRAINING_ROWS_PER_CELL * cells)))


def _allow_small_clusters(index: Any) -> None:  # noqa: ANN401
    """Keep faiss from writing to the terminal that clusters are small; `fit_factory` sees to it."""
    import faiss

    waiting = [index]
    while waiting:
        part = faiss.downcast_index(waiting.pop())
        holders: list[Any] = [part, *(getattr(part, name, None) for name in _QUANTIZERS)]
        for holder in holders:
            if hasattr(holder, "cp"):
                holder.cp.min_points_per_centroid = 1
        parts = (getattr(part, name, None) for name in _PARTS_OF_INDEXES)
        waiting.extend(filter(None, parts))


def _add(
    index: Any,  # noqa: ANN401
    targets: Points,
    project: Callable[[Features], Features],
    advance: Advance,
) -> None:
    for begin in range(0, len(targets), ROWS_AT_ONCE):
        block = targets.block(begin, begin + ROWS_AT_ONCE)
        index.add(project(block))
        advance(len(block))


def _asked(index: Any, neighbors: int, targets: int) -> int:  # noqa: ANN401
    """How many candidates to ask for: all that a graph meets, as they are ranked again."""
    import faiss

    breadth = index.hnsw.efSearch if isinstance(index, faiss.IndexHNSW) else 2 * neighbors
    return max(min(max(breadth, neighbors, _FEWEST_CANDIDATES), targets), 1)


def _may_hold(index: Any, distance: Distance) -> bool:  # noqa: ANN401
    """Whether an index can be of features that are compared like this."""
    import faiss

    if distance is Distance.MANHATTAN:
        return bool(index.metric_type == faiss.METRIC_L1)
    if not distance.is_angular:
        return bool(index.metric_type == faiss.METRIC_L2)
    exact = faiss.IndexFlat | faiss.IndexHNSWFlat
    return bool(index.metric_type == faiss.METRIC_INNER_PRODUCT or not isinstance(index, exact))


def _unchanged(vectors: Features) -> Features:
    return vectors


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn an error of faiss into one that says what was asked."""
    try:
        yield
    except RuntimeError as error:
        raise InvalidValueError(f"{what} must be what faiss can do: {reason_of(error)}") from error
