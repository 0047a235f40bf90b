"""Reading pictures the way the package does, and naming sets of them."""

import argparse
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


def list_kinds(folder: Path) -> list[list[Path]]:
    """Return the pictures of each folder inside a folder: one kind of picture each, sorted."""
    kinds = [list_pictures(kind) for kind in sorted(folder.iterdir()) if kind.is_dir()]
    return [pictures for pictures in kinds if pictures]


def pictures_and_members(folder: Path) -> tuple[list[Path], list[npt.NDArray[Any]]]:
    """Return the pictures of all kinds, and for each kind the places of its own among them."""
    kinds = list_kinds(folder)
    paths = [path for kind in kinds for path in kind]
    ends = np.cumsum([len(kind) for kind in kinds])
    return paths, np.split(np.arange(len(paths)), ends[:-1])


def add_settings(parser: argparse.ArgumentParser, defaults: object) -> None:
    """Give a command an option for each attribute of a dataclass of settings."""
    for name, default in vars(defaults).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)


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
