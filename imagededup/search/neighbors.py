"""What the searches through an index have in common: one thread per job, and each pair once."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from imagededup.search.pairs import Pairs, concatenate

__all__ = ["each_once", "one_faiss_thread"]


@contextmanager
def one_faiss_thread() -> Iterator[None]:
    """Hold faiss to one thread where the caller runs.

    Several threads would build another graph each time.
    """
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def each_once(found: list[Pairs], targets: int, symmetric: bool) -> Pairs:
    """Every pair once, sorted; those of one collection with `left < right`, none with itself.

    Args:
        found: Pairs in any order and, within one collection, in any direction.
        targets: Number of targets.
        symmetric: Whether the pairs are of one collection.
    """
    pairs = concatenate(found, np.float32)
    left, right = pairs.left, pairs.right
    if symmetric:
        left, right = np.minimum(left, right), np.maximum(left, right)
    _, place = np.unique(left * targets + right, return_index=True)
    kept: NDArray[np.int64] = place[left[place] != right[place]] if symmetric else place
    return Pairs(left[kept], right[kept], pairs.score[kept])
