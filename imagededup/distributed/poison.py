"""Work on images of which some kill the process that reads them: those are found and left out."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from imagededup.distributed.job import Job
from imagededup.distributed.workers import ONE_CORE, Share, Workers
from imagededup.errors import FileOperationError

__all__ = ["LOST", "ImageWork", "Piece"]

LOST = "the worker died while it read the image"
"""Why an image that kills its process could not be read."""

_CRASHES = 2
"""How often a shard may take its worker with it before it is divided: nodes are lost as well."""
_CRASHES_OF_ONE = 3
_CRASHES_WITHOUT = 10
_PIECES = 8

Piece = tuple[int, int]
"""From which image of a shard to which."""

logger = logging.getLogger("imagededup")


@dataclass(frozen=True, slots=True)
class ImageWork:
    """A task that reads the images of a shard.

    Attributes:
        task: Called with the job, the shard, the places of images that are left out, and a number
            of threads.
        probe: Reads a piece of a shard and keeps nothing: only whether the process lives counts.
            Called with the job, the shard, the piece, and a number of threads.
        size: How many images a shard has.
    """

    task: Callable[[Job, str, tuple[int, ...], int], None]
    probe: Callable[[Job, str, Piece, int], None]
    size: Callable[[Job, str], int]

    def run(
        self, job: Job, workers: Workers, shards: Collection[str], share: Share = ONE_CORE
    ) -> None:
        """Do some shards.

        A shard whose worker dies again and again is divided, until the images are found that kill
        it.
        """
        crashes: Counter[str] = Counter()
        while shards:
            again = []
            tries = [(job, shard, (), share.cores) for shard in shards]
            for (_, shard, *_), ended in workers.attempts(self.task, tries, share):
                if not ended:
                    crashes[shard] += 1
                    again.append(shard)
            hopeless = [shard for shard in again if crashes[shard] >= _CRASHES]
            for shard in hopeless:
                deadly = self._deadly_images(job, workers, shard, share)
                logger.warning("%d images of %s kill their process", len(deadly), shard)
                self._finish(workers, (job, shard, tuple(deadly), share.cores), share)
            shards = [shard for shard in again if shard not in hopeless]

    def _finish(self, workers: Workers, arguments: tuple[Any, ...], share: Share) -> None:
        """Do a shard without its deadly images; a node may still be lost.

        Raises:
            FileOperationError: It is lost again and again.
        """
        for _ in range(_CRASHES_WITHOUT):
            if all(ended for _, ended in workers.attempts(self.task, [arguments], share)):
                return
        raise FileOperationError(
            f"{arguments[1]} was lost {_CRASHES_WITHOUT} times, and no image of it alone kills its "
            "process: the memory of a node may be too small for --shard-size"
        )

    def _deadly_images(self, job: Job, workers: Workers, shard: str, share: Share) -> list[int]:
        """The places of the images of a shard that kill the process that reads them."""
        pieces: list[Piece] = list(_divided((0, self.size(job, shard))))
        crashes: Counter[Piece] = Counter()
        deadly = []
        while pieces:
            divided: list[Piece] = []
            tries = ((job, shard, piece, share.cores) for piece in pieces)
            for (*_, piece, _), ended in workers.attempts(self.probe, tries, share):
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
