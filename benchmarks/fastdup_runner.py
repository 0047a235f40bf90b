"""Speed of the runner beside PyPI's fastdup, each as a process of its own, against targets.

    python benchmarks/fastdup_runner.py photographs --descriptors real.npy --fastdup-python PYTHON

Two runs of each, in turns: everything on photographs (run_mode=0), and the search of stored
features (run_mode=2), which are mixed from real descriptors with planted near copies; that once
more by one thread. Recall is the share of the exact two nearest neighbours, of some rows, that
similarity.csv has with a threshold of 0. `--rows` changes the number of stored features; with
`--alone` fastdup is left out.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from cosine_search import load, mix
from numpy.typing import NDArray
from photographs import list_photographs
from timing import report, seconds_of

from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.options import Provider

DIMENSIONS = 576
PROBES = 2000
OURS = "import sys; from imagededup import fastdup; {}"
THEIRS = "import sys, fastdup; {}"
ALL = "fastdup.run(input_dir=sys.argv[1], work_dir=sys.argv[2])"
SEARCH = "fastdup.run(input_dir='.', work_dir=sys.argv[2], run_mode=2, threshold=0)"
BY_ONE = SEARCH.replace("threshold=0", "threshold=0, num_threads=1")
SECONDS = {100_000: 5.0, 1_000_000: 90.0}
"""Targets on two cores, by the number of features."""
STORE = (
    "import numpy as np; x = np.load(sys.argv[1]); "
    "fastdup.save_binary_feature(sys.argv[2], [f'/{i}.jpg' for i in range(len(x))], x)"
)


def run(python: str, script: str, source: Path, work: Path) -> float:
    """Seconds of a script in a process of its own."""
    environment = {**os.environ, "SENTRY_OPT_OUT": "1"}
    command = [python, "-c", script, str(source), str(work)]

    def call() -> None:
        subprocess.run(command, check=True, capture_output=True, env=environment)

    return seconds_of(call)


def compare_photographs(folder: Path, count: int, peer: str, repeat: int) -> None:
    """run_mode=0 on photographs, linked again and again until there are enough."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "images"
        source.mkdir()
        for number, path in enumerate(islice(cycle(list_photographs(folder)), count)):
            (source / f"{number:06}{path.suffix}").write_bytes(path.read_bytes())
        for turn in range(repeat):
            works = [Path(temporary) / f"{name}{turn}" for name in ("ours", "theirs")]
            ours.append(run(sys.executable, OURS.format(ALL), source, works[0]))
            theirs.append(run(peer, THEIRS.format(ALL), source, works[1]))
    print(f"run_mode=0 on {count} photographs: {min(ours):.2f} s, fastdup {min(theirs):.2f} s")
    report("run_mode=0, times as fast as fastdup", min(theirs) / min(ours), 3, "x", at_least=True)


def compare_search(features: NDArray[np.float32], peer: str | None, repeat: int) -> None:
    """run_mode=2 on stored features."""
    probes = np.linspace(0, len(features) - 1, PROBES).astype(np.int64)
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "features.npy"
        np.save(source, features)
        runs = [("ours", sys.executable, OURS)]
        if peer is not None:
            runs.append(("fastdup", peer, THEIRS))
        for name, python, script in runs:
            run(python, script.format(STORE), source, Path(temporary) / name)
        for _ in range(repeat):
            for name, python, script in runs:
                seconds = run(python, script.format(SEARCH), source, Path(temporary) / name)
                times.setdefault(name, []).append(seconds)
        best = {name: min(seconds) for name, seconds in times.items()}
        truth = exact_neighbors(features, probes)
        for name, _, _ in runs:
            recall = recall_of(Path(temporary) / name / "similarity.csv", probes, truth)
            each = best[name] / len(features) * 1e6
            print(
                f"run_mode=2 on {len(features):,} features, {name}: {best[name]:.1f} s, "
                f"{each:.0f} us a row, recall {recall:.4f}"
            )
        recall = recall_of(Path(temporary) / "ours" / "similarity.csv", probes, truth)
        by_one = run(sys.executable, OURS.format(BY_ONE), source, Path(temporary) / "ours")
        report_targets(len(features), recall, best["ours"], by_one)
    if peer is not None:
        ratio = best["fastdup"] / best["ours"]
        report("run_mode=2, times as fast as fastdup", ratio, 2, "x", at_least=True)


def report_targets(rows: int, recall: float, seconds: float, by_one: float) -> None:
    """Print what run_mode=2 is to reach."""
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
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of photographs")
    parser.add_argument("--count", type=int, default=1000, help="photographs")
    parser.add_argument("--descriptors", type=Path, help="a .npy file of real descriptors")
    parser.add_argument("--rows", type=int, default=100_000, help="stored features")
    parser.add_argument("--fastdup-python", help="interpreter that has fastdup")
    parser.add_argument("--alone", action="store_true", help="search without fastdup")
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.folder is not None:
        compare_photographs(
            arguments.folder, arguments.count, arguments.fastdup_python, arguments.repeat
        )
    if arguments.descriptors is not None:
        real = load(arguments.descriptors)[:, :DIMENSIONS]
        features = mix(np.ascontiguousarray(real), arguments.rows, np.random.default_rng(0))
        peer = None if arguments.alone else arguments.fastdup_python
        compare_search(features, peer, arguments.repeat)
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        print(f"peak memory of the largest process {children:.2f} GiB")


if __name__ == "__main__":
    main()
