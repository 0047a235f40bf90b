"""From images to stored features, in bounded memory, in a run that can be killed at any moment."""

import logging
import zlib
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError, UnreadableImageError
from imagededup.fastdup.config import BoundingBox, RunConfig, RunMode
from imagededup.fastdup.listing import Listing, list_images
from imagededup.fastdup.model import ExtractionModel, load_model
from imagededup.fastdup.same_files import is_among
from imagededup.fastdup.store.files import FeatureFiles, FeatureRecord
from imagededup.fastdup.store.finish import finished, images_of, name_features
from imagededup.fastdup.store.journal import Entry, ImageEntry, Journal
from imagededup.fastdup.store.previous import Origins, Previous, find_origins, find_previous
from imagededup.fastdup.store.shards import find_shards, identities
from imagededup.fastdup.store.states import KnownImages, MadeBy
from imagededup.fastdup.store.work_dir import WorkDir, stem_of
from imagededup.images.decode import Pixels, load_with_size
from imagededup.images.process_state import DecodingState
from imagededup.models.failures import images_named
from imagededup.models.session import Device
from imagededup.sources.readable import reading_ahead
from imagededup.utils.parallel import task_size
from imagededup.utils.processes import shared_map
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


def extract_features(
    config: RunConfig, work_dir: WorkDir, stored: Collection[str] = ()
) -> ExtractionResult:
    """Describe the images of a run and store the descriptors.

    What earlier runs have extracted with the same model and bounding box is taken over, for every
    image whose file has not changed since; the rest is described. The caller holds the lock of the
    folder.

    Args:
        config: Says which images, which model and where the results go.
        work_dir: The work folder.
        stored: Images that are left out, whatever name the listing has for their files.

    Raises:
        InvalidValueError: There are no images, CUDA is asked for and absent, the work folder is a
            file, or in mode 3 it was made with another model.
        ModelError: The model cannot be used.
        FileOperationError: The results cannot be written.
    """
    work_dir.create()
    listing = _without(_slice(_listed(config, work_dir), config), stored)
    model = load_model(config.model_path, config.device)
    config.check_dimension(model.dimension)
    if config.run_mode is RunMode.SCORE_IMAGES:
        work_dir.check_model(model.name, model.dimension)
    files = work_dir.feature_files(stem_of(config))
    shards = find_shards(work_dir.folder) if files.data.stem == "features" else []
    work = _Extraction(config, model, listing, files, _plan(config, model, listing, shards))
    others = shards or ([work_dir.feature_files()] if "features_" in files.data.stem else [])
    record = work.run(find_previous(files, work.made_by, others))
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


def _without(listing: Listing, stored: Collection[str]) -> Listing:
    """Leave out the files that are stored ones."""
    is_stored = is_among(list(listing.paths()), stored)
    if not is_stored.any():
        return listing
    count = counted(int(is_stored.sum()), "image")
    logger.warning("%s of input_dir are files that are stored already, and left out", count)
    return listing.where(~is_stored)


def _plan(
    config: RunConfig, model: ExtractionModel, listing: Listing, shards: Sequence[FeatureFiles]
) -> FeatureRecord:
    return FeatureRecord(
        model=model.name,
        dimension=model.dimension,
        begin=listing.begin,
        end=listing.begin + len(listing),
        total=listing.total,
        listing=listing.whole_digest,
        root=listing.root,
        bounding_box=str(config.bounding_box or ""),
        shards=identities(shards),
    )


