"""The stored features of a work folder, in one file or in shards that are joined."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.binary_features import (
    NAMES_HEADER,
    check_features,
    load_binary_feature,
)
from imagededup.fastdup.store.files import FeatureFiles, FeatureRecord, shard_bounds
from imagededup.fastdup.store.results import forget_results
from imagededup.fastdup.store.states import (
    FeatureState,
    KnownImages,
    MadeBy,
    feature_checksums,
    feature_digest,
)
from imagededup.fastdup.store.statistics import STATS_HEADER, statistics_rows
from imagededup.fastdup.store.tables import read_names, read_rows, write_rows
from imagededup.utils.files import open_atomically

__all__ = ["BAD_HEADER", "StoredFeatures", "find_shards", "identities", "load_features"]

logger = logging.getLogger("imagededup")

BAD_HEADER = ("filename", "error")


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """Descriptors with the names of their images.

    Attributes:
        files: Where they are stored.
        names: One a row.
        array: float32 of shape (n, d), mapped to memory.
        record: How they were made; None for those from elsewhere.
        digest: What tells them from all others.
    """

    files: FeatureFiles
    names: list[str]
    array: NDArray[np.float32]
    record: FeatureRecord | None
    digest: str


@dataclass(frozen=True, slots=True)
class _Shard:
    files: FeatureFiles
    record: FeatureRecord


def load_features(place: Path) -> StoredFeatures:
    """The stored features of a folder or of one file.

    The shards of a folder are joined to a features.dat, in the order of their offsets, unless that
    has been done.

    Args:
        place: A file of features, or a folder with a features.dat or with shards.

    Raises:
        InvalidValueError: There are none, they are broken, or the shards do not fit together.
        FileOperationError: Joined shards cannot be written.
    """
    if place.is_file():
        return _load(FeatureFiles(place))
    files = FeatureFiles(place / "features.dat")
    found = find_shards(place)
    if not found:
        if not files.data.exists():
            raise InvalidValueError(
                f"{str(place)!r} must hold features.dat or shards such as features_0_1000.dat; "
                "run_mode=1 makes them"
            )
        return _load(files)
    present = identities(found)
    existing = FeatureRecord.read(files.record) if files.data.exists() else None
    if existing is not None and present in (existing.parts, existing.shards):
        return _load(files)
    if files.data.exists() and (existing is None or not existing.parts):
        raise InvalidValueError(
            f"{str(place)!r} holds features.dat and also shards ({found[0].data.name}); run_mode=0 "
            "or 1 without offsets takes them in; or give the path of the file to use, or remove "
            "the others"
        )
    shards = [_Shard(shard, _record(shard)) for shard in found]
    shards.sort(key=lambda shard: shard.record.begin)
    _check_order(shards)
    _join(files, shards, present)
    return _load(files)


def find_shards(folder: Path) -> list[FeatureFiles]:
    """The shards of a folder, sorted by name."""
    try:
        found = [path for path in sorted(folder.glob("features_*.dat")) if shard_bounds(path.stem)]
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(folder)!r}: {error.strerror}") from error
    return list(map(FeatureFiles, found))


def identities(shards: Sequence[FeatureFiles]) -> list[str]:
    """What tells shards from others of the same names: size and time of each."""
    found = [(shard.data.name, shard.data.stat()) for shard in shards]
    return [f"{name} {status.st_size} {status.st_mtime_ns}" for name, status in found]


def _load(files: FeatureFiles) -> StoredFeatures:
    names, array = load_binary_feature(files.data, mmap=True)
    checksums = check_features(files, names, array.shape[1])
    digest = feature_digest(array.shape[1], checksums, names)
    return StoredFeatures(files, names, array, FeatureRecord.read(files.record), digest)


def _record(files: FeatureFiles) -> FeatureRecord:
    record = FeatureRecord.read(files.record)
    if record is None:
        raise InvalidValueError(
            f"{str(files.record)!r} is missing: the run that made {files.data.name} has not ended"
        )
    return record


def _check_order(shards: Sequence[_Shard]) -> None:
    """Raise if shards overlap, leave a gap, or are parts of different collections."""
    first, last = shards[0].record, shards[-1].record
    for one, other in pairwise(shards):
        if _collection(one.record) != _collection(other.record):
            raise InvalidValueError(
                f"{str(other.files.data)!r} and {one.files.data.name} must be shards of the same "
                "listing, made by the same model with the same bounding_box"
            )
        if one.record.end != other.record.begin:
            problem = "overlap" if other.record.begin < one.record.end else "leave a gap"
            raise InvalidValueError(
                f"{str(other.files.data)!r} and {one.files.data.name} {problem}: images "
                f"{one.record.begin} to {one.record.end} and "
                f"{other.record.begin} to {other.record.end}"
            )
    if first.begin > 0 or last.end < last.total:
        logger.warning("the shards hold images %d to %d of %d", first.begin, last.end, last.total)


def _collection(record: FeatureRecord) -> tuple[object, ...]:
    return record.model, record.dimension, record.total, record.listing, record.bounding_box


def _join(files: FeatureFiles, shards: Sequence[_Shard], parts: list[str]) -> None:
    """Write the shards as one; the descriptors come last, so that half a result is never used."""
    for shard in shards:  # raises if one is broken
        names, array = load_binary_feature(shard.files.data, mmap=True)
        check_features(shard.files, names, array.shape[1])
    for stale in (files.record, files.data, files.state):
        stale.unlink(missing_ok=True)
    every = [shard.files for shard in shards]
    images = KnownImages.joined([_images(shard) for shard in every])
    write_rows(files.names, NAMES_HEADER, ([name] for name in images.names()))
    write_rows(files.bad, BAD_HEADER, _rows([shard.bad for shard in every], BAD_HEADER))
    write_rows(
        files.bad_names, NAMES_HEADER, _rows([shard.bad_names for shard in every], NAMES_HEADER)
    )
    write_rows(files.stats, STATS_HEADER, statistics_rows(images))
    with open_atomically(files.staged_data, binary=True) as joined:
        for files_of_shard in every:
            with files_of_shard.data.open("rb") as part:
                shutil.copyfileobj(part, joined, 1 << 20)
    first = shards[0].record
    checksums = feature_checksums(files.staged_data, first.dimension)
    forget_results(files.data.parent, feature_digest(first.dimension, checksums, images.names()))
    made_by = MadeBy(first.model, first.dimension, first.bounding_box)
    FeatureState(made_by, images, checksums).write(files.state)
    replace(
        first,
        good=sum(shard.record.good for shard in shards),
        bad=sum(shard.record.bad for shard in shards),
        end=shards[-1].record.end,
        parts=parts,
    ).write(files.record)
    files.staged_data.replace(files.data)


def _images(files: FeatureFiles) -> KnownImages:
    """What is known of the images of a shard; their names at least."""
    state = FeatureState.read(files.state)
    if state is not None:
        return state.images
    names = read_names(files.names, *NAMES_HEADER)
    return KnownImages.of_names(names, read_rows(files.bad, BAD_HEADER))


def _rows(paths: Sequence[Path], header: Sequence[str]) -> Iterator[list[str]]:
    for path in paths:
        yield from read_rows(path, header)
