"""The photographs that are measured with."""

from pathlib import Path

from PIL import Image

__all__ = ["list_photographs", "write_large"]

_LARGE = (4000, 3000)
_LARGE_COUNT = 60


def list_photographs(folder: Path) -> list[Path]:
    """The files of a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.is_file())


def write_large(paths: list[Path], folder: Path) -> None:
    """Write 60 of the photographs blown up to 12 megapixels."""
    for path in paths[:: max(len(paths) // _LARGE_COUNT, 1)][:_LARGE_COUNT]:
        with Image.open(path) as image:
            large = image.convert("RGB").resize(_LARGE, Image.Resampling.BICUBIC)
            large.save(folder / f"{path.stem}.jpg", quality=90)
