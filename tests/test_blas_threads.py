"""One thread for matrix products, while anybody asks for it."""

from threadpoolctl import threadpool_info, threadpool_limits

from imagededup.search.blas_threads import one_blas_thread


def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_last_holder_lets_go():
    with one_blas_thread():
        pass  # numba's library is loaded
    with threadpool_limits(3, user_api="blas"):
        assert threads() == {3}
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        assert threads() == {1}
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == {3}
