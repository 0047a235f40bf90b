"""How long encoding holds the interpreter's lock, and how many cores that allows.

    python benchmarks/interpreter_lock.py photographs

Threads of Python share one lock. What an image takes without it (decoding, resizing, the network)
goes on beside the others; what it takes with it does not. A compiled thread on another core looks
some hundred million times a second whether any thread holds the lock, while one worker encodes the
photographs: the share of the looks is the share of the time. It asks CPython 3.11's
`_PyThreadState_UncheckedGet`, and needs two idle cores. The rates of 1 to n workers follow, n being
the cores of this machine, beside those of the model.

The rate of c cores is that of a closed queue with one server, the machine repairman's, M/M/1//c:
each worker is S seconds with the lock and Z without it, an image,

    R(n) = S (1 + Q(n-1)),  X(n) = n / (R(n) + Z),  Q(n) = X(n) R(n),  Q(0) = 0,

(mean value analysis, Reiser and Lavenberg 1980), which tends to min(c / (S + Z), 1 / S).

From 12 workers on, children of up to six threads encode. What an image takes of the parent then is
the slope of its processor time between a quarter of the photographs and all, with two children; all
of that time counts as with the lock. Its threads are in a queue of the same kind, in which Z is the
time that a child takes for an image: that of the queue of its six threads.
"""

import argparse
import ctypes
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from floor import enlarged, photographs
from numba import njit
from numpy.typing import NDArray
from timing import report

from imagededup import fastdup
from imagededup.methods import CNN, AHash, DHash, PHash, WHash
from imagededup.utils import children, processes

CORES = (2, 4, 8, 16, 32, 64)
TARGET = 0.03
"""The largest share of a core's time."""

if sys.version_info[:2] != (3, 11):
    raise SystemExit("only CPython 3.11 tells from outside whether a thread holds the lock")
_holder = ctypes.CFUNCTYPE(ctypes.c_void_p)(
    ctypes.cast(ctypes.pythonapi._PyThreadState_UncheckedGet, ctypes.c_void_p).value
)


class Held(NamedTuple):
    """What encoding an image takes: seconds of a processor with the lock and without it."""

    locked: float
    unlocked: float

    @property
    def share(self) -> float:
        """The share of the time that the lock is held."""
        return self.locked / (self.locked + self.unlocked)


@njit(nogil=True)
def look(stop: NDArray[np.int64], looks: NDArray[np.int64]) -> None:
    """Count looks, and those that find the lock held, until told to stop."""
    while stop[0] == 0:
        for _ in range(64):
            held = _holder()
            looks[1] += held is not None and held != 0
        looks[0] += 64


def held_by(work: Callable[[], object], images: int) -> Held:
    """Measure a piece of work of the calling thread."""
    stop, looks = np.zeros(1, np.int64), np.zeros(2, np.int64)
    watcher = threading.Thread(target=look, args=(stop, looks))
    watcher.start()
    try:
        while looks[0] == 0:  # it is compiled
            time.sleep(0.01)
        before, begin = looks.copy(), time.thread_time()
        work()
        seconds, (every, found) = time.thread_time() - begin, looks - before
    finally:
        stop[0] = 1
        watcher.join()
    locked = float(found / every) * seconds
    return Held(locked / images, (seconds - locked) / images)


def rate(cores: int, held: Held) -> float:
    """Images a second on so many cores."""
    waiting, images = 0.0, 0.0
    for workers in range(1, cores + 1):
        response = held.locked * (1 + waiting)
        images = workers / (response + held.unlocked)
        waiting = images * response
    return images


def rate_by_processes(cores: int, held: Held, parent: float) -> float:
    """Images a second on so many cores by children of up to six threads.

    Args:
        cores: How many.
        held: What an image takes of a child.
        parent: Seconds that it takes of the process that started them.
    """
    threads = ceil(cores / ceil(cores / processes._MOST_THREADS))
    return rate(cores, Held(parent, threads / rate(threads, held)))


@contextmanager
def two_children() -> Iterator[None]:
    """In the block, two workers are two processes from the first image on."""
    forced = {
        (processes, "_LEAST_WORKERS"): 2,
        (processes, "_MOST_THREADS"): 1,
        (children, "_LEAST_AMOUNT"): 0,
        (children, "_START_SECONDS"): 60.0,
    }
    before = {key: getattr(*key) for key in forced}
    try:
        for (module, name), value in forced.items():
            setattr(module, name, value)
        yield
    finally:
        for (module, name), value in before.items():
            setattr(module, name, value)


