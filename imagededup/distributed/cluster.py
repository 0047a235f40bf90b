"""Joining a Ray cluster, or starting one that nothing outside this machine hears of."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from imagededup.errors import FileOperationError, MissingPackageError

__all__ = ["connect"]

_STATISTICS = "RAY_USAGE_STATS_ENABLED"
_LEAVES_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_LOOPBACK = "127.0.0.1"
_WRONG_TOKEN = "InvalidAuthToken"


def connect(address: str | None) -> bool:
    """Join a Ray cluster, or start one on this machine.

    Args:
        address: Of the cluster; 'auto' for the one that this machine belongs to; None starts one.

    Returns:
        Whether Ray was connected here: it is left as it is where the caller has done so before.

    Raises:
        MissingPackageError: Ray or pyarrow is not installed.
        FileOperationError: There is no cluster at the address.
    """
    os.environ.setdefault(_STATISTICS, "0")
    try:
        import fsspec  # noqa: F401
        import pyarrow  # noqa: F401
        import ray
    except ImportError as error:
        raise MissingPackageError(
            "a cluster needs Ray and pyarrow: pip install 'imagededup[ray]'"
        ) from error
    if ray.is_initialized():
        return False
    settings: dict[str, Any] = {}
    if address is None:
        settings = {"include_dashboard": False, "_node_ip_address": _LOOPBACK}
    try:
        with nullcontext() if address else _within_this_machine():
            ray.init(
                address or "local", log_to_driver=False, logging_level=logging.ERROR, **settings
            )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise FileOperationError(_why_not_joined(address, error)) from error
    return True


def _why_not_joined(address: str | None, error: Exception) -> str:
    if _WRONG_TOKEN in f"{error} {error.__cause__}":
        return (
            f"the Ray cluster at {address!r} asks for its token: set RAY_AUTH_MODE=token, and have "
            "the same ~/.ray/auth_token on every machine"
        )
    return f"there is no Ray cluster at {address!r}: {error}"


@contextmanager
def _within_this_machine() -> Iterator[None]:
    """Have Ray open sockets of the loopback only while it starts.

    It would ask the system for the way to 8.8.8.8, to take the address of that interface for its
    own, unless clusters are switched off, as they are where Ray does not support them. And it would
    start a process for the dashboard that, even without dashboard and statistics of use, asks the
    metadata services of three clouds where it is.
    """
    from ray._private import node, ray_constants

    changed = [(ray_constants, "ENABLE_RAY_CLUSTER", False), (node.Node, "start_api_server", _skip)]
    before = [(owner, name, getattr(owner, name, None)) for owner, name, _ in changed]
    variable = os.environ.get(_LEAVES_LOOPBACK)
    os.environ[_LEAVES_LOOPBACK] = "0"  # for the processes of Ray
    try:
        for owner, name, value in changed:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        if variable is None:
            del os.environ[_LEAVES_LOOPBACK]
        else:
            os.environ[_LEAVES_LOOPBACK] = variable


def _skip(*_: object, **__: object) -> None:
    """Start nothing."""
