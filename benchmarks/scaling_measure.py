"""The rates of one core that `scaling.py` reckons with, measured on this machine.

Processor time is measured, not that of the clock, so that other work on the machine matters little;
the least of some repetitions counts.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from cosine_search import mix
from measured import Found, cpu_seconds, job_of, quietly, stored_bytes
from numpy.typing import NDArray
from photographs import list_photographs, write_large
from PIL import Image
from scaling_measure_search import searching
from threadpoolctl import threadpool_limits

from imagededup import fastdup
from imagededup.distributed.listing import write_listing
from imagededup.distributed.store import shard_name
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.methods import CNN, PHash
from imagededup.sources.listing import list_images
from imagededup.verification.compare import compare
from imagededup.verification.cv2_threads import one_cv2_thread
from imagededup.verification.view import REDUCTION, View, view_of

__all__ = ["measured_rates"]

_SQUARE = (224, 224)
_PHOTOGRAPHS, _LARGE = 300, 60
_CROPS = 2500
_FILES = 20_000
_VERIFIED = 20
_TASKS = 400
_SEES_LOCK = sys.version_info[:2] == (3, 11)
_OF_LOCK = {"phash": "PHash", "cnn": "CNN", "runner": "fastdup"}
_LOCKED = "s an image: of this, with the interpreter's lock (`benchmarks/interpreter_lock.py`)"
_LOADED = """
import sys
from imagededup.methods import {0}
{0}(verbose=False).encode_images(sys.argv[1], num_enc_workers=1)
print(open("/proc/self/status").read())
"""


def measured_rates(photographs: Path) -> Found:
    """All rates, one after the other; under four minutes on two free cores."""
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1, "blas"):
        folder, paths = Path(temporary), list(filter(_is_readable, list_photographs(photographs)))
        yield from _encoding(paths, folder)
        yield from _verification(paths)
        yield from _listing(folder)
        real = _descriptors(paths)
        generator = np.random.default_rng(0)
        yield from searching(folder, lambda count: mix(real, count, generator))
        yield from _ray()


def _is_readable(path: Path) -> bool:
    try:
        load_image(path, REDUCTION)
    except UnreadableImageError:
        return False
    return True


def _encoding(paths: list[Path], folder: Path) -> Found:
    sets = {name: folder / name for name in ("square", "photograph", "large")}
    for one in sets.values():
        one.mkdir()
    for number, path in enumerate(islice(cycle(paths), _PHOTOGRAPHS)):
        shutil.copyfile(path, sets["photograph"] / f"{number:05}{path.suffix}")
        with Image.open(path) as image:
            square = image.convert("RGB").resize(_SQUARE)
        square.save(sets["square"] / f"{number:05}.jpg", quality=90)
    write_large(paths, sets["large"], _LARGE)
    methods: dict[str, Callable[[Path], object]] = {
        "phash": PHash(verbose=False).encode_images,
        "cnn": CNN(verbose=False).encode_images,
        "runner": partial(_extract, folder / "extracted"),
    }
    for size, images in sets.items():
        files = list_photographs(images)
        mean = sum(file.stat().st_size for file in files) / len(files)
        yield f"{size} bytes", mean, f"bytes of an image, {len(files)} of them"
        for name, encode in methods.items():
            encode(images)  # reads the files, compiles
            seconds = cpu_seconds(partial(encode, images), 2)[0] / len(files)
            yield f"{name} {size}", seconds, "s an image: read, decoded, encoded"
            if size == "photograph" and _SEES_LOCK:
                yield f"lock {name}", _locked(name, images, seconds), _LOCKED
    for name in ("PHash", "CNN"):
        yield f"{name.lower()} memory", _memory(name, sets["photograph"]), "bytes of a process"
    yield "network", _network_seconds(paths[:40]), "s an image: of this, the network alone"


def _network_seconds(paths: list[Path]) -> float:
    """Of the network for an image that is prepared."""
    model = CNN(verbose=False)._describer
    ready = [model.prepare(load_image(path, model.reduction)) for path in paths]
    batches = [np.stack(ready[begin : begin + 2]) for begin in range(0, len(ready), 2)]
    model.run(batches[0])
    return cpu_seconds(lambda: [model.run(batch) for batch in batches], 5)[0] / len(ready)


def _locked(method: str, images: Path, seconds: float) -> float:
    """How long an image holds the interpreter's lock; its share is measured, with one worker."""
    from interpreter_lock import encoders, held_by

    encode = encoders()[_OF_LOCK[method]]
    encode(images, 1)
    count = len(list_photographs(images))
    return seconds * min(held_by(partial(encode, images, 1), count).share for _ in range(2))


