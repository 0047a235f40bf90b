"""What a job has found, in its work folder; read whole only where that is asked for."""

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.components import COMPONENTS
from imagededup.distributed.encode import ENCODED
from imagededup.distributed.groups import GROUPS
from imagededup.distributed.job import Settings
from imagededup.distributed.join_descriptors import NEAREST
from imagededup.distributed.join_hashes import PAIRS
from imagededup.distributed.listing import (
    FAILED,
    LISTING,
    image_count,
    listed_images,
    read_failures,
)
from imagededup.distributed.looks import UNREAD
from imagededup.distributed.rates import StepRate, read_rates
from imagededup.distributed.same_pixels import IDENTICAL
from imagededup.distributed.store import Store
from imagededup.distributed.tables import columns
from imagededup.distributed.verify import VERIFIED, verdicts_of
from imagededup.errors import InvalidValueError
from imagededup.methods.results import VERIFIED_SCORE, Duplicates
from imagededup.search.matches import Matches, Pairs
from imagededup.verification.verdict import Verdicts

__all__ = ["DistributedResult"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DistributedResult:
    """The result of a job that is complete.

    The shards themselves are Parquet: `listing` (id, name), `encoded` (id, code), `failed`,
    `groups` (id, and the first image with the same code), `pairs` (left, right, score) of such
    first images, `identical` and `verified` of a job that verifies, and `components` (id, and the
    first image of its component).

    Attributes:
        store: The work folder.
        settings: What was asked for.
    """

    store: Store
    settings: Settings

    @property
    def image_count(self) -> int:
        """How many images were listed."""
        return image_count(self.store) or 0

    @property
    def failure_count(self) -> int:
        """How many of them, and of places, could not be read."""
        return self._rows(FAILED)

    @property
    def pair_count(self) -> int:
        """How many pairs there are: of different codes, or verified ones of the relations."""
        if not self.settings.verify:
            return self._rows(PAIRS)
        shards = self.store.complete(VERIFIED)
        return sum(self.store.facts(VERIFIED, shard)["kept"] for shard in shards)

    @property
    def grouped_counts(self) -> tuple[int, int]:
        """How many images have a duplicate, and in how many components."""
        shards = self.store.complete(COMPONENTS)
        groups = sum(self.store.facts(COMPONENTS, shard)["groups"] for shard in shards)
        return self._rows(COMPONENTS), groups

    @property
    def rates(self) -> list[StepRate]:
        """What each step has done a second of a core, as far as it was measured."""
        return read_rates(self.store)

    def components(self) -> tuple[Indices, Indices]:
        """The images that have a duplicate, ascending, and the first image of each one's component.

        An image is named by its place in the listing.
        """
        ids, labels = self._columns(COMPONENTS, "id", "component")
        order = np.argsort(ids)
        return ids[order], labels[order]

    def duplicates(self) -> Duplicates:
        """All that was found as a search on one machine gives it; it has to fit the memory.

        From it come the dictionary of duplicates (`to_dict`), the list to remove, CSV, and the page
        (`to_html`).
        """
        ids, folder = listed_images(self.store, self.store.complete(LISTING))
        encoded = np.sort(self._columns(ENCODED, "id")[0])
        names = folder.take(encoded).names
        group = np.arange(len(ids))
        for member, first in self._groups():
            group[member] = first
        numbers, groups = np.unique(group[encoded], return_inverse=True)
        pairs, verdicts = self._pairs()
        order = np.lexsort((pairs.right, pairs.left))
        found = Pairs(
            np.searchsorted(numbers, pairs.left[order]),
            np.searchsorted(numbers, pairs.right[order]),
            pairs.score[order],
        )
        by_distance = verdicts is None and self.settings.by_distance
        matches = Matches(
            groups.astype(np.int64), None, found, 0 if by_distance else 1.0, not by_distance
        )
        failures = sorted((one for _, one in read_failures(self.store)), key=lambda one: one.name)
        unread = dict(sorted(read_failures(self.store, UNREAD), key=lambda one: one[0]))
        return Duplicates(
            names,
            matches,
            self.settings.score_name if verdicts is None else VERIFIED_SCORE,
            folder,
            failures=[*failures, *unread.values()],
            verdicts=None if verdicts is None else verdicts.take(order),
        )

    def outliers(
        self, lower_threshold: float = 0.3, threshold: float = 0.85
    ) -> list[tuple[str, str, float]]:
        """The images that are unlike all others, by descriptors; most unusual first.

        An image is an outlier if the similarity to the nearest that was found for it is among the
        lowest of all, and below the threshold. Those without structure are not compared.

        Args:
            lower_threshold: The fraction of images that are outliers at most.
            threshold: Similarity at which two images are similar.

        Returns:
            The image, its nearest one and their similarity.

        Raises:
            InvalidValueError: The codes are hashes.
        """
        from imagededup.fastdup.graph.outliers import find_outliers
        from imagededup.search.knn.find import Neighbors

        if self.settings.by_distance:
            raise InvalidValueError("outliers are found by descriptors, these are hashes")
        ids, others, similarity = self._nearest()
        nearest = Neighbors(others[:, None], similarity[:, None])
        rows, neighbours, scores = find_outliers(nearest, lower_threshold, threshold)
        names = listed_images(self.store, self.store.complete(LISTING))[1].names
        found = zip(ids[rows].tolist(), neighbours.tolist(), scores.tolist(), strict=True)
        return [(names[image], names[other], score) for image, other, score in found]

    def to_fastdup(self, work_dir: str | PathLike[str], **parameters: Any) -> int:  # noqa: ANN401
        """Write a work folder of fastdup: the features, and what `fastdup.run` finds in them.

        So come outliers, PageRank and galleries; all features have to fit the memory.

        Args:
            work_dir: The folder.
            parameters: Of `fastdup.run`, such as `threshold` or `verify`.

        Returns:
            0 for success, 1 for an error.

        Raises:
            InvalidValueError: The codes are hashes.
            FileOperationError: The folder cannot be written.
        """
        from imagededup.fastdup import run, save_binary_feature

        if self.settings.by_distance:
            raise InvalidValueError("a work folder of fastdup needs descriptors, these are hashes")
        _, folder = listed_images(self.store, self.store.complete(LISTING))
        encoded, codes = self._columns(ENCODED, "id", "code")
        order = np.argsort(encoded)
        names = [str(folder.path(folder.names[item])) for item in encoded[order].tolist()]
        save_binary_feature(work_dir, names, codes[order])
        return run(work_dir=str(work_dir), run_mode=2, **parameters)

    def _nearest(self) -> tuple[Indices, Indices, NDArray[np.float32]]:
        """Images, ascending, with the nearest of each; one of the same code has 1.0."""
        ids, others, similarity = self._columns(NEAREST, "id", "neighbour", "similarity")
        member, first = self._columns(GROUPS, "id", "group")
        ids = np.concatenate([ids, member, first])
        others = np.concatenate([others, first, member])
        similarity = np.concatenate([similarity, np.ones(2 * len(member))]).astype(np.float32)
        order = np.lexsort((others, -similarity, ids))
        images, place = np.unique(ids[order], return_index=True)
        return images, others[order][place], similarity[order][place]

    def _groups(self) -> list[list[Indices]]:
        """Images and the first of the same code, or else of the same pixels."""
        if not self.settings.verify:
            return [self._columns(GROUPS, "id", "group")]
        member, first, plain = self._columns(GROUPS, "id", "group", "plain")
        plain = plain.astype(bool)
        return [[member[plain], first[plain]], self._columns(IDENTICAL, "id", "first")]

    def _pairs(self) -> tuple[Pairs, Verdicts | None]:
        """All pairs, in any order, and what verification says of them."""
        if not self.settings.verify:
            left, right, score = self._columns(PAIRS, "left", "right", "score")
            return Pairs(left, right, score if len(score) else score.astype(self._score_type)), None
        relations = self.settings.kept_relations()
        found = []
        for shard in self.store.complete(VERIFIED):
            left, right, verdicts = verdicts_of(self.store.read(VERIFIED, shard))
            kept = verdicts.among(relations)
            found.append((left[kept], right[kept], verdicts.take(kept).rows))
        nothing = np.empty(0, np.int64), np.empty(0, np.int64), Verdicts.of([]).rows
        left, right, rows = map(np.concatenate, zip(nothing, *found, strict=True))
        return Pairs(left, right, rows["score"].astype(np.float32)), Verdicts(rows)

    @property
    def _score_type(self) -> type[np.generic]:
        return np.int64 if self.settings.by_distance else np.float32

    def _rows(self, stage: str) -> int:
        return sum(self.store.facts(stage, shard)["rows"] for shard in self.store.complete(stage))

    def _columns(self, stage: str, *names: str) -> list[NDArray[Any]]:
        """Columns of all shards; of no rows, where there is none."""
        tables = [self.store.read(stage, shard) for shard in self.store.complete(stage)]
        parts = [columns(table, *names) for table in tables if len(table)]
        if not parts:
            return [np.empty(0, np.int64) for _ in names]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]
