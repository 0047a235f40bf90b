"""`imagededup sweep`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.commands.encodings import agreed_method, check_needs_folder, read_if_file
from imagededup.commands.options import (
    FolderOrFile,
    FullDecode,
    GroundTruth,
    Method,
    Output,
    Recursive,
    check_table,
    encoder_of,
    write_table,
)
from imagededup.commands.reading import Reading, reads_images
from imagededup.errors import InvalidValueError

if TYPE_CHECKING:
    from imagededup.evaluation import OperatingPoint, ThresholdSweep

__all__ = ["sweep"]

_HEADER = (
    "method",
    "threshold",
    "precision",
    "recall",
    "f_score",
    "correct",
    "retrieved",
    "best",
)


@reads_images
def sweep(
    folder: FolderOrFile,
    ground_truth: GroundTruth,
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            "-m",
            metavar="METHODS",
            help="Methods to try, separated by commas; by default phash,dhash,ahash,whash,cnn, or "
            "that of the file where FOLDER is one.",
            show_default=False,
        ),
    ] = None,
    beta: Annotated[
        float, typer.Option(metavar="NUMBER", help="Above 1 prefers recall, below 1 precision.")
    ] = 1.0,
    recursive: Recursive = False,
    full_decode: FullDecode = False,
    every: Annotated[bool, typer.Option("--all", help="Print all thresholds.")] = False,
    output: Output = None,
    *,
    reading: Reading,
) -> None:
    """Find the best threshold of each method by known duplicates.

    Each file is decoded once for all hashes. The file of --output has all thresholds.

    \b
    Examples:
      imagededup sweep photos truth.json
      imagededup sweep photos pairs.csv -m phash,cnn --beta 0.5
      imagededup sweep hashes.json truth.json -o sweep.csv
    """
    check_table(output)
    found = _sweep(folder, ground_truth, methods, beta, recursive, full_decode, reading)
    typer.echo(
        f"{'method':8}{'threshold':>10}{'precision':>11}{'recall':>9}{'F score':>9}{'pairs':>12}"
    )
    rows = []
    for method, result in found.items():
        for point in result.points if every else [result.best]:
            _print_point(method, point)
        rows += _rows(method, result)
    write_table(output, [dict(zip(_HEADER, row, strict=True)) for row in rows], _HEADER, rows)


def _sweep(
    folder: Path,
    ground_truth: Path,
    methods: str | None,
    beta: float,
    recursive: bool,
    full_decode: bool,
    reading: Reading,
) -> "dict[Method, ThresholdSweep]":
    from imagededup.evaluation import best_threshold, load_ground_truth
    from imagededup.evaluation.operating_points import check_beta
    from imagededup.methods.encoder import encode_together

    check_beta(beta)
    chosen = None if methods is None else _methods(methods)
    file = read_if_file([str(folder)])
    truth = load_ground_truth(ground_truth)
    if file is not None:
        check_needs_folder(folder, recursive, full_decode)
        named = [agreed_method(method, file) for method in chosen or (None,)]
        encoders = {method: encoder_of(method) for method in named}
        encoded: Any = [file] * len(named)
    else:
        encoders = {
            method: encoder_of(
                method,
                full_decode and (method is not Method.CNN or chosen == [method]),
                reading.cache_dir,
            )
            for method in chosen or Method
        }
        encoded = encode_together(list(encoders.values()), reading.sources(str(folder)), recursive)
    return {
        method: best_threshold(encoder, truth, encoding_map=images, beta=beta)
        for (method, encoder), images in zip(encoders.items(), encoded, strict=True)
    }


def _methods(names: str) -> list[Method]:
    try:
        return list(dict.fromkeys(Method(name.strip()) for name in names.split(",")))
    except ValueError:
        allowed = ", ".join(Method)
        raise InvalidValueError(f"--methods must be among {allowed}, got {names!r}") from None


def _rows(method: Method, found: "ThresholdSweep") -> list[tuple[Any, ...]]:
    return [
        (
            method.value,
            point.threshold,
            point.precision,
            point.recall,
            point.f_score,
            point.correct,
            point.retrieved,
            point == found.best,
        )
        for point in found.points
    ]


def _print_point(method: Method, point: "OperatingPoint") -> None:
    typer.echo(
        f"{method.value:8}{point.threshold:>10g}{point.precision:>11.4f}{point.recall:>9.4f}"
        f"{point.f_score:>9.4f}{point.retrieved:>12,}"
    )
