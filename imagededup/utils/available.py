"""Cores and memory that this process may use, by the system and by its control groups."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["available_cores", "granted_cores", "granted_memory"]

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def available_cores() -> int:
    """The cores that the system may run the threads of this process on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def granted_cores() -> float:
    """As `available_cores`, or fewer where the time of a container is limited."""
    shares = [float(available_cores())]
    for text in _settings("cpu.max"):  # "max 100000", or microseconds of each such period
        quota, _, period = text.partition(" ")
        with suppress(ValueError):
            shares.append(int(quota) / int(period))
    return min(shares)


def granted_memory() -> int:
    """The bytes of this machine, or fewer where the memory of a container is limited."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for text in _settings("memory.max"):
        with suppress(ValueError):  # "max"
            sizes.append(int(text))
    return min(sizes)


def _settings(name: str) -> Iterator[str]:
    """What the control groups of this process say, from its own to the root (Linux, version 2)."""
    try:
        lines = _OWN_GROUP.read_text().splitlines()
    except OSError:  # another system
        return
    own = next((line[len("0::/") :] for line in lines if line.startswith("0::/")), "")
    for group in (_GROUPS / own, *(_GROUPS / own).parents):
        if group.is_relative_to(_GROUPS):
            with suppress(OSError):
                yield (group / name).read_text().strip()
