"""How many threads matrix products in compiled code take."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

__all__ = ["one_blas_thread"]

_lock = Lock()
_limit = ExitStack()
_holders = 0


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold numpy's and scipy's products to one thread each, in the whole process, for a while.

    The last of several that hold them at once lets go, in whatever order they end. numba multiplies
    with scipy's library, which can only be held once it is loaded.
    """
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    global _holders
    with _lock:
        if _holders == 0:
            _limit.enter_context(threadpool_limits(1, user_api="blas"))
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0:
                _limit.close()
