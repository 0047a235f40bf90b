"""Which images with equal codes have exactly equal pixels."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.images.exact import pixel_digest
from imagededup.utils.parallel import ordered_map
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict

__all__ = ["IDENTICAL", "identical_groups", "members_of_several"]

Indices = NDArray[np.int64]

IDENTICAL = Verdict(
    Relation.IDENTICAL, 1.0, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)), left_covered=1.0, right_covered=1.0
)
"""What is said of two pictures of equal pixels."""


def members_of_several(groups: Indices) -> Indices:
    """The items whose group has another one, ascending."""
    _, number, count = np.unique(groups, return_inverse=True, return_counts=True)
    members: Indices = np.flatnonzero(count[number] > 1)
    return members


def identical_groups(
    groups: Indices,
    path_of: Callable[[int], Path],
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Indices:
    """Divide groups of equal codes into groups of equal pixels, alpha included.

    Files of the same bytes are decoded once. A file that cannot be read is alone in its group.

    Args:
        groups: The group of every item, int64 of shape (n,).
        path_of: Gives the file of an item.
        workers: Number of threads; the result does not depend on it.
        advance: Is called with numbers of items that are done, of those in groups of several.

    Returns:
        The new group of every item, numbered by first items, int64 of shape (n,).
    """
    items = members_of_several(groups).tolist()
    contents: dict[bytes | None, int] = {}
    same_bytes = []
    for item, digest in zip(items, ordered_map(_file_digest(path_of), items, workers), strict=True):
        same_bytes.append(item if digest is None else contents.setdefault(digest, item))
        advance(1)
    decoded = sorted(_shared(groups, items, same_bytes))
    digests = dict(zip(decoded, ordered_map(_pixels(path_of), decoded, workers), strict=True))
    keys: dict[tuple[int, bytes | int], int] = {}
    first = np.arange(len(groups))
    for item, twin in zip(items, same_bytes, strict=True):
        key = digests.get(twin) or twin
        first[item] = keys.setdefault((int(groups[item]), key), item)
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


def _shared(groups: Indices, items: Sequence[int], same_bytes: Sequence[int]) -> set[int]:
    """The items of different bytes in groups that have several of these."""
    by_group: dict[int, set[int]] = {}
    for item, twin in zip(items, same_bytes, strict=True):
        by_group.setdefault(int(groups[item]), set()).add(twin)
    return {twin for twins in by_group.values() if len(twins) > 1 for twin in twins}


def _file_digest(path_of: Callable[[int], Path]) -> Callable[[int], bytes | None]:
    def digest(item: int) -> bytes | None:
        try:
            with path_of(item).open("rb") as file:
                return hashlib.file_digest(file, "blake2b").digest()
        except OSError:
            return None

    return digest


def _pixels(path_of: Callable[[int], Path]) -> Callable[[int], bytes | None]:
    def digest(item: int) -> bytes | None:
        try:
            return pixel_digest(path_of(item))
        except UnreadableImageError:
            return None

    return digest
