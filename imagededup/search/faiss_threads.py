"""How many threads faiss takes."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_faiss_thread"]


@contextmanager
def one_faiss_thread() -> Iterator[None]:
    """Hold faiss to one thread where the caller runs; every call of faiss that works is in here.

    Several threads would build another graph each time. They would also stay in a pool that a
    forked child waits for, though it does not have them.
    """
    import faiss

    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)
