"""How near describing an image is to what cannot be saved: decoding its entropy, and the network.

Processor time of one core, in this process; the least of some turns.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg
from comparison.report import Floor
from photographs import list_photographs

from imagededup.methods import CNN, PHash
from imagededup.models.describe import describer
from imagededup.models.session import Device

__all__ = ["floors"]

_TURNS = 2


def floors(folders: Sequence[tuple[str, Path]]) -> Iterator[Floor]:
    """Measure hashing and describing the images of folders, each with the name of its images."""
    for name, folder in folders:
        contents = [path.read_bytes() for path in list_photographs(folder)]
        prepared = np.zeros((len(contents), 160, 160, 3), np.uint8)
        steps = [
            partial(_decode_entropy, contents),
            partial(describer(None, Device.CPU).describe, prepared),
            partial(PHash(verbose=False).encode_images, folder, num_enc_workers=1),
            partial(CNN(verbose=False).encode_images, folder, num_enc_workers=1),
        ]
        decoding, network, hashing, cnn = (
            seconds / len(contents) for seconds in _processor_seconds(steps)
        )
        yield Floor(f"PHash, {name}", hashing, decoding, 0.0)
        yield Floor(f"CNN, {name}", cnn, decoding, network)


def _decode_entropy(contents: Sequence[bytes]) -> None:
    """Decode grey at an eighth: one number of each block, but all of the entropy."""
    for data in contents:
        simplejpeg.decode_jpeg(
            data, "GRAY", fastdct=True, fastupsample=True, min_height=1, min_width=1
        )


def _processor_seconds(steps: Sequence[Callable[[], object]]) -> list[float]:
    least = [np.inf] * len(steps)
    for step in steps:
        step()  # loads models and compiled code
    for _ in range(_TURNS):
        for place, step in enumerate(steps):
            begin = time.process_time()
            step()
            least[place] = min(least[place], time.process_time() - begin)
    return least
