"""One store a service and process, and how its coroutines are run from threads."""

import asyncio
import atexit
import math
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from imagededup.errors import MissingPackageError
from imagededup.sources.limits import limits, over_limit
from imagededup.sources.minio import minio_endpoint
from imagededup.sources.remote_files import RemoteStore
from imagededup.sources.retries import RemoteError, TimeUpError, tried
from imagededup.utils.text import one_line

__all__ = ["call", "close_stores", "start", "store_of"]

Result = TypeVar("Result")

_EXTRAS = {"s3": "s3", "minio": "s3", "gs": "gcs", "az": "az", "http": "http", "https": "http"}
_OF_SETTINGS = ("AWS_", "MC_", "AZURE_", "GOOGLE_", "GCSFS_", "STORAGE_EMULATOR_HOST", "FSSPEC_")
_CLOSING_SECONDS = 2.0

_lock = threading.Lock()
_stores: dict[tuple[object, ...], RemoteStore] = {}
"""By process, as loops and sockets do not outlive a fork, and by the settings at that time."""


def store_of(address: str) -> tuple[RemoteStore, str]:
    """The store of an address, and the path in it.

    Args:
        address: With two slashes, as `s3://bucket/key`.

    Raises:
        MissingPackageError: The package of the extra is not installed.
        RemoteError: The settings cannot be used.
    """
    scheme, _, path = address.partition("://")
    alias = ""
    if scheme == "minio":
        alias, _, path = path.partition("/")
    settings = [item for item in os.environ.items() if item[0].startswith(_OF_SETTINGS)]
    key = (os.getpid(), _EXTRAS[scheme], alias, *sorted(settings))
    with _lock:
        if key not in _stores:
            store = _new_store(scheme, alias)
            call(store.connect)
            _stores[key] = store
        return _stores[key], address if _EXTRAS[scheme] == "http" else path


def call(function: Callable[..., Awaitable[Result]], *arguments: Any) -> Result:  # noqa: ANN401
    """Run a coroutine, again where it fails for a passing reason, and wait for its result.

    Raises:
        RemoteError: It failed for good, or the time is over, tries and waits included.
    """
    future = start(function, *arguments)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def start(function: Callable[..., Awaitable[Result]], *arguments: Any) -> Future[Result]:  # noqa: ANN401
    """As `call`, without waiting."""
    from fsspec.asyn import get_loop

    return asyncio.run_coroutine_threadsafe(_in_time(function, *arguments), get_loop())


async def _in_time(function: Callable[..., Awaitable[Result]], *arguments: Any) -> Result:  # noqa: ANN401
    seconds = limits().seconds
    try:
        async with asyncio.timeout(seconds):
            return await tried(lambda: function(*arguments))
    except TimeoutError as error:
        reason = over_limit("seconds", math.nextafter(seconds, math.inf))
        raise TimeUpError(reason or "too slow") from error


def close_stores() -> None:
    """Close the sessions of this process; further reads open new ones."""
    own = [key for key in _stores if key[0] == os.getpid()]
    for store in [_stores.pop(key) for key in own]:
        with suppress(Exception):
            start(store.close).result(_CLOSING_SECONDS)


def _new_store(scheme: str, alias: str) -> RemoteStore:
    extra = _EXTRAS[scheme]
    try:
        if extra == "s3":
            from imagededup.sources.s3 import S3Store

            return S3Store(minio_endpoint(alias) if alias else None)
        if extra == "http":
            from imagededup.sources.http import HttpStore

            return HttpStore()
        from imagededup.sources.object_stores import ObjectStore

        return ObjectStore(scheme)
    except ImportError as error:
        raise MissingPackageError(
            f"needs a further package (pip install 'imagededup[{extra}]')"
        ) from error
    except RemoteError:
        raise
    except Exception as error:  # of settings that a library cannot use
        raise RemoteError(one_line(error)) from error


def _begin_after_fork() -> None:
    global _lock
    _lock = threading.Lock()


atexit.register(close_stores)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_after_fork)
