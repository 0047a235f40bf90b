"""Make `examples/photos`: a few photographs and edited copies of them, so that the result is known.

    python tools/make_examples.py

The photographs come with scikit-learn and matplotlib; `examples/README.md` names their authors and
licences.
"""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import matplotlib
import sklearn
from PIL import Image, ImageDraw, ImageOps

EXIF_ORIENTATION = 0x0112
ROTATE_TO_VIEW = 6
QUALITY = 85


def photographs() -> dict[str, Image.Image]:
    """The originals, at most 480 pixels wide."""
    sklearn_images = Path(sklearn.__file__).parent / "datasets" / "images"
    paths = {
        "flower": sklearn_images / "flower.jpg",
        "portrait": Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
        "temple": sklearn_images / "china.jpg",
    }
    return {
        name: ImageOps.contain(Image.open(path).convert("RGB"), (480, 480))
        for name, path in paths.items()
    }


def smaller(image: Image.Image) -> Image.Image:
    """Half the width and height."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def cropped(image: Image.Image) -> Image.Image:
    """80 % of the area, from the middle."""
    x, y = round(image.width * 0.053), round(image.height * 0.053)
    return image.crop((x, y, image.width - x, image.height - y))


def grey(image: Image.Image) -> Image.Image:
    """Without colour."""
    return image.convert("L")


def with_text(image: Image.Image) -> Image.Image:
    """With a line of text across it."""
    result = image.copy()
    ImageDraw.Draw(result).text(
        (image.width * 0.1, image.height * 0.8), "my holidays", fill="white", font_size=40
    )
    return result


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "cropped": cropped,
    "grey": grey,
    "mirrored": ImageOps.mirror,
    "smaller": smaller,
    "text": with_text,
}


def write_versions(folder: Path, name: str, original: Image.Image) -> None:
    """Write a photograph and its copies."""
    source = folder / f"{name}.jpg"
    original.save(source, quality=QUALITY)
    shutil.copyfile(source, folder / f"{name}_copy.jpg")
    original.save(folder / f"{name}_recompressed.jpg", quality=20)
    for edit, function in EDITS.items():
        function(original).save(folder / f"{name}_{edit}.jpg", quality=QUALITY)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = ROTATE_TO_VIEW
    lying = original.transpose(Image.Transpose.ROTATE_90)
    lying.save(folder / f"{name}_exif_rotated.jpg", quality=QUALITY, exif=exif)


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "examples" / "photos"
    parser.add_argument("--output", type=Path, default=default, help="the folder to write to")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    originals = photographs()
    for name, original in originals.items():
        write_versions(folder, name, original)
    complete = (folder / "temple.jpg").read_bytes()
    (folder / "temple_truncated.jpg").write_bytes(complete[: len(complete) // 3])


if __name__ == "__main__":
    main()