def _extract(work_dir: Path, images: Path) -> None:
    shutil.rmtree(work_dir, ignore_errors=True)
    quietly(partial(fastdup.run, input_dir=str(images), work_dir=str(work_dir), run_mode=1))


def _memory(encoder: str, images: Path) -> float:
    """The most bytes that a process of one thread held."""
    command = [sys.executable, "-c", _LOADED.format(encoder), str(images)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    peak = re.search(r"VmHWM:\s+(\d+) kB", printed)
    return float(peak[1]) * 1024 if peak else 0.0


def _verification(paths: list[Path]) -> Found:
    with one_cv2_thread():
        pixels = [load_image(path, REDUCTION) for path in paths[: 2 * _VERIFIED]]
        _compare_all(*_views(pixels[:6]))  # compiles
        first = _views(pixels[-_VERIFIED:])
        whole = cpu_seconds(lambda: _compare_all(*first))[0]
        views, cropped = first
        same = cpu_seconds(lambda: list(map(compare, views, cropped)))[0]
        different = cpu_seconds(lambda: list(map(compare, views, cropped[1:])))[0]
    yield "verified picture", (whole - same - different) / (2 * len(views)), "s: its features"
    yield "verified pair", same / len(views), "s a pair of a picture and its crop"
    yield "verified others", different / (len(views) - 1), "s a pair of different pictures"


def _views(pixels: list[NDArray[np.uint8]]) -> tuple[list[View], list[View]]:
    """Views of pictures and of their crops."""
    crops = [np.ascontiguousarray(one[8:, 16:]) for one in pixels]
    return list(map(view_of, pixels)), list(map(view_of, crops))


def _compare_all(views: list[View], cropped: list[View]) -> None:
    """Each with its crop and with the next one's; the first time with what is found in it."""
    list(map(compare, views, cropped))
    list(map(compare, views, cropped[1:]))


def _listing(folder: Path) -> Found:
    images = folder / "listed"
    for number in range(_FILES):
        place = images / f"{number // 1000:03}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:09}.jpg").touch()
    listed, _ = cpu_seconds(partial(list_images, images, True), 3)
    yield "listing", listed / _FILES, "s a file: by one core"
    job = job_of(folder / "listing", "phash", images)
    whole, _ = cpu_seconds(partial(write_listing, job), 2)
    yield "listing task", whole / _FILES, "s a file: the one task of a job that lists"
    yield "listing row", stored_bytes(folder / "listing", "listing") / _FILES, "bytes of a row"
    tracemalloc.start()
    kept = list_images(images, True)
    yield "listing memory", tracemalloc.get_traced_memory()[1] / _FILES, "bytes of a file"
    tracemalloc.stop()
    del kept
    shutil.rmtree(images)


def _descriptors(paths: list[Path]) -> NDArray[np.float32]:
    """Descriptors of crops of photographs, which have the variances of real ones."""
    encoder, generator = CNN(verbose=False), np.random.default_rng(0)
    pixels = [load_image(path, REDUCTION) for path in paths]
    return np.concatenate(
        [
            encoder.encode_image(image_array=_crop(one, generator))
            for one in islice(cycle(pixels), _CROPS)
        ]
    )


def _crop(pixels: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    """A quarter of a picture."""
    height, width = (side // 2 for side in pixels.shape[:2])
    top, left = generator.integers(0, (height + 1, width + 1))
    crop = np.ascontiguousarray(pixels[top : top + height, left : left + width])
    return np.broadcast_to(crop if crop.ndim == 3 else crop[:, :, None], (height, width, 3))


def _ray() -> Found:
    from imagededup.distributed.cluster import connect
    from imagededup.distributed.workers import RayTasks

    connect(None)
    import ray

    def empty_tasks(count: int) -> Iterator[tuple[int]]:
        return ((number,) for number in range(count))

    try:
        RayTasks().run(shard_name, empty_tasks(20))
        begin = time.perf_counter()
        RayTasks().run(shard_name, empty_tasks(_TASKS))
        seconds = (time.perf_counter() - begin) / _TASKS
    finally:
        ray.shutdown()
    yield "ray task", seconds, "s of the clock for an empty task: the driver"
