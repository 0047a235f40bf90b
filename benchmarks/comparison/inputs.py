"""What is measured with: pictures, hashes, descriptors, and maps of duplicates."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from classification import truth_and_retrieved
from cosine_search import mix
from floor import drawn
from hashing import planted_codes
from numpy.typing import NDArray
from photographs import write_large
from PIL import Image

from imagededup.methods import CNN

__all__ = [
    "DIMENSIONS",
    "exact_pairs",
    "real_descriptors",
    "write_descriptors",
    "write_hashes",
    "write_large",
    "write_maps",
    "write_small",
]

Descriptors = NDArray[np.float32]

DIMENSIONS = 576
_BLOCK = 50_000


def write_small(photographs: Sequence[Path], count: int, folder: Path) -> list[Path]:
    """Write so many photographs: those given, then copies with a little cut off.

    Args:
        photographs: JPEGs. With none, pictures like photographs are drawn.
        count: How many.
        folder: Where to; it is made.

    Returns:
        The files.
    """
    folder.mkdir()
    generator = random.Random(0)
    written = []
    for number in range(count):
        target = folder / f"{number:05}.jpg"
        written.append(target)
        if number < len(photographs):
            target.write_bytes(photographs[number].read_bytes())
        elif photographs:
            with Image.open(photographs[number % len(photographs)]) as image:
                edge = generator.randint(1, 6)
                box = (edge, edge, image.width - edge, image.height - edge)
                image.convert("RGB").crop(box).save(target, quality=generator.randint(75, 95))
        else:
            drawn(number).save(target, quality=90)
    return written


def write_hashes(count: int, path: Path) -> None:
    """Random hashes, of which a tenth is at most 10 bits from another one."""
    np.save(path, planted_codes(count))


def real_descriptors(folder: Path) -> Descriptors:
    """The descriptors of a folder of photographs."""
    codes = CNN(verbose=False, dim=DIMENSIONS).encode_images(folder)
    return np.concatenate(list(codes.values()))


def write_descriptors(real: Descriptors, count: int, path: Path) -> None:
    """Mix so many from real ones, three in ten near copies of others."""
    np.save(path, mix(real, count, np.random.default_rng(0)))


def exact_pairs(
    descriptors: Descriptors, probes: NDArray[np.int64], threshold: float
) -> Mapping[int, set[int]]:
    """The other rows of at least a cosine, by row of some of them."""
    found: dict[int, set[int]] = {probe: set() for probe in probes.tolist()}
    for begin in range(0, len(descriptors), _BLOCK):
        cosines = descriptors[probes] @ descriptors[begin : begin + _BLOCK].T
        for row, column in zip(*np.nonzero(cosines >= threshold), strict=True):
            found[int(probes[row])].add(begin + int(column))
    return {probe: others - {probe} for probe, others in found.items()}


def write_maps(images: int, path: Path) -> None:
    """A ground truth, and retrieved duplicates that split and join some of its groups."""
    path.write_text(json.dumps(truth_and_retrieved(images)), encoding="utf-8")
