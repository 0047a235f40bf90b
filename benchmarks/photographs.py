"""The photographs that are measured with."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

__all__ = ["list_photographs", "write_large"]


def list_photographs(folder: Path) -> list[Path]:
    """The files of a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_file())


def write_large(
    paths: Sequence[Path], folder: Path, count: int = 60, size: tuple[int, int] = (4000, 3000)
) -> None:
    """Write some of the photographs blown up, by default 60 to 12 megapixels."""
    for path in paths[:: max(len(paths) // count, 1)][:count]:
        with Image.open(path) as image:
            large = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
            large.save(folder / f"{path.stem}.jpg", quality=90)