@dataclass(frozen=True, slots=True)
class _Extraction:
    """The work of a run: which images, and where their descriptors go."""

    config: RunConfig
    model: ExtractionModel
    listing: Listing
    files: FeatureFiles
    plan: FeatureRecord

    @property
    def made_by(self) -> MadeBy:
        """What makes earlier descriptors of use."""
        return MadeBy(self.plan.model, self.plan.dimension, self.plan.bounding_box)

    def run(self, previous: list[Previous]) -> FeatureRecord:
        """Describe what no earlier run has described, and store it all."""
        paths = list(self.listing.paths())
        is_begun = bool(previous) or self.files.journal.exists()
        nothing = np.empty(0, np.int64)
        size, modified = self.listing.states() if is_begun else (nothing, nothing)
        if previous:
            record = finished(self.files, self.plan, paths, size, modified, previous[0])
            if record is not None:
                logger.info("the features of these images are in %s already", self.files.data)
                _warn_of_unknown(previous[0].images, self.files)
                return record
        with Journal(self.files, self.made_by) as journal:
            if journal.discarded:
                logger.warning(
                    "%s was begun with another model or bounding_box; it is made from the start",
                    self.files.data,
                )
            earlier = [*previous, Previous.of_journal(self.files, journal)]
            origins = Origins.none(len(paths))
            if is_begun:
                origins = find_origins(paths, size, modified, earlier)
            self._describe_missing(journal, origins, len(previous))
        earlier[-1] = Previous.of_journal(self.files, journal)
        images = images_of(paths, origins, earlier)
        bad = len(images.reasons)
        record = replace(self.plan, good=len(paths) - bad, bad=bad)
        name_features(self.files, record, images, origins, earlier)
        _warn_of_unknown(images, self.files)
        return record

    def _describe_missing(self, journal: Journal, origins: Origins, number: int) -> None:
        """Describe the images without an origin; it is the journal then, by its number."""
        missing = np.flatnonzero(origins.which < 0)
        kept = len(self.listing) - len(missing)
        if kept:
            logger.info("%s of earlier runs are kept", counted(kept, "image"))
        origins.which[missing] = number
        origins.place[missing] = len(journal) + np.arange(len(missing))
        least, workers = self.model.describer.batch_size, self.config.workers
        size = task_size(len(missing), least, workers)
        starts = range(0, len(missing), size)
        parts = (self.listing.take(missing[begin : begin + size]) for begin in starts)
        describing = _Describing(self.model, self.config.bounding_box)
        with (
            Progress(len(self.listing), "Extracting features", "images") as progress,
            closing(shared_map(describing, parts, workers)) as batches,
        ):
            progress.advance(kept)
            for batch in batches:
                journal.append(batch.features, batch.entry)
                progress.advance(len(batch.entry.images))
            journal.sync()


@dataclass(frozen=True, slots=True)
class _Describing:
    """Describes images, also in other processes: a `Work` for `shared_map`.

    Attributes:
        model: What describes them.
        box: The part of each that is described.
        state: What else decoding depends on.
    """

    model: ExtractionModel
    box: BoundingBox | None
    state: DecodingState = field(default_factory=DecodingState)

    def __call__(self, part: Listing) -> _Batch:
        """Describe some images."""
        return _describe(self.model, self.box, part)

    def amount(self, part: Listing) -> int:
        """As `Work.amount`: the images."""
        return len(part)

    def obstacle(self) -> str | None:
        """As `Work.obstacle`."""
        if self.model.describer.device is not Device.CPU:
            return "a model on a GPU is loaded once"
        return self.state.obstacle()

    def get_ready(self) -> None:
        """As `Work.get_ready`: load the model and compiled code."""
        self.state.take_over()
        self.model.describe([self.model.describer.prepare(np.zeros((8, 8, 3), np.uint8))])


def _describe(model: ExtractionModel, box: BoundingBox | None, part: Listing) -> _Batch:
    paths = list(part.paths())
    sizes, times = part.states()
    reasons: list[str | None] = [None] * len(paths)
    statistics: list[list[float] | None] = [None] * len(paths)
    places, prepared = [], []
    with reading_ahead(paths):
        for place, path in enumerate(paths):
            try:
                pixels, size = _load(path, model, box)
                prepared.append(model.describer.prepare(pixels))
                places.append(place)
                statistics[place] = [*size, *model.measure(pixels, prepared[-1]).tolist()]
            except UnreadableImageError as error:
                reasons[place] = str(error)
    with images_named([paths[place] for place in places]):
        features = model.describe(prepared)
    finite: NDArray[np.bool_] = np.isfinite(features.sum(axis=1, dtype=np.float64))
    for place in compress(places, ~finite):
        reasons[place] = "the model returns NaN or infinity"
        statistics[place] = None
    good = np.ascontiguousarray(features[finite], "<f4")
    states = zip(paths, sizes.tolist(), times.tolist(), reasons, statistics, strict=True)
    images = [ImageEntry(*state) for state in states]
    return _Batch(good, Entry(images, zlib.crc32(good.tobytes())))


def _load(
    path: str, model: ExtractionModel, box: BoundingBox | None
) -> tuple[Pixels, tuple[int, int]]:
    """The pixels to describe, and the width and height of the whole image."""
    if box is None:
        return load_with_size(path, model.describer.reduction)
    pixels, size = load_with_size(path)
    return crop(pixels, box), size


def _warn_of_unknown(images: KnownImages, files: FeatureFiles) -> None:
    """Say which images an earlier version has described without measuring them."""
    unknown = int(np.isnan(images.statistics[images.is_good, 0]).sum())
    if unknown:
        logger.warning(
            "%s have empty cells in %s: an earlier version described them. Remove %s and run again "
            "to have all images described and measured",
            counted(unknown, "image"),
            files.stats,
            files.state,
        )


def _print_counts(record: FeatureRecord, files: FeatureFiles) -> None:
    listed = f", listed in {files.bad}" if record.bad else ""
    good, bad = counted(record.good, "good image"), counted(record.bad, "bad image")
    print(f"{good}, {bad}{listed}")
