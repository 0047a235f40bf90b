"""How close encoding is to its floor: entropy decoding and the network, and nothing else.

    python benchmarks/floor.py photographs

For photographs as they are and blown up to 12 megapixels, an image on one core and on two:

- entropy: the luma by libjpeg-turbo at an eighth of the size, of bytes that are in memory. All
  entropy coded data are decoded, while the transform of a block is one addition and there is a 64th
  of the pixels: the fastest decoding that there is, and little but entropy decoding.
- decoding: the decoding that the encoder asks for. The hashes take photographs of less than 1536
  pixels in full, in colours, for their codes are those of a full decode; its transform, upsampling
  and colours are no overhead of this package. The CNN takes the smallest eighth from 160 pixels on.
- network: the model's session at the best of several batch sizes, its inputs ready.
- whole: `encode_images` without a cache, from names to a dictionary of codes.

Each is the least CPU time of some runs in turns, and its wall time. The ratio is the whole by the
sum of entropy decoding and network.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
from photographs import list_photographs, write_large
from PIL import Image
from timing import report

from imagededup.images.decode import load_image
from imagededup.images.direct import decode_jpeg
from imagededup.images.reduction import Reduction
from imagededup.methods import CNN, PHash
from imagededup.utils.parallel import ordered_map

TARGET = 1.2
"""The largest ratio of the whole to its floor."""

BATCHES = (1, 2, 3, 4, 8, 16)


class Time(NamedTuple):
    """Milliseconds an image."""

    cpu: float
    wall: float


def drawn(number: int) -> Image.Image:
    """A picture with the spectrum of a photograph: amplitudes fall as the frequency rises."""
    generator = np.random.default_rng(number)
    height, width = generator.integers(300, 540, 2).tolist()
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / width)
    noise = np.fft.rfft2(generator.standard_normal((3, height, width)))
    pixels = np.fft.irfft2(noise * falling, s=(height, width))
    pixels = 128 + 48 * pixels / pixels.std()
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0))


def photographs(source: Path | None, count: int, folder: Path) -> Path:
    """Fill a folder with photographs, repeated until there are enough, or with drawn ones."""
    folder.mkdir()
    if source is None:
        for number in range(min(count, 100)):
            drawn(number).save(folder / f"{number:05}.jpg", quality=90)
        return folder
    for number, path in enumerate(islice(cycle(list_photographs(source)), count)):
        shutil.copyfile(path, folder / f"{number:05}{path.suffix}")
    return folder


def enlarged(small: Path, folder: Path) -> Path:
    """Fill a folder with 60 of them at 12 megapixels."""
    folder.mkdir()
    write_large(list_photographs(small), folder)
    return folder


def least(works: dict[str, Callable[[], object]], images: int, repeat: int) -> dict[str, Time]:
    """The least CPU time of each piece of work an image, with the wall time of that run."""
    times: dict[str, list[Time]] = {name: [] for name in works}
    for _ in range(repeat):
        for name, work in works.items():
            cpu, wall = time.process_time(), time.perf_counter()
            work()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            times[name].append(Time(1e3 * cpu / images, 1e3 * wall / images))
    return {name: min(found) for name, found in times.items()}


def each(function: Callable[[Any], object], items: Iterable[Any], workers: int) -> None:
    """Do something with all items, and keep nothing."""
    for _ in ordered_map(function, items, workers):
        pass


def decoded(reduction: Reduction | None, data: bytes) -> None:
    """Decode as an encoder asks for."""
    height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    factor = reduction.factor((width, height)) if reduction else 1
    grey = colours == "Gray" or bool(factor > 1 and reduction and reduction.to_grey)
    decode_jpeg(data, (width, height), factor, grey)


def entropy_decoded(data: bytes) -> None:
    """Decode the luma at an eighth of the size."""
    simplejpeg.decode_jpeg(data, colorspace="GRAY", min_height=1, min_width=1)


def measure(size: str, folder: Path, workers: int, repeat: int) -> None:
    """All parts and both encoders."""
    paths = list_photographs(folder)
    contents = [path.read_bytes() for path in paths]
    network, hashes = CNN(verbose=False), PHash(verbose=False)
    model = network._describer
    ready = [model.prepare(load_image(path, model.reduction)) for path in paths]
    works: dict[str, Callable[[], object]] = {
        "entropy": partial(each, entropy_decoded, contents, workers),
        "PHash": partial(hashes.encode_images, folder, num_enc_workers=workers),
        "CNN": partial(network.encode_images, folder, num_enc_workers=workers),
    }
    for encoder in (hashes, network):
        name = f"decoding for {type(encoder).__name__}"
        works[name] = partial(each, partial(decoded, encoder._reduction), contents, workers)
    for batch in BATCHES:
        starts = range(0, len(ready), batch)
        batches = [np.stack(ready[begin : begin + batch]) for begin in starts]
        works[f"network {batch}"] = partial(each, model.run, batches, workers)
    for work in works.values():
        work()
    times = least(works, len(paths), repeat)
    sizes = {name: found for name, found in times.items() if name.startswith("network ")}
    best = min(sizes, key=lambda name: sizes[name])
    print(f"{size}, {workers} worker{'s' * (workers > 1)}, ms an image: CPU, wall")
    for name, found in times.items():
        if name == best or name not in sizes:
            print(f"  {name:22s} {found.cpu:8.3f} {found.wall:8.3f}")
    for name, parts in (("PHash", ["entropy"]), ("CNN", ["entropy", best])):
        floor = sum(times[part].cpu for part in parts)
        report(f"  {name}, whole by its floor", times[name].cpu / floor, TARGET, "")
        asked = floor - times["entropy"].cpu + times[f"decoding for {name}"].cpu
        print(f"    with the decoding that it asks for: {times[name].cpu / asked:.3f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure small and large photographs on one core and on two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", help="photographs, all JPEGs; drawn where none is given"
    )
    parser.add_argument("--count", type=int, default=400, help="photographs to encode")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each measurement")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        small = photographs(chosen.folder, chosen.count, Path(temporary) / "small")
        large = enlarged(small, Path(temporary) / "large")
        for size, folder in (("420 pixels", small), ("12 megapixels", large)):
            for workers in (1, 2):
                measure(size, folder, workers, chosen.repeat)


if __name__ == "__main__":
    main()
