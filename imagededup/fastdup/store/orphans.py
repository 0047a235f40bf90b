"""Temporary files of runs that were killed."""

import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from imagededup.fastdup.store.files import is_result, shard_bounds
from imagededup.fastdup.store.results import STAGING

__all__ = ["remove_orphans"]

_TEMPORARY = re.compile(r"\.(\.?(.+?)(\.new)?)\.[0-9a-f]{16}|\.(.+)\.journal\.new")
"""How `open_atomically` and the journal name a file until it is complete."""

_CUT = 32
"""How much of a long name `open_atomically` keeps."""

_SHARD = re.compile(r"(features|stats)(?P<bounds>_\d+_(\d+|end))")


def remove_orphans(folder: Path, stem: str) -> None:
    """Remove what killed runs were writing; descriptors that a run can go on from stay.

    Args:
        folder: The work folder, which the caller has locked.
        stem: What the run extracts. A run on a shard shares the folder with others, and removes
            files of its own shard only.
    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if path.name == STAGING and shard_bounds(stem) is None:
                shutil.rmtree(path, ignore_errors=True)
            elif _is_orphan(path.name, stem):
                path.unlink(missing_ok=True)


def _is_orphan(name: str, stem: str) -> bool:
    match = _TEMPORARY.fullmatch(name)
    if match is None:
        return False
    target = match[2] or match[4]
    shard = _SHARD.match(target)
    is_cut = shard is not None and len(match[1] or "") == _CUT
    if not (is_cut or is_result(target)):
        return False
    if shard_bounds(stem) is not None:
        return shard is not None and f"features{shard['bounds']}" == stem
    return shard is None or sys.platform != "win32"  # there a run on a shard may be at work
