"""Every pair within a cosine similarity, by products of blocks.

Blocks of short vectors that bound the cosine from above (principal.py) are multiplied; the pairs
whose bound reaches the threshold are verified on all numbers. Within one collection every two
blocks meet once.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.search.cosine import few
from imagededup.search.cosine.principal import Screen
from imagededup.search.cosine.vectors import verified
from imagededup.search.matches import Pairs, concatenate
from imagededup.utils.jit import compiled, unless_quick
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import per_mille

__all__ = ["cosine_pairs", "pairs_of_rows", "products_above"]

Indices = NDArray[np.int64]
Task = tuple[int, int, int]
Candidates = tuple[Indices, Indices]

_SHORT = 256
_SHORT_BLOCK = 512
_LONG_BLOCK = 2048
_COMPARISONS_PER_TASK = 1 << 25
_CANDIDATES_AT_ONCE = 1 << 14
_SECONDS_BY_NUMPY = 1e-10


def cosine_pairs(
    queries: Screen,
    targets: Screen | None,
    threshold: float,
    workers: int,
    advance: Callable[[int], None],
) -> Pairs:
    """Pairs of cosine similarity >= `threshold`; with `targets` None, `left < right`.

    Args:
        queries: n vectors.
        targets: m vectors, or None.
        threshold: Least cosine similarity, -1 to 1.
        workers: Number of threads; the linear algebra library is held to one in each.
        advance: Called with the number of per mille of the search that are done.
    """
    search = _BlockSearch(queries, targets or queries, targets is None, threshold)
    tasks = list(search.tasks())
    finish = per_mille(advance, len(tasks))
    found = []
    for pairs in ordered_map(search.run, tasks, workers):
        found.append(pairs)
        finish(1)
    return concatenate(found, np.float32)


def pairs_of_rows(
    queries: Screen, rows: Indices, targets: Screen, among: range, threshold: float
) -> Pairs:
    """Pairs of some query rows with consecutive targets, a row with itself included.

    Args:
        queries: The vectors that `rows` count.
        rows: int64 of shape (k,).
        targets: m vectors.
        among: The targets to compare with.
        threshold: Least cosine similarity, -1 to 1.
    """
    left = queries.take(rows)
    least = np.float32(threshold - queries.margin)
    found = []
    for begin in among[::_LONG_BLOCK]:
        products = left @ targets.block(begin, min(begin + _LONG_BLOCK, among.stop)).T
        i, j = products_above(products, least, False)
        found.append(verified(queries.vectors, targets.vectors, (rows[i], j + begin), threshold))
    return concatenate(found, np.float32)


@dataclass(frozen=True, slots=True)
class _BlockSearch:
    queries: Screen
    targets: Screen
    symmetric: bool
    threshold: float

    @property
    def size(self) -> int:
        """Rows of a block: its products stay in the cache, or are few beside the multiplication."""
        return _SHORT_BLOCK if self.queries.width <= _SHORT else _LONG_BLOCK

    def tasks(self) -> Iterator[Task]:
        """First query, first target and last target of every task."""
        stripe = max(_COMPARISONS_PER_TASK // self.size, 1)
        for query in range(0, len(self.queries.vectors), self.size):
            first = query if self.symmetric else 0
            for target in range(first, len(self.targets.vectors), stripe):
                yield query, target, min(target + stripe, len(self.targets.vectors))

    def run(self, task: Task) -> Pairs:
        """The pairs of a block of queries with a stripe of targets."""
        vectors = self.queries.vectors, self.targets.vectors
        batches = _in_batches(self.candidates(task))
        found = [verified(*vectors, batch, self.threshold) for batch in batches]
        return concatenate(found, np.float32)

    def candidates(self, task: Task) -> Iterator[Candidates]:
        """The pairs whose bound reaches the threshold, block by block."""
        query, first, last = task
        left = self.queries.block(query, query + self.size)
        memory = np.empty(len(left) * self.size, np.float32)
        least = np.float32(self.threshold - self.queries.margin)
        for target in range(first, last, self.size):
            same = self.symmetric and query == target
            right = left if same else self.targets.block(target, min(target + self.size, last))
            products = memory[: len(left) * len(right)].reshape(len(left), len(right))
            np.matmul(left, right.T, out=products)
            seconds = products.size * _SECONDS_BY_NUMPY
            i, j = unless_quick(products_above, seconds, few.products_above)(products, least, same)
            yield i + query, j + target


def _in_batches(blocks: Iterable[Candidates]) -> Iterator[Candidates]:
    """The candidates of several blocks at once: few of them take hardly less time than many."""
    waiting: list[Candidates] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block[0])
        if count >= _CANDIDATES_AT_ONCE:
            yield _joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(blocks: list[Candidates]) -> Candidates:
    return np.concatenate([i for i, _ in blocks]), np.concatenate([j for _, j in blocks])


@compiled
def products_above(
    products: NDArray[np.float32], least: np.float32, above_diagonal: bool
) -> tuple[Indices, Indices]:
    """Row and column of every product >= `least`."""
    counts = np.zeros(len(products), np.int64)
    for i in range(len(products)):
        count = 0
        for j in range(i + 1 if above_diagonal else 0, products.shape[1]):
            count += products[i, j] >= least
        counts[i] = count
    rows, columns = np.empty(counts.sum(), np.int64), np.empty(counts.sum(), np.int64)
    place = 0
    for i in range(len(products)):
        if counts[i] == 0:
            continue
        for j in range(i + 1 if above_diagonal else 0, products.shape[1]):
            if products[i, j] >= least:
                rows[place], columns[place] = i, j
                place += 1
    return rows, columns
