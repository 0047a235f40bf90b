"""Which images with equal codes have exactly equal pixels."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.images.exact import pixel_digest
from imagededup.sources.readable import reading_workers
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

    Files of the same bytes are decoded once, and are equal even where they cannot be. A file that
    is gone is alone in its group.

    Args:
        groups: The group of every item, int64 of shape (n,).
        path_of: Gives the file of an item.
        workers: Number of threads; the result does not depend on it.
        advance: Is called with numbers of items that are done, of `members_of_several`.

    Returns:
        The new group of every item, numbered by first items, int64 of shape (n,).
    """
    items = members_of_several(groups).tolist()
    first = np.arange(len(groups))
    found: dict[tuple[int, bytes], int] = {}
    readers = reading_workers(path_of(items[0]), workers) if items else workers
    digests = ordered_map(partial(_digest, path_of, {}), items, readers)
    for item, digest in zip(items, digests, strict=True):
        if digest is not None:
            first[item] = found.setdefault((int(groups[item]), digest), item)
        advance(1)
    return np.unique(first, return_inverse=True)[1].astype(np.int64)


def _digest(path_of: Callable[[int], Path], known: dict[bytes, bytes], item: int) -> bytes | None:
    """The digest of an item's pixels, or else of its bytes; `known` has those of its bytes."""
    path = path_of(item)
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "blake2b").digest()
    except OSError:
        return None
    if content not in known:
        try:
            known[content] = pixel_digest(path)
        except UnreadableImageError:
            known[content] = content
    return known[content]
