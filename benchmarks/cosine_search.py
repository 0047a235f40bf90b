"""Speed and memory of the search for similar descriptors, beside a plain way, against targets.

    python benchmarks/cosine_search.py --size 100000
    python benchmarks/cosine_search.py --size 100000 --descriptors descriptors.npy

The plain way multiplies blocks of normalised descriptors, all with all, and takes np.nonzero of
what reaches the threshold; it is timed on some of the blocks and scaled up (`--whole` times all).
Given real descriptors, as many as asked for are mixed from them: each from three, at the distance
from their mean that the real ones have. Without, they are drawn at random with principal variances
that fall as a power and a common mean. Three in ten are near copies of others.
"""

import argparse
import os
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from timing import report

from imagededup.search.cosine.choose import CosineMethod, search_cosine
from imagededup.search.matches import Matches

Descriptors = NDArray[np.float32]

BLOCK = 2048
GIB = 2**30


def load(path: Path) -> Descriptors:
    """Descriptors of a .npy file, or of all those in a folder."""
    files = sorted(path.glob("*.npy")) if path.is_dir() else [path]
    return np.concatenate([np.load(file) for file in files]).astype(np.float32)


def synthesise(rows: int, dimensions: int, generator: np.random.Generator) -> Descriptors:
    """Unit vectors with falling principal variances, around a mean of half of their energy."""
    scale = np.arange(1, dimensions + 1, dtype=np.float32) ** -0.5
    vectors = generator.standard_normal((rows, dimensions), np.float32) * scale
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[:, -1] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def mix(real: Descriptors, size: int, generator: np.random.Generator) -> Descriptors:
    """Unit vectors mixed from real ones, three in ten of them near copies of the others."""
    mean = real.mean(axis=0)
    centred = real - mean
    distance = np.linalg.norm(centred, axis=1, keepdims=True)
    centred /= distance
    mixed = np.empty((size, real.shape[1]), np.float32)
    originals = size * 7 // 10
    for begin in range(0, originals, BLOCK):
        count = min(BLOCK, originals - begin)
        block = sum(
            generator.uniform(0.5, 1, (count, 1)).astype(np.float32)
            * centred[generator.integers(0, len(real), count)]
            for _ in range(3)
        )
        mixed[begin : begin + count] = block / np.linalg.norm(block, axis=1, keepdims=True)
    for begin in range(originals, size, BLOCK):
        count = min(BLOCK, size - begin)
        strength = generator.uniform(0, 0.8, (count, 1)).astype(np.float32)
        other = centred[generator.integers(0, len(real), count)]
        mixed[begin : begin + count] = (
            mixed[generator.integers(0, originals, count)] + strength * other
        )
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    mixed *= np.median(distance)
    mixed += mean
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    return mixed[generator.permutation(size)]


def plain_seconds(descriptors: Descriptors, threshold: float, whole: bool) -> float:
    """Seconds of the plain way over all blocks, from some rows of blocks or from all."""
    starts = range(0, len(descriptors), BLOCK)
    timed = starts if whole else starts[:: max(len(starts) // 4, 1)]
    rows, begin = 0, time.perf_counter()
    for row in timed:
        block = descriptors[row : row + BLOCK]
        rows += len(block)
        for column in starts:
            np.nonzero(block @ descriptors[column : column + BLOCK].T >= threshold)
    return (time.perf_counter() - begin) * len(descriptors) / rows


class PeakMemory:
    """The most memory the process held within a `with` block, beyond what it held before."""

    def __enter__(self) -> "PeakMemory":
        self._before = self.peak = _resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.peak -= self._before

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.peak = max(self.peak, _resident())


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def timed_search(
    descriptors: Descriptors, threshold: float, method: CosineMethod, workers: int, repeat: int
) -> tuple[float, int, Matches]:
    """The best seconds of some runs, peak memory in bytes, and the matches."""
    seconds, peak = [], 0
    for _ in range(repeat):
        with PeakMemory() as memory:
            begin = time.perf_counter()
            matches = search_cosine(descriptors, threshold, method=method, workers=workers)
            seconds.append(time.perf_counter() - begin)
        peak = max(peak, memory.peak)
    return min(seconds), peak, matches


def pair_keys(matches: Matches) -> NDArray[np.int64]:
    """One number for every pair."""
    return matches.pairs.left * len(matches.groups) + matches.pairs.right


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=1024, help="of drawn descriptors")
    parser.add_argument("--descriptors", type=Path, help="a .npy file, or a folder of such files")
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--methods", nargs="+", default=["exact", "hnsw", "ivf"])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="time the plain way on all blocks")
    options = parser.parse_args()

    generator = np.random.default_rng(0)
    if options.descriptors is None:
        real = synthesise(20_000, options.dimensions, generator)
    else:
        real = load(options.descriptors)
    descriptors = mix(real, options.size, generator)
    search_cosine(descriptors[:3000], options.threshold)  # compiles
    plain = plain_seconds(descriptors, options.threshold, options.whole)
    print(f"{descriptors.shape}, similarity >= {options.threshold}: plain way {plain:.1f} s")
    exact, complete = 0.0, np.empty(0, np.int64)
    for name in options.methods:
        method = CosineMethod(name)
        seconds, peak, matches = timed_search(
            descriptors, options.threshold, method, options.workers, options.repeat
        )
        print(f"{name}: {seconds:.2f} s, {len(matches.pairs):,} pairs")
        report(f"{name}, memory beyond the descriptors", peak / GIB, 1, "GiB")
        if method is CosineMethod.EXACT:
            exact, complete = seconds, pair_keys(matches)
            report("exact, time of the plain way", seconds / plain, 0.7, "x")
            continue
        report(f"{name}, times as fast as the plain way", plain / seconds, 5, "x", at_least=True)
        if exact:
            report(f"{name}, times as fast as exact", exact / seconds, 5, "x", at_least=True)
            recall = float(np.isin(complete, pair_keys(matches)).mean())
            report(f"{name}, recall of the exact pairs", recall, 0.99, "", at_least=True)


if __name__ == "__main__":
    main()
