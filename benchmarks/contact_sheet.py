"""Sheets of the pictures that verification calls copies or parts, to be looked at by a person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from picture_sets import Pool
from PIL import Image, ImageDraw, ImageOps
from verified import VerifiedPairs

from imagededup.verification.relation import REMOVABLE

__all__ = ["write_sheets"]

_SIDE = 220
_GAP = 12
_LINE = 18
_COLUMNS = 4
_ROWS = 6


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two files, and lines to write below them."""

    files: tuple[Path, Path]
    lines: tuple[str, str]


def write_sheets(pool: Pool, pictures: VerifiedPairs, folder: Path) -> Iterator[Path]:
    """Write the removable pairs of each set, and those across sets, and yield the files."""
    folder.mkdir(parents=True, exist_ok=True)
    removable = pictures.take(pictures.verdicts.among(REMOVABLE))
    by_set: dict[str, list[_Pair]] = {}
    starts = np.array([part.start for part in pool.sets.values()])
    ends = zip(removable.picture.tolist(), removable.other.tolist(), strict=True)
    for place, pair in enumerate(ends):
        sets = np.searchsorted(starts, pair, side="right") - 1
        name = list(pool.sets)[sets[0]] if sets[0] == sets[1] else "across sets"
        files = pool.paths[pair[0]], pool.paths[pair[1]]
        verdict = removable.verdicts[place]
        lines = (
            f"{verdict.relation} {verdict.score:.3f}, differing {verdict.differing:.3f}",
            f"{files[0].parent.name}/{files[0].name} {files[1].parent.name}/{files[1].name}",
        )
        by_set.setdefault(name, []).append(_Pair(files, lines))
    size = _COLUMNS * _ROWS
    for name, pairs in by_set.items():
        for start in range(0, len(pairs), size):
            path = folder / f"{name}-{1 + start // size:03d}.png"
            _sheet(pairs[start : start + size]).save(path)
            yield path


def _sheet(pairs: Sequence[_Pair]) -> Image.Image:
    width, height = 2 * _SIDE + _GAP, _SIDE + 2 * _LINE + _GAP
    rows = -(-len(pairs) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * width, rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    for place, pair in enumerate(pairs):
        left, top = place % _COLUMNS * width, place // _COLUMNS * height
        for side, path in enumerate(pair.files):
            sheet.paste(_small(path), (left + side * _SIDE, top))
        for line, text in enumerate(pair.lines):
            draw.text((left, top + _SIDE + line * _LINE), text[:72], "black", font_size=11)
    return sheet


def _small(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    return ImageOps.contain(picture, (_SIDE - 4, _SIDE - 4))
