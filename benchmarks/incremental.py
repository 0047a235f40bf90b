"""What new images cost beside many stored ones, in whole commands, against targets.

    python benchmarks/incremental.py

1,000 small pictures are made, and files of random hashes with names of 30 characters. Seconds are
those of a process from its start to its end, less those of hashing the pictures, which the stored
ones do not change; the best of `--repeat` runs. Processor time says more while other work runs.
"""

import argparse
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from timing import report

from imagededup.methods import PHash, save_encodings

TARGETS = {"find --against": 3.0, "encode --append": 3.0}
NEW = 1000
MOST = 1_000_000


class Cost(NamedTuple):
    """What a command costs."""

    seconds: float
    processor: float


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


def cost(*arguments: str | Path) -> Cost:
    """Seconds of the command in a process of its own, and of the processor."""
    command = [sys.executable, "-m", "imagededup", *map(str, arguments), "--no-cache"]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(end - begin, worked)


def best(*arguments: str | Path, prepare: Callable[[], object], repeat: int) -> Cost:
    """The least seconds of some runs, and the least of the processor."""
    found = []
    for _ in range(repeat):
        prepare()
        found.append(cost(*arguments))
    return Cost(min(one.seconds for one in found), min(one.processor for one in found))


def costs(pictures: Path, stored: Path, repeat: int) -> dict[str, Cost]:
    """What a search against a file costs, and adding to it, without hashing."""
    copy = stored.with_name("copy.npz")

    def link() -> None:
        copy.unlink(missing_ok=True)
        os.link(stored, copy)  # which is replaced, not written to

    found = {
        "find --against": best(
            *("find", pictures, "--against", stored), prepare=lambda: None, repeat=repeat
        ),
        "encode --append": best(
            *("encode", pictures, "-o", copy, "--append"), prepare=link, repeat=repeat
        ),
    }
    hashing = hashing_cost(pictures, repeat)
    return {
        name: Cost(one.seconds - hashing.seconds, one.processor - hashing.processor)
        for name, one in found.items()
    }


def hashing_cost(pictures: Path, repeat: int) -> Cost:
    """What hashing the pictures costs in this process."""
    encoder = PHash(verbose=False)
    found = []
    for _ in range(repeat):
        begin, worked = time.perf_counter(), time.process_time()
        encoder.encode_images(pictures)
        found.append(Cost(time.perf_counter() - begin, time.process_time() - worked))
    return Cost(min(one.seconds for one in found), min(one.processor for one in found))


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
        measured = []
        for count in counts:
            write_hashes(Path(folder) / "stored.npz", count)
            measured.append(costs(pictures, Path(folder) / "stored.npz", arguments.repeat))
    for name, target in TARGETS.items():
        for count, found in zip(counts, measured, strict=True):
            report(f"{name}: {NEW:,} new, {count:,} stored", found[name].seconds, target, "s")
            print(f"  processor time {found[name].processor:.2f} s")
        for (few, first), (many, second) in pairwise(zip(counts, measured, strict=True)):
            growth = math.log(second[name].processor / first[name].processor)
            print(f"  growth from {few:,} to {many:,}: stored^{growth / math.log(many / few):.2f}")


if __name__ == "__main__":
    main()
