"""What earlier runs have left that a new one need not do again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.files import FeatureFiles
from imagededup.fastdup.store.journal import Journal
from imagededup.fastdup.store.states import (
    ROWS_PER_BLOCK,
    FeatureState,
    KnownImages,
    MadeBy,
    feature_checksums,
)
from imagededup.utils.text import counted

__all__ = ["Origins", "Previous", "find_origins", "find_previous"]

logger = logging.getLogger("imagededup")

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Previous:
    """Descriptors that an earlier run has made.

    Attributes:
        data: The file.
        images: The images that it describes.
        is_whole: Whether an image's descriptor is as it was written, of shape (n,).
        is_own: Whether the file belongs to the features that are made now, and may be renamed.
    """

    data: Path
    images: KnownImages
    is_whole: NDArray[np.bool_]
    is_own: bool = True

    @classmethod
    def of_journal(cls, files: FeatureFiles, journal: Journal) -> "Previous":
        """What a journal holds at present."""
        return cls(files.partial, journal.images(), np.ones(len(journal), bool))


@dataclass(frozen=True, slots=True)
class Origins:
    """Where the descriptor of each of n images comes from.

    Attributes:
        which: Number of the file, int64 of shape (n,); -1 where there is none.
        place: Place among its images, int64 of shape (n,).
    """

    which: Indices
    place: Indices

    @classmethod
    def none(cls, count: int) -> "Origins":
        """Nothing has an origin."""
        return cls(np.full(count, -1), np.full(count, -1))


def find_previous(
    files: FeatureFiles, made_by: MadeBy, others: Sequence[FeatureFiles]
) -> list[Previous]:
    """The descriptors on the disk that were made in the same way; damaged ones are marked.

    A run that was killed while it gave the results their names has left them under one of two
    names each.

    Args:
        files: The features that are made now.
        made_by: How they are made.
        others: Features in the same folder, such as shards.
    """
    own = (
        (files.data, files.state),
        (files.data, files.staged_state),
        (files.staged_data, files.staged_state),
    )
    found = [_previous(data, state, made_by, True) for data, state in own]
    found += [_previous(other.data, other.state, made_by, False) for other in others]
    previous = [one for one in found if one is not None]
    if not files.staged_state.exists():  # then descriptors may have their name and state not yet
        _say_what_is_damaged(previous)
    return previous


def find_origins(
    paths: Sequence[str], size: Indices, modified: Indices, previous: Sequence[Previous]
) -> Origins:
    """Find images of the same path, size and time; the first that has one gives it.

    Args:
        paths: n images.
        size: Sizes of their files, of shape (n,).
        modified: Their times of modification, of shape (n,).
        previous: What there is.
    """
    which, place = np.full((2, len(paths)), -1, np.int64)
    for number, one in enumerate(previous):
        places = {path: index for index, path in enumerate(one.images.paths)}
        found = np.fromiter((places.get(path, -1) for path in paths), np.int64, len(paths))
        image = np.flatnonzero((found >= 0) & (which < 0))
        there = found[image]
        is_same = (one.images.size[there] == size[image]) & one.is_whole[there]
        is_same &= one.images.modified[there] == modified[image]
        is_same &= ~np.isin(there, one.images.worth_another_look())
        which[image[is_same]] = number
        place[image[is_same]] = there[is_same]
    return Origins(which, place)


def _say_what_is_damaged(previous: Sequence[Previous]) -> None:
    for one in previous:
        damaged = len(one.is_whole) - int(one.is_whole.sum())
        if damaged:
            count = counted(damaged, "descriptor")
            logger.warning("%s of %s are damaged and not used", count, one.data)


def _previous(data: Path, path: Path, made_by: MadeBy, is_own: bool) -> Previous | None:
    try:
        state = FeatureState.read(path)
        if state is None or state.made_by != made_by or not data.is_file():
            return None
        checksums = feature_checksums(data, made_by.dimension)
    except InvalidValueError as error:
        logger.warning("%s", error)
        return None
    rows = state.images.rows
    is_right = np.zeros(rows.max(initial=-1) // ROWS_PER_BLOCK + 1, bool)
    count = min(len(is_right), len(checksums), len(state.checksums))
    is_right[:count] = checksums[:count] == state.checksums[:count]
    is_whole = np.ones(len(rows), bool)
    is_whole[rows >= 0] = is_right[rows[rows >= 0] // ROWS_PER_BLOCK]
    return Previous(data, state.images, is_whole, is_own)
