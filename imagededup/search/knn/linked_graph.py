"""The links of an HNSW graph, from lists of near rows instead of from one insertion after another.

Every row is linked with its list, with those that name it, and with the nearest row of its cell
that is on a higher level, so that no row is cut off. Where that is more than there is room for, it
is linked with those of its list that are nearer to it than to each other (Malkov and Yashunin 2018,
algorithm 4), with those that name it, and with the rest of its list. With 32 links each 32nd row by
cell is on a higher level; these few, evenly spread, are linked by faiss.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.search.blas_threads import one_blas_thread
from imagededup.search.faiss_threads import one_faiss_thread
from imagededup.search.knn.self_join import SelfJoin
from imagededup.utils.jit import compiled
from imagededup.utils.parallel import beside, ordered_map

__all__ = ["allot_links", "link_graph"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]
Numbers = NDArray[np.int32]
Flags = NDArray[np.bool_]

_ROWS_AT_ONCE = 4096
_ANCHOR_REACH = 8


def allot_links(index: Any, join: SelfJoin) -> None:  # noqa: ANN401
    """Make room for the links of all rows, which says how large the graph will be.

    Args:
        index: An empty IndexHNSW of faiss whose rows will be the points of the join.
        join: What is near to what.
    """
    import faiss

    count = len(join.order)
    by_point = np.empty(count, np.int32)
    by_point[join.order] = _levels(count, index.hnsw.nb_neighbors(1))
    faiss.copy_array_to_vector(by_point, index.hnsw.levels)
    index.hnsw.prepare_level_tab(count, True)


def link_graph(index: Any, join: SelfJoin, workers: int) -> None:  # noqa: ANN401
    """Put the links of all rows where `allot_links` has made room; no vectors are touched.

    Args:
        index: The index.
        join: What is near to what.
        workers: Number of threads; they change nothing in the result.
    """
    import faiss

    graph, links = index.hnsw, index.hnsw.nb_neighbors(1)
    count = len(join.order)
    chosen = np.arange(0, count, links)
    places = faiss.rev_swig_ptr(graph.neighbors.data(), graph.neighbors.size())
    offsets = faiss.vector_to_array(graph.offsets).astype(np.int64)
    levels = _levels(count, links)[chosen] - 1
    small = _empty_upper_graph(join.rows.shape[1], levels, links, graph)
    with one_blas_thread(), beside(lambda _: _add(small, join.rows[chosen]), workers):
        _link_lowest(join, links, offsets, places, workers)
    upper, numbers = small.hnsw, join.order[chosen]
    _link_upper(
        faiss.vector_to_array(upper.levels),
        faiss.vector_to_array(upper.offsets).astype(np.int64),
        faiss.rev_swig_ptr(upper.neighbors.data(), upper.neighbors.size()),
        upper.nb_neighbors(1), numbers, offsets, places, links,
    )  # fmt: skip
    graph.entry_point = int(numbers[upper.entry_point])
    graph.max_level = upper.max_level + 1


def _levels(count: int, links: int) -> Numbers:
    """On how many levels each row is; one in `links` of those on a level is on the next one too."""
    levels = np.ones(count, np.int32)
    step = links
    while step < count:
        levels[::step] += 1
        step *= links
    levels[::links] = np.maximum(levels[::links], 2)
    return levels


def _empty_upper_graph(width: int, levels: Numbers, links: int, graph: Any) -> Any:  # noqa: ANN401
    """A graph for the rows above the lowest level; no more links in its own lowest one."""
    import faiss

    upper = faiss.IndexHNSWFlat(width, links // 2)
    upper.hnsw.efConstruction = graph.efConstruction
    faiss.copy_array_to_vector(levels, upper.hnsw.levels)
    return upper


def _add(index: Any, rows: Features) -> None:  # noqa: ANN401
    with one_faiss_thread():
        index.add(rows)


def _link_lowest(
    join: SelfJoin, links: int, offsets: Indices, places: Numbers, workers: int
) -> None:
    near, gap = join.lists.near, join.lists.gap
    count = len(near)
    start, namers = _naming(near)  # first, while there is other work for the other threads
    anchors = np.empty(count, np.int32)

    def find_anchors(begin: int) -> None:
        end = min(begin + _ROWS_AT_ONCE, count)
        _find_anchors(join.rows, join.start, links, anchors, begin, end)

    starts = range(0, count, _ROWS_AT_ONCE)
    for _ in ordered_map(find_anchors, starts, workers):
        pass

    def link(begin: int) -> None:
        end = min(begin + _ROWS_AT_ONCE, count)
        _link(
            join.rows, near, gap, start, namers, anchors, join.order, offsets, places,
            links, begin, end,
        )  # fmt: skip

    for _ in ordered_map(link, starts, workers):
        pass


@compiled
def _find_anchors(
    rows: Features, start: Indices, links: int, anchors: Numbers, begin: int, end: int
) -> None:
    """The nearest row of each cell that is on a higher level."""
    cell = np.searchsorted(start, begin, side="right") - 1
    for row in range(begin, end):
        while start[cell + 1] <= row:
            cell += 1
        anchor, lowest = row - row % links, np.float32(np.inf)
        first = max(start[cell], row - _ANCHOR_REACH * links)
        for other in range(
            -(-first // links) * links, min(start[cell + 1], row + _ANCHOR_REACH * links), links
        ):
            apart = np.float32(0)
            for number in range(rows.shape[1]):
                apart += (rows[row, number] - rows[other, number]) ** 2
            if apart < lowest:
                anchor, lowest = other, apart
        anchors[row] = anchor


@compiled
def _naming(near: Numbers) -> tuple[Indices, Numbers]:
    """The rows that name each row, those first in whose list it comes first."""
    start = np.zeros(len(near) + 1, np.int64)
    for row in range(len(near)):
        for other in near[row]:
            if other >= 0:
                start[other + 1] += 1
    for row in range(len(near)):
        start[row + 1] += start[row]
    free = start[:-1].copy()
    namers = np.empty(start[-1], np.int32)
    for rank in range(near.shape[1]):
        for row in range(len(near)):
            other = near[row, rank]
            if other >= 0:
                namers[free[other]] = row
                free[other] += 1
    return start, namers


@compiled
def _link(
    rows: Features, near: Numbers, gap: Features, start: Indices, namers: Numbers,
    anchors: Numbers, order: Indices, offsets: Indices, places: Numbers, links: int,
    begin: int, end: int,
) -> None:  # fmt: skip
    """Write the links of the lowest level."""
    most, size = 2 * links, near.shape[1]
    found = np.empty(most, np.int32)
    for row in range(begin, end):
        named_by = namers[start[row] : start[row + 1]]
        if row % links and 1 + size + len(named_by) <= most:
            count = _all_of(found, anchors[row], near[row], named_by)
        else:
            count = _added_all(found, 0, most, row, anchors[row : row + 1])
            count = _added_all(found, count, most, row, _apart(rows, near[row], gap[row]))
            count = _added_all(found, count, most, row, named_by)
            if row % links == 0:
                first = max(row - (_ANCHOR_REACH + 1) * links, 0)
                around = anchors[first : row + (_ANCHOR_REACH + 1) * links]
                anchored = (np.flatnonzero(around == row) + first).astype(np.int32)
                count = _added_all(found, count, most, row, anchored)
            count = _added_all(found, count, most, row, near[row])
        first = offsets[order[row]]
        for place in range(count):
            places[first + place] = order[found[place]]


@compiled
def _all_of(found: Numbers, anchor: int, near: Numbers, named_by: Numbers) -> int:
    """Put together what there is room for, each once."""
    found[0], count = anchor, 1
    for other in near:
        found[count] = other
        count += other >= 0 and other != anchor
    for other in named_by:
        found[count] = other
        known = np.uint32(other == anchor)
        for mutual in near:  # no branch, so it is done in wide registers
            known |= np.uint32(other == mutual)
        count += known == 0
    return count


@compiled
def _apart(rows: Features, near: Numbers, gap: Features) -> Numbers:
    """Those of a list that are nearer to its row than to those of them before."""
    listed = near[near >= 0]
    block = rows[listed]
    products = np.dot(block, block.T)
    chosen, count = np.empty(len(listed), np.int64), 0
    for place in range(len(listed)):
        is_apart = True
        for earlier in chosen[:count]:
            norms = products[place, place] + products[earlier, earlier]
            if norms - 2 * products[place, earlier] < gap[place]:
                is_apart = False
                break
        if is_apart:
            chosen[count] = place
            count += 1
    return listed[chosen[:count]]


@compiled
def _added_all(found: Numbers, count: int, most: int, row: int, others: Numbers) -> int:
    """Add those that are there, are not the row itself, and were not found before."""
    for other in others:
        if count == most:
            break
        if other < 0 or other == row:
            continue
        known = False
        for earlier in found[:count]:
            known |= earlier == other
        if not known:
            found[count] = other
            count += 1
    return count


@compiled
def _link_upper(
    levels: Numbers, starts: Indices, upper: Numbers, upper_links: int, numbers: Indices,
    offsets: Indices, places: Numbers, links: int,
) -> None:  # fmt: skip
    """Copy the links of a graph of some rows one level up."""
    for row in range(len(numbers)):
        for level in range(levels[row]):
            source = starts[row] + (level + 1) * upper_links if level else starts[row]
            size = upper_links if level else 2 * upper_links
            target = offsets[numbers[row]] + (level + 2) * links
            for place in range(size):
                other = upper[source + place]
                places[target + place] = numbers[other] if other >= 0 else -1
