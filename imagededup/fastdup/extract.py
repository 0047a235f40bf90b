"""From images to stored features, in bounded memory, in a run that can be killed at any moment."""

import logging
import zlib
from dataclasses import dataclass, replace
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import (
    FileOperationError,
    InvalidValueError,
    UnreadableImageError,
)
from imagededup.fastdup.config import RunConfig, RunMode
from imagededup.fastdup.listing import Listing, list_images
from imagededup.fastdup.model import ExtractionModel, load_model
from imagededup.fastdup.parameters import BoundingBox
from imagededup.fastdup.store.binary_features import NAMES_HEADER
from imagededup.fastdup.store.files import FeatureFiles, FeatureRecord
from imagededup.fastdup.store.journal import Entry, Journal, Progressed
from imagededup.fastdup.store.shards import BAD_HEADER
from imagededup.fastdup.store.tables import write_rows
from imagededup.fastdup.store.work_dir import WorkDir, stem_of
from imagededup.images.decode import Pixels, load_image
from imagededup.utils.parallel import ordered_map
from imagededup.utils.progress import Progress
from imagededup.utils.text import counted

__all__ = ["ExtractionResult", "crop", "extract_features"]

logger = logging.getLogger("imagededup")


@dataclass(frozen=True, slots=True)
class ExtractionResult:
    """What an extraction has come to.

    Attributes:
        good: Number of images with a descriptor.
        bad: Number of images that could not be read.
        files: Where everything is stored.
        record: How it was made.
    """

    good: int
    bad: int
    files: FeatureFiles
    record: FeatureRecord


@dataclass(frozen=True, slots=True)
class _Batch:
    features: NDArray[np.float32]
    entry: Entry


def extract_features(config: RunConfig, work_dir: WorkDir) -> ExtractionResult:
    """Describe the images of a run and store the descriptors.

    What an earlier run has extracted is kept, if it took the same images and parameters and they
    have not changed since. The caller holds the lock of the folder.

    Args:
        config: Says which images, which model and where the results go.
        work_dir: The work folder.

    Raises:
        InvalidValueError: There are no images, CUDA is asked for and absent, the work folder is a
            file, or in mode 3 it was made with another model.
        ModelError: The model cannot be used.
        FileOperationError: The results cannot be written.
    """
    work_dir.create()
    listing = _slice(_listed(config, work_dir), config)
    model = load_model(config.model_path, config.device)
    if config.run_mode is RunMode.SCORE_IMAGES:
        work_dir.check_model(model.name, model.dimension)
    plan = _plan(config, model, listing)
    files = work_dir.feature_files(stem_of(config))
    record = _finished(files, plan, listing, model.describer.batch_size)
    if record is None:
        record = _extract(files, plan, listing, model, config)
    else:
        logger.info("the features of these images are in %s already", files.data)
    if config.run_mode is not RunMode.SCORE_IMAGES:  # the folder stays what it is
        work_dir.write_config(config, model.name, model.dimension)
    _print_counts(record, files)
    return ExtractionResult(record.good, record.bad, files, record)


def crop(pixels: Pixels, box: BoundingBox) -> Pixels:
    """The part of an image within a box; what of the box leaves the image is cut off.

    Raises:
        UnreadableImageError: The whole box leaves the image.
    """
    part = pixels[box.rows : box.rows + box.height, box.cols : box.cols + box.width]
    if part.size == 0:
        height, width = pixels.shape[:2]
        raise UnreadableImageError(
            f"the bounding box lies outside of the image of {width} x {height}"
        )
    return np.ascontiguousarray(part)


def _listed(config: RunConfig, work_dir: WorkDir) -> Listing:
    if work_dir.place.is_file():
        raise InvalidValueError(f"work_dir must be a folder, got the file {str(work_dir.place)!r}")
    if config.input_dir is None:
        raise InvalidValueError("input_dir must be given to extract features")
    return list_images(config.input_dir, work_dir.folder)


def _slice(listing: Listing, config: RunConfig) -> Listing:
    total = len(listing)
    begin = max(config.min_offset, 0)
    end = total if config.max_offset < 0 else min(config.max_offset, total)
    if config.num_images >= 0:
        end = min(end, begin + config.num_images)
    if begin >= total:
        raise InvalidValueError(
            f"min_offset must be below the number of images, {total}, got {begin}"
        )
    return listing.slice(begin, end)


def _plan(config: RunConfig, model: ExtractionModel, listing: Listing) -> FeatureRecord:
    return FeatureRecord(
        model=model.name,
        dimension=model.dimension,
        begin=listing.begin,
        end=listing.begin + len(listing),
        total=listing.total,
        listing=listing.whole_digest,
        root=listing.root,
        bounding_box=str(config.bounding_box or ""),
    )


