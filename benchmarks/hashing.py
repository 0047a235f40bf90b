"""Speed and memory of hashing and search, beside the straightforward way, against targets.

    python benchmarks/hashing.py photographs

The straightforward way of hashing is a full decode by Pillow, LANCZOS on RGB, grey, the DCT, in a
pool of processes. Every figure is the best of `--repeat` runs, alternating with the peer's.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from photographs import list_photographs, write_large
from PIL import Image
from scipy.fft import dct
from timing import best_times, report, seconds_of

from imagededup.methods import PHash
from imagededup.search.hamming.choose import search_hamming


def straightforward_hash(path: Path) -> int:
    """PHash as a plain Pillow pipeline computes it."""
    with Image.open(path) as image:
        pixels = image if image.mode == "RGB" else image.convert("RGBA").convert("RGB")
        grey = pixels.resize((32, 32), Image.Resampling.LANCZOS).convert("L")
    coefficients = dct(dct(np.asarray(grey), axis=0), axis=1)[:8, :8]
    bits = coefficients >= np.median(coefficients.ravel()[1:])
    return int.from_bytes(np.packbits(bits).tobytes())


def straightforward_hashes(paths: list[Path]) -> list[int]:
    """The same for many files, on all cores."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(straightforward_hash, paths, chunksize=16))


def compare_hashing(name: str, paths: list[Path], target: float, repeat: int) -> None:
    """PHash of a folder of files beside the straightforward way."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            (Path(folder) / f"{number:05}{path.suffix}").symlink_to(path.resolve())
        linked = sorted(Path(folder).iterdir())
        encoder = PHash(verbose=False)
        ours, theirs = best_times(
            [partial(encoder.encode_images, folder), partial(straightforward_hashes, linked)],
            repeat,
        )
    print(f"{name}: {ours:.2f} s, straightforward {theirs:.2f} s")
    report(f"{name}, times as fast", theirs / ours, target, "x", at_least=True)


def hash_photographs(folder: Path, count: int, repeat: int) -> None:
    """As they are, and blown up to 12 megapixels."""
    paths = list_photographs(folder)
    compare_hashing(f"PHash of {count}", list(islice(cycle(paths), count)), 1.2, repeat)
    with tempfile.TemporaryDirectory() as large:
        write_large(paths, Path(large))
        compare_hashing("PHash of 12 megapixels", list_photographs(Path(large)), 10, repeat)


def planted_codes(count: int) -> NDArray[np.uint64]:
    """Random codes of which a tenth is 0 to 10 bits from another one."""
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 2**64, count, dtype=np.uint64)
    copies = count // 10
    distances = generator.integers(0, 11, copies)
    order = np.argsort(generator.random((copies, 64)), axis=1).astype(np.uint64)
    copied = codes[:copies].copy()
    for bit in range(10):
        flipped = distances > bit
        copied[flipped] ^= np.uint64(1) << order[flipped, bit]
    codes[copies : 2 * copies] = copied
    return codes


def search_codes(repeat: int) -> None:
    """Time of the search without the dictionaries of a whole call."""
    workers = len(os.sched_getaffinity(0))
    for count, target in ((10_000, 0.1), (1_000_000, 10)):
        codes = planted_codes(count)
        search_hamming(codes[:20_000], 10, workers=workers)
        (seconds,) = best_times([partial(search_hamming, codes, 10, workers=workers)], repeat)
        report(f"all pairs within 10 of {count:,} hashes", seconds, target, "s")


def measure_memory() -> None:
    """Peak memory of a process that searches a million hashes; the first call of a process."""
    peak = float(_run_self("--search-once", "1000000").split()[1])
    report("peak memory of a search of 1,000,000 hashes", peak, 1024, "MiB")
    for count in ("10000", "20000"):
        first = float(_run_self("--search-once", count).split()[0])
        report(f"first search of a process, {int(count):,} hashes", first, 2, "s")


def search_once(count: int) -> None:
    """Print the seconds of a search and the peak memory of this process in MiB."""
    codes = planted_codes(count)
    seconds = seconds_of(partial(search_hamming, codes, 10, workers=2))
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _run_self(*arguments: str) -> str:
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of photographs")
    parser.add_argument("--count", type=int, default=1000, help="photographs to hash")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    parser.add_argument("--search-once", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.search_once:
        search_once(arguments.search_once)
        return
    if arguments.folder is not None:
        hash_photographs(arguments.folder, arguments.count, arguments.repeat)
    search_codes(arguments.repeat)
    measure_memory()


if __name__ == "__main__":
    main()
