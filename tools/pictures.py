"""Reading pictures the way the package does, and naming sets of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from feature_network import IMAGE_SIZE
from PIL import Image, ImageOps

_FILTER = Image.Resampling.BILINEAR
_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def list_pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder and of those below it, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def choose_pictures(folders: Sequence[Path], halved: Sequence[Path]) -> list[Path]:
    """Return all pictures of `folders`, and the 1st, 3rd, 5th, ... of each of `halved`."""
    whole = [path for folder in folders for path in list_pictures(folder)]
    return whole + [path for folder in halved for path in list_pictures(folder)[::2]]


def open_picture(path: Path, keep: int = IMAGE_SIZE) -> Image.Image:
    """Decode a picture as RGB, upright.

    Args:
        path: The file.
        keep: A JPEG is decoded at a reduced scale that leaves both sides at least this long.
    """
    with Image.open(path) as image:
        image.draft("RGB", (keep, keep))
        return ImageOps.exif_transpose(image).convert("RGB")


def network_input(image: Image.Image) -> npt.NDArray[Any]:
    """Resize an RGB picture to the network's uint8 (160, 160, 3), ignoring its aspect ratio."""
    return np.asarray(image.resize((IMAGE_SIZE, IMAGE_SIZE), _FILTER))