def of_parent(encode: Callable[[Path, int], object], folder: Path, repeat: int) -> float:
    """Seconds of the parent's processor time that an image takes."""
    images = sorted(folder.iterdir())
    with tempfile.TemporaryDirectory() as temporary, two_children():
        for image in images[::4]:
            shutil.copy(image, temporary)
        seconds = []
        for place in (Path(temporary), folder):
            times = []
            for _ in range(repeat):
                begin = time.process_time()
                encode(place, 2)
                times.append(time.process_time() - begin)
            seconds.append(min(times))
    return max(seconds[1] - seconds[0], 0.0) / (len(images) - len(images[::4]))


def encoders() -> dict[str, Callable[[Path, int], object]]:
    """Ways from a folder and a number of threads to codes."""
    methods: list[Any] = [PHash, DHash, AHash, WHash, CNN]
    ready = {method.__name__: method(verbose=False) for method in methods}

    def by(encoder: Any) -> Callable[[Path, int], object]:  # noqa: ANN401
        return lambda folder, workers: encoder.encode_images(folder, num_enc_workers=workers)

    return {**{name: by(encoder) for name, encoder in ready.items()}, "fastdup": extract}


def extract(folder: Path, workers: int) -> None:
    """The runner's extraction into a folder that is removed."""
    with tempfile.TemporaryDirectory() as work, Path(os.devnull).open("w") as nowhere:
        before, sys.stdout = sys.stdout, nowhere
        try:
            fastdup.run(input_dir=str(folder), work_dir=work, run_mode=1, num_threads=workers)
        finally:
            sys.stdout = before


def measure(name: str, encode: Callable[[Path, int], object], folder: Path, repeat: int) -> Held:
    """The best of some runs, by the time with the lock, with its rates."""
    images = len(list(folder.iterdir()))
    encode(folder, 1)
    held = min(held_by(lambda: encode(folder, 1), images) for _ in range(repeat))
    report(f"{name}, share of the lock", held.share, TARGET, "")
    print(f"  {1e6 * held.locked:.0f} us with the lock, {1e3 * held.unlocked:.2f} ms without it")
    rates = ", ".join(f"{cores}: {rate(cores, held) / rate(1, held):.1f}" for cores in CORES)
    print(f"  times the rate of one core, by the model: {rates}")
    return held


def check(encode: Callable[[Path, int], object], folder: Path, held: Held, repeat: int) -> None:
    """The model beside the rates of 1 to all cores of this machine."""
    images = len(list(folder.iterdir()))
    for cores in range(1, len(os.sched_getaffinity(0)) + 1):
        seconds = min(timed(encode, folder, cores) for _ in range(repeat))
        print(f"  {cores} workers: {images / seconds:.0f} images/s, model {rate(cores, held):.0f}")


def check_processes(
    encode: Callable[[Path, int], object], folder: Path, held: Held, repeat: int
) -> None:
    """What an image takes of the parent, and the rates that follow."""
    parent = of_parent(encode, folder, repeat)
    report("  share of the parent's lock", parent / sum(held), TARGET, "")
    print(f"  {1e6 * parent:.0f} us of the parent's processor")
    by_model = ((cores, rate_by_processes(cores, held, parent)) for cores in CORES if cores >= 12)
    rates = ", ".join(f"{cores}: {found / rate(1, held):.1f}" for cores, found in by_model)
    print(f"  times the rate of one core, by processes of six threads: {rates}")


def timed(encode: Callable[[Path, int], object], folder: Path, workers: int) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    encode(folder, workers)
    return time.perf_counter() - begin


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all encoders on small and large photographs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", help="photographs; drawn where none is given"
    )
    parser.add_argument("--count", type=int, default=400, help="photographs to encode")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    parser.add_argument("--only", nargs="+", help="names of the encoders that are measured")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        small = photographs(chosen.folder, chosen.count, Path(temporary) / "small")
        large = enlarged(small, Path(temporary) / "large")
        for size, folder in (("420 pixels", small), ("12 megapixels", large)):
            for name, encode in encoders().items():
                if chosen.only and name not in chosen.only:
                    continue
                held = measure(f"{name}, {size}", encode, folder, chosen.repeat)
                check(encode, folder, held, chosen.repeat)
                check_processes(encode, folder, held, chosen.repeat)


if __name__ == "__main__":
    main()
