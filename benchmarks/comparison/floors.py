"""How near encoding an image is to its floor, by the measurements of `benchmarks/floor.py`."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from comparison.report import Floor
from floor import each, entropy_decoded, least
from photographs import list_photographs

from imagededup.methods import CNN, PHash
from imagededup.models.describe import describer
from imagededup.models.session import Device

__all__ = ["floors"]

_TURNS = 2


def floors(folders: Sequence[tuple[str, Path]]) -> Iterator[Floor]:
    """Measure hashing and describing the images of folders, each with the name of its images.

    Seconds are those of one core, the least of some turns in this process.
    """
    for name, folder in folders:
        contents = [path.read_bytes() for path in list_photographs(folder)]
        prepared = np.zeros((len(contents), 160, 160, 3), np.uint8)
        works: dict[str, Callable[[], object]] = {
            "decoding": partial(each, entropy_decoded, contents, 1),
            "network": partial(describer(None, Device.CPU).describe, prepared),
            "PHash": partial(PHash(verbose=False).encode_images, folder, num_enc_workers=1),
            "CNN": partial(CNN(verbose=False).encode_images, folder, num_enc_workers=1),
        }
        for work in works.values():
            work()  # loads models and compiled code
        least_times = least(works, len(contents), _TURNS)
        seconds = {part: took.cpu / 1000 for part, took in least_times.items()}
        yield Floor(f"PHash, {name}", seconds["PHash"], seconds["decoding"], 0.0)
        yield Floor(f"CNN, {name}", seconds["CNN"], seconds["decoding"], seconds["network"])
