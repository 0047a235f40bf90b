"""Measure how well encoders find edited copies of photographs.

    python benchmarks/copy_detection.py PHOTOGRAPHS
    python benchmarks/copy_detection.py PHOTOGRAPHS --encoders CNN PHash --json quality.json

Every photograph gets 14 edited copies and one that is turned by 90 degrees, saved as files. Each
photograph is compared with the copies of all of them:

- uAP: average precision of all these pairs in one ranking, without the quarter turn;
- R@P99: the largest recall that one threshold reaches with 99 percent precision, without the
  quarter turn, and the recall of each edit at that threshold;
- at the package's default thresholds, the recall without the quarter turn, and the false pairs in
  ten million pairs of files that stem from different photographs (edited copies of both included).

With `--fastdup-python` the features of the PyPI package fastdup are measured on the same files;
it runs in a process of its own, with the Python interpreter given.

Reference:
    Douze et al.: The 2021 Image Similarity Dataset and Challenge, 2021 (micro average precision).
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from imagededup.methods import CNN, AHash, DHash, PHash, WHash

Array = npt.NDArray[Any]
Generator = np.random.Generator
Edit = Callable[[Image.Image, Generator], Image.Image]

QUARTER_TURN = "quarter turn"
ORIGINAL = "original"
_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
_BLOCK = 512
_HASH_BITS = 64
_FASTDUP_SIZE = 576
_FASTDUP_SCRIPT = (
    "import sys, fastdup; fastdup.run(input_dir=sys.argv[1], work_dir=sys.argv[2], run_mode=1)"
)


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
    QUARTER_TURN: lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
}
VERSIONS = (ORIGINAL, *EDITS)


@dataclass(frozen=True)
class AtThreshold:
    """What one threshold gives.

    Attributes:
        threshold: As a user gives it.
        recall: Share of the edited copies that are found, without the quarter turn.
        false_pairs_per_ten_million: Of pairs of files from different photographs.
    """

    threshold: str
    recall: float
    false_pairs_per_ten_million: float


@dataclass(frozen=True)
class Quality:
    """The quality of one encoder; `recall_by_edit` is at 99 percent precision."""

    encoder: str
    average_precision: float
    recall_at_99_precision: float
    at_thresholds: tuple[AtThreshold, ...]
    recall_by_edit: dict[str, float]


def list_photographs(folder: Path, *, every_second: bool, limit: int | None) -> list[Path]:
    """Return the photographs of a folder, sorted; or every second one; at most `limit`."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    return paths[1::2][:limit] if every_second else paths[:limit]


def file_name(index: int, version: str, suffix: str = ".jpg") -> str:
    """Return the name of one version of one photograph."""
    return f"{index:06d} {version.replace(' %', '')}{suffix}"


def write_versions(photographs: Sequence[Path], folder: Path, seed: int) -> Array:
    """Copy the photographs to a folder and write their edited copies there.

    Returns:
        Names of the files, (photographs, versions).
    """
    names = []
    for index, path in enumerate(photographs):
        original = file_name(index, ORIGINAL, path.suffix)
        shutil.copyfile(path, folder / original)
        names.append([original, *_write_copies(path, index, folder, seed)])
    return np.array(names)


def _write_copies(path: Path, index: int, folder: Path, seed: int) -> Iterator[str]:
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    for number, (version, edit) in enumerate(EDITS.items()):
        name = file_name(index, version)
        edit(image, np.random.default_rng([seed, index, number])).save(folder / name, quality=90)
        yield name


def unit_vectors(codes: Mapping[str, Any], names: Array) -> Array:
    """Return codes of either kind as unit vectors, float32 (photographs, versions, size).

    The 64 bits of a hash become 64 numbers of +1/8 and -1/8, so that two hashes at Hamming
    distance d have the cosine 1 - d / 32, exactly.
    """
    rows = [codes[name] for name in names.ravel()]
    if isinstance(rows[0], str):
        integers = np.array([int(code, 16) for code in rows], dtype=">u8")
        bits = np.unpackbits(integers.view(np.uint8)).reshape(len(rows), _HASH_BITS)
        vectors = (bits.astype(np.float32) * 2 - 1) / 8
    else:
        vectors = np.concatenate([np.asarray(row, np.float32).reshape(1, -1) for row in rows])
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.reshape(*names.shape, -1)


def positive_scores(vectors: Array) -> Array:
    """Return the cosine of each photograph and each of its copies, (photographs, edits)."""
    scores: Array = np.einsum("pd,pvd->pv", vectors[:, 0], vectors[:, 1:])
    return scores


def other_scores(left: Array, right: Array) -> Iterator[Array]:
    """Yield, in blocks, the cosines of versions of different photographs.

    Args:
        left: (photographs, versions, size).
        right: The same photographs in the same or other versions.
    """
    columns = right.reshape(-1, right.shape[-1])
    column_owner = np.arange(len(right)).repeat(right.shape[1])
    rows = left.reshape(-1, left.shape[-1])
    row_owner = np.arange(len(left)).repeat(left.shape[1])
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = rows[block] @ columns.T
        yield cosines[row_owner[block, None] != column_owner[None, :]]


def precision_and_recall(positives: Array, negatives: Iterator[Array]) -> tuple[Array, ...]:
    """Rank positive pairs among negative ones.

    Args:
        positives: Scores of positive pairs.
        negatives: Scores of negative pairs, in blocks.

    Returns:
        The distinct positive scores from the highest to the lowest, with the precision and the
        recall of all pairs that score at least as much.
    """
    scores, counts = np.unique(positives, return_counts=True)
    false = np.zeros(len(scores) + 1, np.int64)
    for block in negatives:
        # A negative counts against every positive score up to its own.
        false += np.bincount(
            np.searchsorted(scores, block, side="right"), minlength=len(scores) + 1
        )
    true_pairs = counts[::-1].cumsum()
    false_pairs = false[:0:-1].cumsum()
    return scores[::-1], true_pairs / (true_pairs + false_pairs), true_pairs / len(positives)


