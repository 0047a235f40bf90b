"""From shards of the listing to shards of codes; an image that kills its process is found."""

import logging
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.job import Job
from imagededup.distributed.listing import LISTING, listed_images, write_failures
from imagededup.distributed.tables import codes_table
from imagededup.distributed.workers import Workers
from imagededup.methods.encoding import EncodedImages, encode_files
from imagededup.sources.folders import Failure

__all__ = ["ENCODED", "dimensions_of", "encode"]

ENCODED = "encoded"
_LOST = "the worker died while it read the image"
_CRASHES = 2
"""How often a piece may take its worker with it before it is divided: nodes are lost as well."""
_CRASHES_OF_ONE = 3
_PIECES = 8

Piece = tuple[int, int]
logger = logging.getLogger("imagededup")


def encode(job: Job, workers: Workers) -> None:
    """Encode all shards that are not complete.

    A shard whose worker dies again and again is divided, until the images are found that kill it.
    Those are left out, as files that cannot be read.
    """
    done = set(job.store.complete(ENCODED))
    shards = [shard for shard in job.store.complete(LISTING) if shard not in done]
    crashes: Counter[str] = Counter()
    while shards:
        again = []
        tries = ((job, shard, ()) for shard in shards)
        for (_, shard, _), ended in workers.attempts(encode_shard, tries):
            if not ended:
                crashes[shard] += 1
                again.append(shard)
        hopeless = [shard for shard in again if crashes[shard] >= _CRASHES]
        for shard in hopeless:
            deadly = _deadly_images(job, workers, shard)
            logger.warning("%d images of %s kill the process that reads them", len(deadly), shard)
            workers.run(encode_shard, [(job, shard, tuple(deadly))])
        shards = [shard for shard in again if shard not in hopeless]


def encode_shard(job: Job, shard: str, left_out: tuple[int, ...]) -> None:
    """Encode a shard and store its codes and its failures.

    Args:
        job: What to do.
        shard: Of the listing.
        left_out: Places of images in it that are not touched.
    """
    ids, images, folder = _encoded(job, shard, None, left_out)
    places = dict(zip(folder, ids.tolist(), strict=True))
    lost = [Failure(folder[place], _LOST) for place in left_out]
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


def probe(job: Job, shard: str, piece: Piece) -> None:
    """Encode a piece of a shard and drop the codes: only whether the process lives counts."""
    _encoded(job, shard, piece, ())


def _encoded(
    job: Job, shard: str, piece: Piece | None, left_out: tuple[int, ...]
) -> tuple[NDArray[np.int64], EncodedImages, list[str]]:
    ids, folder = listed_images(job.store, [shard])
    places = np.delete(np.arange(len(ids)), list(left_out))
    some = folder.take(places if piece is None else places[slice(*piece)])
    encoder = job.encoder()
    encoder.verbose = False
    return ids, encode_files([encoder], some, 1)[0], folder.names


def _deadly_images(job: Job, workers: Workers, shard: str) -> list[int]:
    """The places of the images of a shard that kill the process that encodes them."""
    pieces: list[Piece] = list(_divided((0, job.store.facts(LISTING, shard)["rows"])))
    crashes: Counter[Piece] = Counter()
    deadly = []
    while pieces:
        divided: list[Piece] = []
        for (_, _, piece), ended in workers.attempts(probe, ((job, shard, one) for one in pieces)):
            if ended:
                continue
            crashes[piece] += 1
            if piece[1] - piece[0] > 1:
                divided += _divided(piece)
            elif crashes[piece] < _CRASHES_OF_ONE:
                divided.append(piece)
            else:
                deadly.append(piece[0])
        pieces = divided
    return sorted(deadly)


def _divided(piece: Piece) -> Iterator[Piece]:
    edges: Any = np.unique(np.linspace(*piece, _PIECES + 1).astype(int)).tolist()
    yield from pairwise(edges)
