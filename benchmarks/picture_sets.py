"""The sets of pictures that are measured on, each a folder, and all of them as one pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pool", "pool_of"]

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The pictures of all sets, one set after the other.

    Attributes:
        paths: Their files.
        places: The place of each among all pictures of its folder.
        sets: The name of each set with its pictures, places in the pool.
        group: A number for each picture; two with the same number are no false pair, int64.
    """

    paths: tuple[Path, ...]
    places: tuple[int, ...]
    sets: dict[str, slice]
    group: NDArray[np.int64]


def pool_of(folders: Sequence[Path], limit: int | None, related: Sequence[str]) -> Pool:
    """Choose the pictures.

    Args:
        folders: One for each set.
        limit: At most so many of each, spread evenly over its sorted files.
        related: Names of sets whose pictures are related to each other, such as frames of a film.

    Raises:
        SystemExit: A folder has no pictures, two have one name, or `related` names no set.
    """
    paths: list[Path] = []
    places: list[int] = []
    sets: dict[str, slice] = {}
    for folder in folders:
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
        if not found or folder.name in sets:
            raise SystemExit(f"{folder}: {'another set has that name' if found else 'no pictures'}")
        count = min(len(found), limit or len(found))
        chosen = np.linspace(0, len(found) - 1, count).round().astype(int).tolist()
        sets[folder.name] = slice(len(paths), len(paths) + count)
        paths += [found[place] for place in chosen]
        places += chosen
    if unknown := set(related) - sets.keys():
        raise SystemExit(f"--related: no such set: {', '.join(sorted(unknown))}")
    group = np.arange(len(paths))
    for name in related:
        group[sets[name]] = sets[name].start
    return Pool(tuple(paths), tuple(places), sets, group)
