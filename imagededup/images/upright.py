"""Turning images as their EXIF orientation says."""

from typing import Any

from numpy.typing import NDArray

__all__ = ["upright", "upright_sides"]

_SIDEWAYS = (5, 6, 7, 8)


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A view of rows, columns and values that undoes an EXIF orientation."""
    if orientation in _SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in (3, 4, 7, 8) else pixels


def upright_sides(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height once an EXIF orientation is undone."""
    return size[::-1] if orientation in _SIDEWAYS else size
