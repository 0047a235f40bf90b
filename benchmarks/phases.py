"""Each phase of the runner by one thread and by all cores, beside how the machine itself scales.

    python benchmarks/phases.py photographs --descriptors real.npy

Extraction is run_mode=1 on photographs; the others are the parts of run_mode=2 on features that are
mixed from real descriptors. The product of two matrices, and a sum, by one thread and by as many at
once as there are cores say what the machine can do at best: cores that share the units of one do
less than twice the work. The index is timed with its file in memory, which says what threads do,
and on the disk, which they wait for. Tables and the graph are made by one thread, beside the index.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from cosine_search import load, mix
from numpy.typing import NDArray
from photographs import list_photographs
from threadpoolctl import threadpool_limits
from timing import best_times, report

from imagededup import fastdup
from imagededup.fastdup.graph.similar import similar_pairs
from imagededup.fastdup.graph.statistics import analyze_graph
from imagededup.fastdup.store.long_tables import write_pairs
from imagededup.search.cosine.vectors import group_identical
from imagededup.search.knn.distances import Points
from imagededup.search.knn.faiss_index import write_joined_index
from imagededup.search.knn.find import find_neighbors
from imagededup.search.knn.options import Distance
from imagededup.search.knn.projection import Projection
from imagededup.search.knn.self_join import SelfJoin

DIMENSIONS = 576
MEMORY = Path("/dev/shm")
REPEAT = 3
PRODUCTS = 30
TARGET = 1.8
Call = Callable[[int], object]


def compare(name: str, call: Call) -> None:
    """Print how many times as fast a call is by all cores as by one thread."""
    cores = os.cpu_count() or 1
    one, by_all = best_times([lambda: call(1), lambda: call(cores)], REPEAT)
    report(f"{name}, {one:.2f} s by one thread", one / by_all, TARGET, "x", at_least=True)


def machine(work: Callable[[], object]) -> Call:
    """The same work as often as there are cores, by some threads."""

    def call(threads: int) -> None:
        with ThreadPoolExecutor(threads) as executor:
            list(executor.map(lambda _: work(), range(os.cpu_count() or 1)))

    return call


def compare_machine() -> None:
    """What the machine can do at best."""
    numbers = np.random.default_rng(0).random((800, 800), np.float32)
    long = np.random.default_rng(0).random(1 << 25)
    with threadpool_limits(1, user_api="blas"):
        compare(
            "machine: matrix products",
            machine(lambda: [numbers @ numbers for _ in range(PRODUCTS)]),
        )
        compare("machine: sums in memory", machine(lambda: [long.sum() for _ in range(PRODUCTS)]))


def compare_extraction(folder: Path, count: int) -> None:
    """run_mode=1 on photographs, written again and again until there are enough."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "images"
        source.mkdir()
        for number, path in enumerate(islice(cycle(list_photographs(folder)), count)):
            (source / f"{number:06}{path.suffix}").write_bytes(path.read_bytes())

        def extract(threads: int) -> None:
            with tempfile.TemporaryDirectory() as work, redirect_stdout(StringIO()):
                fastdup.run(str(source), work, run_mode=1, num_threads=threads)

        compare(f"extraction of {count}", extract)


def compare_search(features: NDArray[np.float32]) -> None:
    """The parts of run_mode=2."""
    count, cores = len(features), os.cpu_count() or 1
    everything = np.arange(count)
    names = [f"/images/{row:09}.jpg" for row in range(count)]
    points = Points.of(features, everything, Distance.COSINE, cores)
    projection = Projection.of(points)
    if projection is None:
        raise SystemExit("the descriptors have no principal numbers to join")
    join = SelfJoin.of(points, projection, cores, lambda _: None)
    neighbors = find_neighbors(features, 2, threads=cores)
    pairs = similar_pairs(neighbors, 0)

    compare("exact copies", lambda threads: group_identical(features, None, threads))
    compare("join", lambda threads: SelfJoin.of(points, projection, threads, lambda _: None))
    compare("join and ranking", lambda threads: find_neighbors(features, 2, threads=threads))
    compare("graph", lambda _: analyze_graph(count, *pairs[:2]))
    compare_index(points, join)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "similarity.csv"
        compare("tables", lambda threads: write_pairs(table, names, *pairs, workers=threads))


def compare_index(points: Points, join: SelfJoin) -> None:
    """The index, where there is no disk to wait for and where there is one."""
    folders = {"its file in memory": MEMORY, "its file on the disk": Path(tempfile.gettempdir())}
    for name, parent in folders.items():
        with tempfile.TemporaryDirectory(dir=parent if parent.is_dir() else None) as folder:
            write = partial(write_joined_index, points, "HNSW32", join, path=Path(folder) / "index")
            compare(f"index, {name}", write)


def main() -> None:
    """Compare what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder of photographs")
    parser.add_argument("--count", type=int, default=1000, help="photographs")
    parser.add_argument("--descriptors", type=Path, help="a .npy file of real descriptors")
    parser.add_argument("--rows", type=int, default=100_000, help="stored features")
    arguments = parser.parse_args()
    compare_machine()
    if arguments.folder is not None:
        compare_extraction(arguments.folder, arguments.count)
    if arguments.descriptors is not None:
        real = np.ascontiguousarray(load(arguments.descriptors)[:, :DIMENSIONS])
        compare_search(mix(real, arguments.rows, np.random.default_rng(0)))


if __name__ == "__main__":
    main()