def _finished(
    files: FeatureFiles, plan: FeatureRecord, listing: Listing, batch_size: int
) -> FeatureRecord | None:
    """The record of an earlier extraction of the same images, if it is complete."""
    if not (files.data.exists() and files.names.exists() and files.bad.exists()):
        return None
    record = FeatureRecord.read(files.record)
    if record is None or files.journal.exists() or record.extraction() != plan.extraction():
        return None
    if files.data.stat().st_size != record.good * record.dimension * 4:
        return None
    progressed = Progressed()
    for begin in range(0, len(listing), batch_size):
        count = min(batch_size, len(listing) - begin)
        progressed.add(Entry(count, 0, 0, _sources(listing, begin, count)))
    return record if progressed.sources == record.sources else None


def _extract(
    files: FeatureFiles,
    plan: FeatureRecord,
    listing: Listing,
    model: ExtractionModel,
    config: RunConfig,
) -> FeatureRecord:
    describe = partial(_describe, listing, model, config.bounding_box)
    with (
        Journal(files, plan, partial(_sources, listing)) as journal,
        Progress(len(listing), "Extracting features", "images") as progress,
    ):
        _log_start(journal, files)
        done, size = journal.progressed.done, model.describer.batch_size
        progress.advance(done)
        starts = range(done, len(listing), size)
        batches = (range(begin, min(begin + size, len(listing))) for begin in starts)
        for batch in ordered_map(describe, batches, config.workers):
            journal.append(batch.features, batch.entry)
            progress.advance(batch.entry.count)
        journal.sync()
    return _finish(files, plan, listing, journal.progressed)


def _log_start(journal: Journal, files: FeatureFiles) -> None:
    if journal.discarded:
        logger.warning(
            "%s was begun with other parameters or images; it is made from the start",
            files.data,
        )
    if journal.progressed.done:
        kept = counted(journal.progressed.done, "image")
        logger.info("%s of an interrupted run are kept", kept)


def _describe(
    listing: Listing, model: ExtractionModel, box: BoundingBox | None, batch: range
) -> _Batch:
    sources = _sources(listing, batch.start, len(batch))
    places, prepared, bad = [], [], []
    for place, index in enumerate(batch):
        try:
            pixels = _load(listing.path(index), model, box)
            prepared.append(model.describer.prepare(pixels))
            places.append(place)
        except UnreadableImageError as error:
            bad.append((place, str(error)))
    features = model.describe(prepared)
    finite: NDArray[np.bool_] = np.isfinite(features.sum(axis=1, dtype=np.float64))
    bad += [(place, "the model returns NaN or infinity") for place in compress(places, ~finite)]
    good = np.ascontiguousarray(features[finite], "<f4")
    entry = Entry(len(batch), len(good), zlib.crc32(good.tobytes()), sources, sorted(bad))
    return _Batch(good, entry)


def _load(path: str, model: ExtractionModel, box: BoundingBox | None) -> Pixels:
    if box is None:
        return load_image(path, model.describer.reduction)
    return crop(load_image(path), box)


def _sources(listing: Listing, begin: int, count: int) -> int:
    """CRC-32 of the sizes and times of some images."""
    states = []
    for index in range(begin, begin + count):
        try:
            status = Path(listing.path(index)).stat()
            states.append((status.st_size, status.st_mtime_ns))
        except (OSError, ValueError):
            states.append((-1, -1))
    return zlib.crc32(repr(states).encode())


def _finish(
    files: FeatureFiles, plan: FeatureRecord, listing: Listing, progressed: Progressed
) -> FeatureRecord:
    """Give the results their names, the descriptors after their names, the record last."""
    record = replace(
        plan, good=progressed.good, bad=len(progressed.bad), sources=progressed.sources
    )
    is_good = np.ones(len(listing), bool)
    is_good[[index for index, _ in progressed.bad]] = False
    try:
        for stale in (files.record, files.data):
            stale.unlink(missing_ok=True)
        write_rows(
            files.names, NAMES_HEADER, ([path] for path in compress(listing.paths(), is_good))
        )
        bad = [(listing.path(index), reason) for index, reason in progressed.bad]
        write_rows(files.bad, BAD_HEADER, bad)
        write_rows(files.bad_names, NAMES_HEADER, ([path] for path, _ in bad))
        files.partial.replace(files.data)
        record.write(files.record)
        files.journal.unlink()
    except OSError as error:
        raise FileOperationError(f"cannot write {str(files.data)!r}: {error.strerror}") from error
    return record


def _print_counts(record: FeatureRecord, files: FeatureFiles) -> None:
    listed = f", listed in {files.bad}" if record.bad else ""
    good, bad = counted(record.good, "good image"), counted(record.bad, "bad image")
    print(f"{good}, {bad}{listed}")
