"""What new images cost beside many stored ones, in whole commands, against targets.

    python benchmarks/incremental.py

1,000 small pictures are made, and files of random hashes with names of 30 characters. Seconds are
those of a process from its start to its end, less those of hashing the pictures, which the stored
ones do not change; the best of `--repeat` runs.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image
from timing import best_times, report

from imagededup.methods import PHash, save_encodings

TARGETS = {"find --against": 3.0, "encode --append": 3.0}
NEW = 1000
MOST = 1_000_000


def write_pictures(folder: Path, count: int) -> None:
    """Smooth random pictures of 96 x 96."""
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)
        picture.save(folder / f"new_{number:04}.jpg")


def write_hashes(path: Path, count: int) -> None:
    """Random hashes."""
    codes = np.random.default_rng(1).integers(0, 2**64, count, dtype=np.uint64)
    names = (f"2026/{number % 400:03}/image_{number:010}.jpg" for number in range(count))
    save_encodings(
        path, dict(zip(names, map("{:016x}".format, codes.tolist()), strict=True)), PHash()
    )


def run(*arguments: str | Path) -> None:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "imagededup", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def seconds_beside(pictures: Path, stored: Path, repeat: int) -> dict[str, float]:
    """Seconds of a search against a file, and of adding to it, less those of hashing."""
    copy = stored.with_name("copy.npz")

    def append() -> None:
        copy.unlink(missing_ok=True)
        os.link(stored, copy)  # which is replaced, not written to
        run("encode", pictures, "-o", copy, "--append")

    hashing, find, adding = best_times(
        [
            partial(PHash(verbose=False).encode_images, pictures),
            partial(run, "find", pictures, "--against", stored),
            append,
        ],
        repeat,
    )
    return {"find --against": find - hashing, "encode --append": adding - hashing}


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    parser.add_argument("--most", type=int, default=MOST, help="most stored hashes")
    arguments = parser.parse_args()
    counts = [count for count in (10_000, 100_000, MOST) if count <= arguments.most]
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "new"
        pictures.mkdir()
        write_pictures(pictures, NEW)
        seconds = []
        for count in counts:
            write_hashes(Path(folder) / "stored.npz", count)
            seconds.append(seconds_beside(pictures, Path(folder) / "stored.npz", arguments.repeat))
    for name, target in TARGETS.items():
        for count, found in zip(counts, seconds, strict=True):
            report(f"{name}: {NEW:,} new, {count:,} stored", found[name], target, "s")
        for (few, first), (many, second) in pairwise(zip(counts, seconds, strict=True)):
            exponent = math.log(second[name] / first[name]) / math.log(many / few)
            print(f"  growth from {few:,} to {many:,}: stored^{exponent:.2f}")


if __name__ == "__main__":
    main()