def measure(encoder: str, vectors: Array, thresholds: Mapping[str, float]) -> Quality:
    """Measure one encoder.

    Args:
        encoder: Its name.
        vectors: Unit vectors, (photographs, versions, size), the quarter turn last.
        thresholds: Cosine of each threshold, by the name to print.
    """
    by_edit = positive_scores(vectors)
    upright = by_edit[:, :-1].ravel()
    scores, precision, recall = precision_and_recall(
        upright, other_scores(vectors[:, :1], vectors[:, 1:-1])
    )
    precise = np.flatnonzero(precision >= 0.99)
    limit = scores[precise[-1]] if len(precise) else np.inf
    return Quality(
        encoder,
        float((np.diff(recall, prepend=0) * precision).sum()),
        float((upright >= limit).mean()),
        _at_thresholds(upright, vectors, thresholds),
        {name: float((by_edit[:, i] >= limit).mean()) for i, name in enumerate(EDITS)},
    )


def _at_thresholds(
    positives: Array, vectors: Array, thresholds: Mapping[str, float]
) -> tuple[AtThreshold, ...]:
    false, total = np.zeros(len(thresholds), np.int64), 0
    for block in other_scores(vectors, vectors):
        false += np.array([(block >= limit).sum() for limit in thresholds.values()], np.int64)
        total += block.size
    recalls = [float((positives >= threshold).mean()) for threshold in thresholds.values()]
    return tuple(
        AtThreshold(name, recall, count / total * 1e7)
        for name, recall, count in zip(thresholds, recalls, false.tolist(), strict=True)
    )


ENCODERS: Mapping[str, Callable[[], Any]] = {
    "CNN": lambda: CNN(verbose=False),
    "CNN-576": lambda: CNN(verbose=False, dim=_FASTDUP_SIZE),
    "PHash": lambda: PHash(verbose=False),
    "DHash": lambda: DHash(verbose=False),
    "AHash": lambda: AHash(verbose=False),
    "WHash": lambda: WHash(verbose=False),
}
COSINE_THRESHOLDS = {">= 0.90": 0.90, ">= 0.85": 0.85}
DISTANCE_THRESHOLDS = {"<= 10": 1 - 10 / 32}


def measure_encoder(name: str, folder: Path, names: Array) -> Quality:
    """Encode a folder with an encoder of the package and measure it."""
    codes = ENCODERS[name]().encode_images(image_dir=folder)
    thresholds = DISTANCE_THRESHOLDS if name.endswith("Hash") else COSINE_THRESHOLDS
    return measure(name, unit_vectors(codes, names), thresholds)


def measure_fastdup(python: Path, folder: Path, names: Array) -> Quality:
    """Encode a folder with the PyPI package fastdup in another process and measure it."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(
            [python, "-c", _FASTDUP_SCRIPT, folder, work],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SENTRY_OPT_OUT": "1"},
        )
        codes = _read_fastdup(Path(work))
    return measure("fastdup", unit_vectors(codes, names), COSINE_THRESHOLDS)


def _read_fastdup(work: Path) -> dict[str, Array]:
    features = np.fromfile(work / "atrain_features.dat", np.float32).reshape(-1, _FASTDUP_SIZE)
    listing = (work / "atrain_features.dat.csv").read_text().splitlines()[1:]
    files = [line.split(",", 1)[1].strip('"') for line in listing]
    return {Path(file).name: row for file, row in zip(files, features, strict=True)}


def _columns(quality: Quality) -> list[str]:
    limits = [
        f"{at.threshold}: {at.recall:.4f} / {at.false_pairs_per_ten_million:.1f}"
        for at in quality.at_thresholds
    ]
    return [
        quality.encoder,
        f"{quality.average_precision:.4f}",
        f"{quality.recall_at_99_precision:.4f}",
        ",  ".join(limits),
    ]


def format_tables(qualities: Sequence[Quality]) -> str:
    """Return the two tables, one row for each encoder and one for each edit."""
    summary = [
        ["encoder", "uAP", "R@P99", "threshold: recall / false pairs in ten million"],
        *map(_columns, qualities),
    ]
    edits = [["recall at 99 % precision", *(quality.encoder for quality in qualities)]]
    edits += [[name, *(f"{q.recall_by_edit[name]:.3f}" for q in qualities)] for name in EDITS]
    return f"{_aligned(summary)}\n\n{_aligned(edits)}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photographs", type=Path, help="folder of photographs")
    parser.add_argument("--encoders", nargs="*", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--fastdup-python", type=Path, help="interpreter that has fastdup")
    parser.add_argument("--every-second", action="store_true", help="the 2nd, 4th, 6th, ... only")
    parser.add_argument("--limit", type=int, help="at most this many photographs")
    parser.add_argument("--seed", type=int, default=0, help="seed of the edits")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    return parser


def main() -> None:
    """Make the copies, measure, and print."""
    arguments = _parser().parse_args()
    photographs = list_photographs(
        arguments.photographs, every_second=arguments.every_second, limit=arguments.limit
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        names = write_versions(photographs, folder, arguments.seed)
        qualities = [measure_encoder(name, folder, names) for name in arguments.encoders]
        if arguments.fastdup_python:
            qualities.append(measure_fastdup(arguments.fastdup_python, folder, names))
    print(f"{len(photographs)} photographs, {names.size} files\n\n{format_tables(qualities)}")
    if arguments.json:
        numbers = [asdict(quality) for quality in qualities]
        arguments.json.write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
