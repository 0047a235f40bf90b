"""Where the command keeps its cache, and how large caches may become."""

import os
import sys
from pathlib import Path

from imagededup.errors import InvalidValueError
from imagededup.utils.sizes import size_in_bytes

__all__ = ["LIMIT_VARIABLE", "PLACE_VARIABLE", "size_limit", "user_cache_folder"]

PLACE_VARIABLE = "IMAGEDEDUP_CACHE_DIR"
LIMIT_VARIABLE = "IMAGEDEDUP_CACHE_LIMIT"

_LIMIT = 2_000_000_000
_LEAST = 100_000


def user_cache_folder() -> Path:
    """The folder `imagededup` in the user's cache directory, or what IMAGEDEDUP_CACHE_DIR says.

    Raises:
        RuntimeError: The user has no home directory.
    """
    chosen = os.environ.get(PLACE_VARIABLE)
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData/Local") / "imagededup/Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/imagededup"
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "imagededup"


def size_limit() -> int:
    """How many bytes a cache may have: 2 GB, or what IMAGEDEDUP_CACHE_LIMIT says.

    Raises:
        InvalidValueError: The variable is no size, or one of less than 100 kB.
    """
    said = os.environ.get(LIMIT_VARIABLE)
    if not said:
        return _LIMIT
    try:
        limit = size_in_bytes(said)
    except InvalidValueError as error:
        raise InvalidValueError(f"{LIMIT_VARIABLE}: {error}") from None
    if limit < _LEAST:
        raise InvalidValueError(f"{LIMIT_VARIABLE} must be at least 100 kB, got {said!r}")
    return limit
