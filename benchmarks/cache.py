"""How long a search of a folder takes the second time, when nothing has changed.

    python benchmarks/cache.py examples/photos

The photographs are cropped and brightened at random to so many different ones of 400 x 300 pixels.
A figure is the time of the first run, which fills the cache, over that of the second one.
"""

import argparse
import random
import tempfile
from functools import partial
from pathlib import Path

from photographs import list_photographs
from PIL import Image, ImageEnhance
from timing import report, seconds_of

from imagededup.methods import CNN, PHash

_SIZE = (400, 300)
_TARGET = 10


def write_varied(paths: list[Path], count: int, folder: Path) -> None:
    """Write so many pictures, each a part of a photograph, darker or brighter."""
    generator = random.Random(0)
    for number in range(count):
        with Image.open(paths[number % len(paths)]) as image:
            image.draft("RGB", (800, 600))
            width, height = image.size
            left, top = generator.randrange(width // 4), generator.randrange(height // 4)
            part = image.convert("RGB").resize(_SIZE, box=(left, top, width - top, height - left))
        brightened = ImageEnhance.Brightness(part).enhance(generator.uniform(0.6, 1.4))
        brightened.save(folder / f"{number:05}.jpg", quality=85)


def compare(name: str, encoder: type[PHash] | type[CNN], folder: Path) -> None:
    """A first and a second run, of the codes and of a whole search."""
    encoder(verbose=False).encode_image(image_file=next(folder.iterdir()))  # compiles and loads
    count = sum(1 for _ in folder.iterdir())
    for what in ("encode_images", "find_duplicates"):
        with tempfile.TemporaryDirectory() as cache:
            cached = encoder(verbose=False, cache_dir=cache)
            run = partial(getattr(cached, what), folder)
            first, second = seconds_of(run), seconds_of(run)
            size = sum(path.stat().st_size for path in Path(cache).iterdir())
        print(f"{name}.{what} of {count}: {first:.2f} s, then {second:.2f} s")
        report(f"{name}.{what}, times as fast", first / second, _TARGET, "x", at_least=True)
    print(f"{name}: {size / count:.0f} bytes an image in the cache")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of photographs")
    parser.add_argument("--count", type=int, default=10_000, help="photographs for PHash")
    parser.add_argument("--cnn-count", type=int, default=1000, help="photographs for the CNN")
    arguments = parser.parse_args()
    paths = [path for path in list_photographs(arguments.folder) if "truncated" not in path.name]
    for name, encoder, count in (
        ("PHash", PHash, arguments.count),
        ("CNN", CNN, arguments.cnn_count),
    ):
        with tempfile.TemporaryDirectory() as folder:
            write_varied(paths, count, Path(folder))
            compare(name, encoder, Path(folder))


if __name__ == "__main__":
    main()
