"""Speed of the runner's search of stored features, by all cores and by one thread, against targets.

    python benchmarks/fastdup_runner.py real.npy

Whole processes of run_mode=2. The features are mixed from real descriptors with planted near
copies. Recall is the share of the exact two nearest neighbours, of some rows, that similarity.csv
has with a threshold of 0. `python -m benchmarks` measures the runner beside PyPI's fastdup.
"""

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
from cosine_search import load, mix
from numpy.typing import NDArray
from timing import report, seconds_of

from imagededup import fastdup
from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.options import Provider

DIMENSIONS = 576
PROBES = 2000
SEARCH = (
    "import sys; from imagededup import fastdup; fastdup.run('.', sys.argv[1], run_mode=2, "
    "threshold=0, num_threads=int(sys.argv[2]))"
)
SECONDS = {100_000: 5.0, 1_000_000: 90.0}
"""Targets on two cores, by the number of features."""


def search(work: Path, threads: int) -> float:
    """Seconds of run_mode=2 in a process of its own; -1 threads are all."""
    command = [sys.executable, "-c", SEARCH, str(work), str(threads)]
    return seconds_of(lambda: subprocess.run(command, check=True, capture_output=True))


def measure(features: NDArray[np.float32], repeat: int) -> None:
    """Search features, and print the least times beside the targets."""
    rows = len(features)
    probes = np.linspace(0, rows - 1, PROBES).astype(np.int64)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        fastdup.save_binary_feature(work, [f"/{row}.jpg" for row in range(rows)], features)
        seconds = min(search(work, -1) for _ in range(repeat))
        recall = recall_of(work / "similarity.csv", probes, exact_neighbors(features, probes))
        by_one = search(work, 1)
    print(f"run_mode=2 on {rows:,} features: {seconds:.1f} s, {seconds / rows * 1e6:.0f} us a row")
    report("recall of the exact two nearest", recall, 0.99, "", at_least=True)
    report("all cores, times as fast as one thread", by_one / seconds, 1.8, "x", at_least=True)
    if rows in SECONDS:
        report(f"run_mode=2, {rows:,} features", seconds, SECONDS[rows], "s")


def exact_neighbors(features: NDArray[np.float32], probes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The two nearest other rows of some rows."""
    nearest = find_neighbors(
        features[probes], 3, provider=Provider.TURI, threads=2, references=features
    ).index
    others = nearest != probes[:, None]
    return np.array([row[keep][:2] for row, keep in zip(nearest, others, strict=True)])


def recall_of(path: Path, probes: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """The share of the exact neighbours that a similarity.csv has."""
    wanted = set(probes.tolist())
    found: set[tuple[int, int]] = set()
    with path.open(newline="") as file:
        for left, right, _ in islice(csv.reader(file), 1, None):
            pair = int(Path(left).stem), int(Path(right).stem)
            if pair[0] in wanted:
                found.add(pair)
    hits = [
        (probe, near) in found
        for probe, row in zip(probes.tolist(), truth.tolist(), strict=True)
        for near in row
    ]
    return sum(hits) / len(hits)


def main() -> None:
    """Measure the search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("descriptors", type=Path, help="a .npy file of real descriptors")
    parser.add_argument("--rows", type=int, default=100_000, help="stored features")
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()
    real = np.ascontiguousarray(load(arguments.descriptors)[:, :DIMENSIONS])
    measure(mix(real, arguments.rows, np.random.default_rng(0)), arguments.repeat)
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"peak memory of the largest process {children:.2f} GiB")


if __name__ == "__main__":
    main()
