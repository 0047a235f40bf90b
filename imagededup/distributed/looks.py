"""Work that looks at images again, in batches: rows with the images that they name."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagededup.distributed.job import Job
from imagededup.distributed.listing import images_of, listed_rows, write_failures
from imagededup.distributed.poison import LOST, ImageWork, Piece
from imagededup.distributed.tables import Indices, columns
from imagededup.distributed.workers import Workers
from imagededup.errors import ImageDedupError
from imagededup.sources.folders import Failure, ImageFolder

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["UNREAD", "Batch", "look_at_batches", "write_batches"]

UNREAD = "unread"


class Batch:
    """Rows of a stage, and the images that they name.

    Args:
        job: What to do.
        stage: That of the rows.
        name: Of the batch.
        left_out: Places of images that are not touched.

    Attributes:
        ids: The numbers of the images, ascending.
        folder: The images.
        rows: The rows.
        left_out: Whether an image is not touched.
    """

    ids: Indices
    folder: ImageFolder
    rows: "pa.Table"

    def __init__(self, job: Job, stage: str, name: str, left_out: Sequence[int]) -> None:
        self._job = job
        shard, _, number = name.rpartition("-")
        self.ids, self.folder = images_of(
            job.store, job.store.read(_images_of(stage), shard, [int(number)])
        )
        self.rows = job.store.read(stage, shard, [int(number)])
        self.left_out = np.zeros(len(self.ids), bool)
        self.left_out[list(left_out)] = True

    def places(self, *names: str) -> list[Indices]:
        """The places among the images of what columns name."""
        return [np.searchsorted(self.ids, ids) for ids in columns(self.rows, *names)]

    def path(self, place: int) -> Any:  # noqa: ANN401
        """The file of an image."""
        return self.folder.path(self.folder.names[place])

    def write_failures(self, name: str, reasons: dict[int, str]) -> None:
        """Store which images could not be read, those that are left out included."""
        reasons = reasons | dict.fromkeys(np.flatnonzero(self.left_out).tolist(), LOST)
        failures = [
            (int(self.ids[place]), Failure(self.folder.names[place], reasons[place]))
            for place in sorted(reasons)
        ]
        if failures:
            write_failures(self._job.store, name, failures, UNREAD)


def write_batches(job: Job, stage: str, name: str, tables: "Sequence[pa.Table]") -> None:
    """Write a shard of some batches, and the images that each of them names.

    Args:
        job: What to do.
        stage: That of the rows; the images are beside it.
        name: Of the shard.
        tables: The rows of each batch; all their columns are numbers of images, but for scores.
    """
    import pyarrow as pa

    schema = pa.schema([pa.field("id", pa.int64())]) if not tables else tables[0].schema
    several = [_named(table) for table in tables]
    ids = np.unique(np.concatenate([np.empty(0, np.int64), *several]))
    listed = listed_rows(job, ids)
    images = (listed.take(pa.array(np.searchsorted(ids, some))) for some in several)
    partition = pa.field("partition", pa.int32())
    job.store.write(_images_of(stage), name, _numbered(images), listed.schema.append(partition))
    facts = {"batches": len(tables)}
    job.store.write(stage, name, _numbered(tables), schema.append(partition), facts)


def look_at_batches(
    job: Job,
    workers: Workers,
    stage: str,
    target: str,
    task: Callable[[Job, str, tuple[int, ...], int], None],
) -> None:
    """Run a task for each batch of a stage that is not complete.

    Args:
        job: What to do.
        workers: Where tasks run.
        stage: That of the batches.
        target: That of the shards which the task writes, by the name of the batch.
        task: As in `ImageWork`.
    """
    done = set(job.store.complete(target))
    names = [
        f"{shard}-{number:05d}"
        for shard in job.store.complete(stage)
        for number in range(job.store.facts(stage, shard)["batches"])
    ]
    left = [name for name in names if name not in done]
    ImageWork(task, _Probe(stage), _Size(stage)).run(job, workers, left)


class _Probe:
    """Looks at a piece of a batch, in every way that a task may."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self.__name__ = "probe"

    def __call__(self, job: Job, name: str, piece: Piece, threads: int) -> None:  # noqa: ARG002
        from imagededup.images.exact import pixel_digest
        from imagededup.verification.view import look  # loads cv2

        batch = Batch(job, self._stage, name, ())
        for place in range(*piece):
            for reads in (look, pixel_digest):
                try:
                    reads(batch.path(place))
                except (ImageDedupError, OSError):
                    continue


class _Size:
    def __init__(self, stage: str) -> None:
        self._stage = stage

    def __call__(self, job: Job, name: str) -> int:
        return len(Batch(job, self._stage, name, ()).ids)


def _images_of(stage: str) -> str:
    return f"{stage}-images"


def _named(table: "pa.Table") -> Indices:
    """The images that rows name, ascending."""
    return np.unique(np.concatenate(columns(table, *table.column_names)))


def _numbered(tables: "Any") -> "Iterator[pa.Table]":  # noqa: ANN401
    import pyarrow as pa

    for number, table in enumerate(tables):
        yield table.append_column("partition", pa.array(np.full(len(table), number, np.int32)))
