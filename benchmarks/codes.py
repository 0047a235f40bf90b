"""The codes of files by encoders of the package, and by the PyPI package fastdup."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.methods import CNN, AHash, DHash, PHash, WHash

__all__ = ["DEFAULTS", "ENCODERS", "FASTDUP", "encode", "similar_pairs", "similarities"]

Array = NDArray[Any]

ENCODERS: Mapping[str, Callable[[], Any]] = {
    "CNN": lambda: CNN(verbose=False),
    "CNN-576": lambda: CNN(verbose=False, dim=576),
    "PHash": lambda: PHash(verbose=False),
    "DHash": lambda: DHash(verbose=False),
    "AHash": lambda: AHash(verbose=False),
    "WHash": lambda: WHash(verbose=False),
}
FASTDUP = "fastdup"

_COSINES = {">= 0.90": 0.90, ">= 0.85": 0.85}
_DISTANCE = {"<= 10": 1 - 10 / 32}
DEFAULTS: Mapping[str, Mapping[str, float]] = {
    name: _DISTANCE if name.endswith("Hash") else _COSINES for name in (*ENCODERS, FASTDUP)
}
"""The cosine of each threshold, by the name to print; the package's default first."""

_BLOCK = 512
_HASH_BITS = 64
_FASTDUP_SIZE = 576
_FASTDUP_SCRIPT = (
    "import sys, fastdup; fastdup.run(input_dir=sys.argv[1], work_dir=sys.argv[2], run_mode=1)"
)


def encode(encoder: str, folder: Path, names: Sequence[str], fastdup_python: Path | None) -> Array:
    """Encode the files of a folder.

    Args:
        encoder: One of `ENCODERS`, or fastdup.
        folder: The folder.
        names: The files in the order in which their codes are wanted.
        fastdup_python: The interpreter that has fastdup; it runs in a process of its own.

    Returns:
        Unit vectors, float32 of shape (n, d). The 64 bits of a hash become 64 numbers of +1/8 and
        -1/8, so that two hashes at Hamming distance d have the cosine 1 - d / 32, exactly.
    """
    if encoder == FASTDUP:
        codes = _fastdup_codes(fastdup_python, folder)
    else:
        codes = ENCODERS[encoder]().encode_images(image_dir=folder)
    rows = [codes[name] for name in names]
    if isinstance(rows[0], str):
        integers = np.array([int(code, 16) for code in rows], dtype=">u8")
        bits = np.unpackbits(integers.view(np.uint8)).reshape(len(rows), _HASH_BITS)
        return (bits.astype(np.float32) * 2 - 1) / 8
    vectors: Array = np.concatenate([np.asarray(row, np.float32).reshape(1, -1) for row in rows])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _fastdup_codes(python: Path | None, folder: Path) -> dict[str, Array]:
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        subprocess.run(
            [str(python), "-c", _FASTDUP_SCRIPT, folder, work],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "SENTRY_OPT_OUT": "1"},
        )
        features = np.fromfile(work / "atrain_features.dat", np.float32).reshape(-1, _FASTDUP_SIZE)
        listing = (work / "atrain_features.dat.csv").read_text().splitlines()[1:]
    files = [line.split(",", 1)[1].strip('"') for line in listing]
    return {Path(file).name: row for file, row in zip(files, features, strict=True)}


def similarities(left: Array, right: Array) -> Iterator[tuple[slice, Array]]:
    """Yield the cosines of some rows of `left` with all of `right`, and which rows they are."""
    for start in range(0, len(left), _BLOCK):
        rows = slice(start, start + _BLOCK)
        yield rows, left[rows] @ right.T


def similar_pairs(
    left: Array, right: Array, floor: float, left_group: Array, right_group: Array
) -> Iterator[Array]:
    """Yield, in blocks, the cosines of at least `floor` of rows that are of different groups."""
    for rows, cosines in similarities(left, right):
        row, column = np.nonzero(cosines >= floor)
        different = left_group[rows][row] != right_group[column]
        yield cosines[row[different], column[different]]
