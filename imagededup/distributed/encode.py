"""From shards of the listing to shards of codes."""

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.job import Job
from imagededup.distributed.listing import LISTING, listed_images, write_failures
from imagededup.distributed.poison import LOST, ImageWork, Piece
from imagededup.distributed.tables import codes_table
from imagededup.distributed.workers import ONE_CORE, Share, Workers
from imagededup.methods.encoding import EncodedImages, encode_files
from imagededup.models.session import Device
from imagededup.sources.folders import Failure

__all__ = ["ENCODED", "dimensions_of", "encode"]

ENCODED = "encoded"


def encode(job: Job, workers: Workers) -> None:
    """Encode all shards that are not complete, by one process a GPU or core.

    Images that kill their process are left out, as files that cannot be read.
    """
    done = set(job.store.complete(ENCODED))
    shards = [shard for shard in job.store.complete(LISTING) if shard not in done]
    if shards:
        reading = ImageWork(encode_shard, probe, _size)
        reading.run(job, workers, shards, _share(job, workers))


def _share(job: Job, workers: Workers) -> Share:
    """A GPU, if there are any and the encoder can use them, else a core."""
    gpu = workers.gpu_share()
    return gpu if gpu is not None and workers.answer(uses_gpu, (job,), gpu) else ONE_CORE


def uses_gpu(job: Job) -> bool:
    """Whether the encoder runs on a GPU in the process that asks."""
    return (job.encoder()._hardware() or "").split()[:1] == [str(Device.CUDA)]


def encode_shard(job: Job, shard: str, left_out: tuple[int, ...], threads: int) -> None:
    """Encode a shard and store its codes and its failures.

    Args:
        job: What to do.
        shard: Of the listing.
        left_out: Places of images in it that are not touched.
        threads: How many encode.
    """
    ids, images, folder = _encoded(job, shard, None, left_out, threads)
    places = dict(zip(folder, ids.tolist(), strict=True))
    lost = [Failure(folder[place], LOST) for place in left_out]
    failures = [(places[one.name], one) for one in [*images.failures, *lost]]
    if failures:
        write_failures(job.store, shard, sorted(failures, key=lambda one: one[0]))
    numbers = np.array([places[name] for name in images.names], np.int64)
    table = codes_table(numbers, images.codes, images.plain)
    dimensions = images.codes.shape[1] if images.codes.ndim == 2 else len(numbers[:1])
    job.store.write(ENCODED, shard, [table], table.schema, {"dimensions": dimensions})


def dimensions_of(job: Job) -> int:
    """How many numbers a code has, by the first shard that has any; 0 if there is none."""
    facts = (job.store.facts(ENCODED, shard) for shard in job.store.complete(ENCODED))
    return next((fact["dimensions"] for fact in facts if fact["dimensions"]), 0)


def probe(job: Job, shard: str, piece: Piece, threads: int) -> None:
    """Encode a piece of a shard and drop the codes."""
    _encoded(job, shard, piece, (), threads)


def _size(job: Job, shard: str) -> int:
    return job.store.facts(LISTING, shard)["rows"]


def _encoded(
    job: Job, shard: str, piece: Piece | None, left_out: tuple[int, ...], threads: int
) -> tuple[NDArray[np.int64], EncodedImages, list[str]]:
    ids, folder = listed_images(job.store, [shard])
    places = np.delete(np.arange(len(ids)), list(left_out))
    some = folder.take(places if piece is None else places[slice(*piece)])
    encoder = job.encoder()
    encoder.verbose = False
    return ids, encode_files([encoder], some, threads)[0], folder.names
