"""Edited copies of pictures, as people make them, to be found again."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

__all__ = ["EDITS", "FOURTEEN", "SIXTEEN", "STRONG", "TURNED", "write_copies"]

Generator = np.random.Generator
Edit = Callable[[Image.Image, Generator], Image.Image]

_LIGHT, _DARK = (236, 236, 236), (40, 44, 52)


def _scaled(image: Image.Image, width: float, height: float) -> Image.Image:
    size = max(1, round(image.width * width)), max(1, round(image.height * height))
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, random: Generator, area: float) -> Image.Image:
    side = area**0.5
    width, height = round(image.width * side), round(image.height * side)
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def _written(image: Image.Image, random: Generator) -> Image.Image:
    image = image.copy()
    place = random.uniform(0.05, 0.3) * image.width, random.uniform(0.1, 0.8) * image.height
    ImageDraw.Draw(image).text(place, "Sample text", "white", font_size=0.12 * image.height)
    return image


def _enhanced(enhancer: Callable[[Image.Image], Any], low: float, high: float) -> Edit:
    """Return an edit that draws one of two factors for an enhancement of Pillow."""

    def edit(image: Image.Image, random: Generator) -> Image.Image:
        enhanced: Image.Image = enhancer(image).enhance(float(random.choice([low, high])))
        return enhanced

    return edit


def _turned(turn: Image.Transpose) -> Edit:
    return lambda image, _: image.transpose(turn)


def _noisy(image: Image.Image, random: Generator) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    pixels = pixels + random.normal(0, 20, pixels.shape).astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _captioned(image: Image.Image, random: Generator) -> Image.Image:
    """Put a bar with text above or below."""
    bar = max(8, round(0.18 * image.height))
    paper, ink = (("white", "black"), ("black", "white"))[int(random.integers(2))]
    above = bool(random.integers(2))
    canvas = Image.new("RGB", (image.width, image.height + bar), paper)
    canvas.paste(image, (0, bar if above else 0))
    place = 0.04 * image.width, (0 if above else image.height) + 0.2 * bar
    ImageDraw.Draw(canvas).text(place, "when it is Monday", ink, font_size=0.5 * bar)
    return canvas


def _on_screen(image: Image.Image, random: Generator) -> Image.Image:
    """Show the picture in a window with a title bar, a column of lines and a button."""
    width, height = round(1.45 * image.width), round(1.35 * image.height)
    canvas = Image.new("RGB", (width, height), _LIGHT)
    draw = ImageDraw.Draw(canvas)
    title = max(6, round(0.09 * height))
    draw.rectangle((0, 0, width, title), fill=_DARK)
    draw.text((0.03 * width, 0.2 * title), "Photos - 2026", "white", font_size=0.55 * title)
    left = round(random.uniform(0.24, 0.29) * width)
    top = round(random.uniform(0.12, 0.16) * height)
    for line in range(7):
        y = top + 0.08 * height * line
        end = random.uniform(0.12, 0.2) * width
        draw.rectangle((0.03 * width, y, end, y + 0.03 * height), fill=(180, 180, 190))
    canvas.paste(image, (left, top))
    draw.rectangle((0.8 * width, 0.93 * height, 0.95 * width, 0.98 * height), fill=(60, 120, 220))
    return canvas


def _in_perspective(image: Image.Image, random: Generator) -> Image.Image:
    """Photograph the picture from the side: each corner moves by up to 12 percent."""
    width, height = image.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (width, height)
    moved = corners + inward * random.uniform(0, 0.12, (4, 2))
    equations = [
        row
        for (x, y), (u, v) in zip(moved, corners, strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y])
    ]
    coefficients = np.linalg.solve(np.array(equations), corners.ravel())
    return image.transform(
        image.size, Image.Transform.PERSPECTIVE, coefficients.tolist(), Image.Resampling.BICUBIC
    )


EDITS: Mapping[str, Edit] = {
    "resize to a third": lambda image, _: _scaled(image, 1 / 3, 1 / 3),
    "JPEG quality 15": lambda image, _: _compressed(image, 15),
    "crop to 80 %": lambda image, random: _cropped(image, random, 0.8),
    "crop to 50 %": lambda image, random: _cropped(image, random, 0.5),
    "rotation by 10 degrees": lambda image, _: image.rotate(10, Image.Resampling.BICUBIC),
    "mirror": lambda image, _: ImageOps.mirror(image),
    "brightness": _enhanced(ImageEnhance.Brightness, 0.6, 1.5),
    "colour": _enhanced(ImageEnhance.Color, 0.3, 2.0),
    "contrast": _enhanced(ImageEnhance.Contrast, 0.6, 1.6),
    "grey": lambda image, _: image.convert("L").convert("RGB"),
    "blur": lambda image, _: image.filter(ImageFilter.GaussianBlur(0.01 * min(image.size))),
    "text": _written,
    "aspect": lambda image, _: _scaled(image, 1.0, 0.7),
    "border": lambda image, _: ImageOps.expand(image, round(0.08 * min(image.size))),
    "quarter turn": _turned(Image.Transpose.ROTATE_90),
    "thumbnail of a fifth": lambda image, _: _scaled(image, 1 / 5, 1 / 5),
    "half turn": _turned(Image.Transpose.ROTATE_180),
    "mirror and quarter turn": _turned(Image.Transpose.TRANSPOSE),
    "rotation by 25 degrees": lambda image, _: image.rotate(25, Image.Resampling.BICUBIC),
    "noise": _noisy,
    "caption": _captioned,
    "screenshot": _on_screen,
    "perspective": _in_perspective,
}

FOURTEEN = tuple(EDITS)[:14]
"""What people do most; what the default threshold is chosen by."""

SIXTEEN = tuple(EDITS)[:16]
"""These and two harder ones, a quarter turn and a thumbnail: the figures are of these."""

STRONG = tuple(EDITS)[16:]
"""Edits whose figures are given apart."""

TURNED = ("mirror", "quarter turn", "half turn", "mirror and quarter turn")
"""Mirrored and turned copies, some of the sixteen and some of the strong ones."""


def write_copies(
    path: Path, place: int, folder: Path, seed: int, edits: Sequence[str] = tuple(EDITS)
) -> Iterator[str]:
    """Write edited copies of a picture and yield their names in the order of the edits.

    Args:
        path: The picture.
        place: Its place in its set, which the random edits depend on.
        folder: Where the copies go.
        seed: Another seed draws other crops, captions and so on.
        edits: Which copies.
    """
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    numbers = {name: number for number, name in enumerate(EDITS)}
    for edit in edits:
        number = numbers[edit]
        name = f"{place:06d}-{number:02d}.jpg"
        copy = EDITS[edit](image, np.random.default_rng([seed, place, number]))
        copy.save(folder / name, quality=90)
        yield name
