"""The end of an extraction: descriptors in the order of the listing, then all names at once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.fastdup.store.binary_features import NAMES_HEADER
from imagededup.fastdup.store.files import FLOAT_BYTES, FeatureFiles, FeatureRecord
from imagededup.fastdup.store.previous import Origins, Previous
from imagededup.fastdup.store.results import forget_query_results, forget_results
from imagededup.fastdup.store.shards import BAD_HEADER
from imagededup.fastdup.store.states import (
    FeatureState,
    KnownImages,
    MadeBy,
    feature_checksums,
    feature_digest,
    unknown_statistics,
)
from imagededup.fastdup.store.statistics import STATS_HEADER, statistics_rows
from imagededup.fastdup.store.tables import read_rows, write_rows
from imagededup.utils.files import open_atomically, sync_folder

__all__ = ["finished", "images_of", "name_features"]

_ROWS_AT_ONCE = 16_384


def finished(
    files: FeatureFiles,
    plan: FeatureRecord,
    paths: Sequence[str],
    size: NDArray[np.int64],
    modified: NDArray[np.int64],
    previous: Previous,
) -> FeatureRecord | None:
    """The record of an earlier extraction of just these images, if nothing of it is missing.

    Args:
        files: The features.
        plan: How they would be made, without the counts.
        paths: The n images.
        size: Sizes of their files, of shape (n,).
        modified: Their times of modification, of shape (n,).
        previous: The first of what earlier runs have left.
    """
    images = previous.images
    if previous.data != files.data or files.journal.exists() or files.staged_state.exists():
        return None
    if not (previous.is_whole.all() and images.paths == paths) or images.worth_another_look():
        return None
    if not (np.array_equal(images.size, size) and np.array_equal(images.modified, modified)):
        return None
    bad, names = images.bad(), images.names()
    record = replace(plan, good=len(names), bad=len(bad))
    try:
        stored = FeatureRecord.read(files.record)
        is_complete = (
            stored is not None
            and replace(stored, parts=[], shards=[]) == replace(record, shards=[])
            and plan.shards in (stored.parts, stored.shards)
            and files.data.stat().st_size == len(names) * plan.dimension * FLOAT_BYTES
            and _holds(files.names, NAMES_HEADER, ([name] for name in names))
            and _holds(files.bad, BAD_HEADER, (list(row) for row in bad))
            and _holds(files.bad_names, NAMES_HEADER, ([path] for path, _ in bad))
            and _holds(files.stats, STATS_HEADER, statistics_rows(images))
        )
    except InvalidValueError:  # damaged: it is written again
        return None
    return stored if is_complete else None


def _holds(path: Path, header: Sequence[str], rows: Iterable[list[str]]) -> bool:
    return all(one == other for one, other in zip_longest(read_rows(path, header), rows))


def images_of(paths: Sequence[str], origins: Origins, previous: Sequence[Previous]) -> KnownImages:
    """What is known of the images of a listing, every one of which has an origin."""
    size, modified = np.full((2, len(paths)), -1, np.int64)
    statistics = unknown_statistics(len(paths))
    reasons: dict[int, str] = {}
    for number, one in enumerate(previous):
        image = np.flatnonzero(origins.which == number)
        place = origins.place[image]
        size[image], modified[image] = one.images.size[place], one.images.modified[place]
        statistics[image] = one.images.statistics[place]
        is_bad = ~one.images.is_good[place]
        bad = zip(image[is_bad].tolist(), place[is_bad].tolist(), strict=True)
        reasons.update((index, one.images.reasons[there]) for index, there in bad)
    return KnownImages(paths, size, modified, dict(sorted(reasons.items())), statistics)


def name_features(
    files: FeatureFiles,
    record: FeatureRecord,
    images: KnownImages,
    origins: Origins,
    previous: Sequence[Previous],
) -> None:
    """Give the results their names, the record last; what was derived from others goes before.

    A run that is killed on the way finds the descriptors again, under the old name or the new one.

    Args:
        files: The names.
        record: How they were made.
        images: What is known of the images.
        origins: Where their descriptors come from.
        previous: The files that these lie in.

    Raises:
        FileOperationError: A file cannot be written.
    """
    which, row = _picked(images, origins, previous)
    made_by = MadeBy(record.model, record.dimension, record.bounding_box)
    source = _whole_file(which, row, previous, record)
    try:
        if source is None:
            _gather(files, which, row, previous, record.dimension)
            source = files.staged_data
        checksums = feature_checksums(source, record.dimension)
        FeatureState(made_by, images, checksums).write(files.staged_state)
        if files.data.stem == "features":
            digest = feature_digest(record.dimension, checksums, images.names())
            forget_results(files.data.parent, digest)
        if files.data.stem == "query_features":
            forget_query_results(files.data.parent)
        files.record.unlink(missing_ok=True)
        write_rows(files.names, NAMES_HEADER, ([path] for path in images.names()))
        write_rows(files.bad, BAD_HEADER, images.bad())
        write_rows(files.bad_names, NAMES_HEADER, ([path] for path, _ in images.bad()))
        write_rows(files.stats, STATS_HEADER, statistics_rows(images))
        source.replace(files.data)
        files.staged_state.replace(files.state)
        sync_folder(files.data.parent)
        record.write(files.record)
        for leftover in (files.partial, files.staged_data, files.journal):  # a journal tells of all
            leftover.unlink(missing_ok=True)
    except FileOperationError:
        raise
    except OSError as error:
        place = error.filename2 or error.filename or files.data
        raise FileOperationError(f"cannot write {str(place)!r}: {error.strerror}") from error


def _picked(
    images: KnownImages, origins: Origins, previous: Sequence[Previous]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The file and the row of every descriptor, in the order of the listing."""
    row = np.full(len(images.paths), -1, np.int64)
    for number, one in enumerate(previous):
        image = np.flatnonzero(origins.which == number)
        row[image] = one.images.rows[origins.place[image]]
    good = images.is_good
    return origins.which[good], row[good]


def _whole_file(
    which: NDArray[np.int64],
    row: NDArray[np.int64],
    previous: Sequence[Previous],
    record: FeatureRecord,
) -> Path | None:
    """The file that holds just these descriptors in this order, if one may be renamed."""
    if len(row) == 0 or not (which == which[0]).all():
        return None
    source = previous[which[0]]
    size = len(row) * record.dimension * FLOAT_BYTES
    if not source.is_own or source.data.stat().st_size != size:
        return None
    return source.data if np.array_equal(row, np.arange(len(row))) else None


def _gather(
    files: FeatureFiles,
    which: NDArray[np.int64],
    row: NDArray[np.int64],
    previous: Sequence[Previous],
    dimension: int,
) -> None:
    """Write descriptors from several files one behind the other."""
    with open_atomically(files.staged_data, binary=True) as file:
        for begin in range(0, len(row), _ROWS_AT_ONCE):
            chosen = slice(begin, begin + _ROWS_AT_ONCE)
            part = np.empty((len(row[chosen]), dimension), "<f4")
            for number in np.unique(which[chosen]).tolist():
                here = which[chosen] == number
                rows = previous[number].data.stat().st_size // (dimension * FLOAT_BYTES)
                source = np.memmap(previous[number].data, "<f4", "r", shape=(rows, dimension))
                part[here] = source[row[chosen][here]]
                del source  # Windows renames no file that is mapped
            file.write(part.tobytes())
