"""What verification costs: of a picture, of a pair, and of a whole `find`."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from codes import encode
from edits import SIXTEEN, write_copies
from picture_sets import Pool
from threadpoolctl import threadpool_limits
from timing import best_times, report
from verified import CANDIDATES, FLOOR

from imagededup.images.decode import Pixels, load_image
from imagededup.verification.compare import compare
from imagededup.verification.cv2_threads import one_cv2_thread
from imagededup.verification.view import REDUCTION, View, view_of

__all__ = ["measure_cost"]

_SAMPLE = 40
_PICTURES = 1000
_EVERY = 10
_REPEAT = 2
_FIND = (sys.executable, "-m", "imagededup", "find")


def measure_cost(pool: Pool, seed: int) -> None:
    """Measure all of it, beside the targets.

    The time of a picture and of a pair is that of one core, the pairs being 40 pictures and their
    16 copies with their candidates. The time of `find` is that of the clock, with and without
    `--verify`, the best of two runs in turns, on at most 1,000 of the pictures, spread evenly, and
    copies of a tenth of them.
    """
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1, "blas"), one_cv2_thread():
        _measure_parts(_spread(pool, _SAMPLE), pool, Path(temporary), seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        chosen = _spread(pool, _PICTURES)
        for picture in chosen:
            path = pool.paths[picture]
            shutil.copyfile(path, folder / f"{picture:06d} original{path.suffix}")
        copied = chosen[::_EVERY]
        for turn, picture in enumerate(copied):
            edit = SIXTEEN[turn % len(SIXTEEN)]
            list(write_copies(pool.paths[picture], picture, folder, seed, [edit]))
        _measure_find(folder, len(chosen), len(copied))


def _spread(pool: Pool, count: int) -> list[int]:
    count = min(count, len(pool.paths))
    places: list[int] = np.linspace(0, len(pool.paths) - 1, count).round().astype(int).tolist()
    return places


def _measure_parts(pictures: Sequence[int], pool: Pool, folder: Path, seed: int) -> None:
    """Milliseconds of one core for a picture and for a candidate pair."""
    names = []
    for picture in pictures:
        path = pool.paths[picture]
        shutil.copyfile(path, folder / f"{picture:06d}{path.suffix}")
        copies = write_copies(path, picture, folder, seed, SIXTEEN)
        names += [f"{picture:06d}{path.suffix}", *copies]
    paths = [folder / name for name in names]
    pixels: list[Pixels] = []
    views: list[View] = []
    reading = _cpu_seconds(lambda: pixels.extend(load_image(path, REDUCTION) for path in paths))
    features = _cpu_seconds(lambda: views.extend(map(_with_features, pixels))) / len(paths)
    codes = encode("CNN", folder, names, None)
    versions = 1 + len(SIXTEEN)
    cosines = codes @ codes[::versions].T
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : CANDIDATES + 1]
    pairs = [
        (left, int(right) * versions)
        for left, near in enumerate(nearest)
        for right in near
        if cosines[left, right] >= FLOOR and left != right * versions
    ]
    own = [pair for pair in pairs if pair[0] // versions == pair[1] // versions]
    others = [pair for pair in pairs if pair[0] // versions != pair[1] // versions]
    compare(views[0], views[1])  # compiles
    own_seconds = _cpu_seconds(lambda: [compare(views[a], views[b]) for a, b in own])
    other_seconds = _cpu_seconds(lambda: [compare(views[a], views[b]) for a, b in others])
    report("local features of a picture", features * 1e3, 10, "ms")
    print(f"  reading and decoding: {reading / len(paths) * 1e3:.3f} ms; {len(paths)} files")
    report("a candidate pair", (own_seconds + other_seconds) / len(pairs) * 1e3, 1.5, "ms")
    print(f"  {len(own)} with the original: {own_seconds / max(len(own), 1) * 1e3:.3f} ms")
    print(f"  {len(others)} with others: {other_seconds / max(len(others), 1) * 1e3:.3f} ms")


def _with_features(pixels: Pixels) -> View:
    view = view_of(pixels)
    _ = view.features  # found when they are first asked for
    return view


def _cpu_seconds(function: Callable[[], Any]) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def _measure_find(folder: Path, pictures: int, copies: int) -> None:
    """How many times as long `find` takes with verification."""
    plain = [*_FIND, str(folder), "--method", "cnn"]
    alone, verified = best_times([lambda: _run(plain), lambda: _run([*plain, "--verify"])], _REPEAT)
    print(f"find on {pictures} pictures, {copies} copies: {alone:.2f} s, verified {verified:.2f} s")
    report("find, times as long with verification", verified / alone, 1.5, "x")


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
