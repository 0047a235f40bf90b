"""How many threads matrix products in compiled code take."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["one_blas_thread"]


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold numpy's and scipy's products to one thread each, in the whole process, for a while.

    numba multiplies with scipy's library, which can only be held once it is loaded.
    """
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    with threadpool_limits(1, user_api="blas"):
        yield
