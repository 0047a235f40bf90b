"""`imagededup evaluate` and `imagededup sweep`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.commands.options import Folder, Method, Recursive, encoder_of, output_path
from imagededup.errors import InvalidValueError

if TYPE_CHECKING:
    from imagededup.evaluation import OperatingPoint, ThresholdSweep

__all__ = ["evaluate", "sweep"]

_CLASSES = ("different", "duplicate")
_PER_CLASS = ("precision", "recall", "f1-score", "support")


class Metric(StrEnum):
    """What is measured."""

    MAP = "map"
    NDCG = "ndcg"
    JACCARD = "jaccard"
    CLASSIFICATION = "classification"
    ALL = "all"


class EmptyQueries(StrEnum):
    """How images without duplicates count for which none was retrieved."""

    PERFECT = "perfect"
    SKIP = "skip"


GroundTruth = Annotated[
    Path,
    typer.Argument(
        show_default=False,
        help="The true duplicates: a .json map, a .csv file of pairs, or a folder with a subfolder "
        "per group.",
    ),
]
Output = Annotated[
    str | None, typer.Option("--output", "-o", help="Write to this .json or .csv file.")
]


def evaluate(
    ground_truth: GroundTruth,
    result: Annotated[
        Path, typer.Argument(help="The .json file that find wrote.", show_default=False)
    ],
    metric: Annotated[Metric, typer.Option(help="What is measured.")] = Metric.ALL,
    empty_queries: Annotated[
        EmptyQueries, typer.Option(help="How images without any duplicates count in means.")
    ] = EmptyQueries.PERFECT,
    output: Output = None,
) -> None:
    """Compare found duplicates with the true ones.

    \b
    Examples:
      imagededup find photos --scores --output found.json
      imagededup evaluate truth.json found.json
      imagededup evaluate pairs.csv found.json --metric classification --output metrics.csv
    """
    from imagededup import evaluation

    path = None if output is None else output_path(output)
    metrics = evaluation.evaluate(
        evaluation.load_ground_truth(ground_truth),
        evaluation.load_retrieved_map(result),
        metric.value,
        empty_queries.value,
    )
    values = {
        name: value if isinstance(value, float) else value.tolist()
        for name, value in metrics.items()
    }
    rows = [
        (name, _CLASSES[place] if name in _PER_CLASS else "", number)
        for name, value in values.items()
        for place, number in enumerate(value if isinstance(value, list) else [value])
    ]
    for name, pairs, number in rows:
        shown = f"{number:,}" if name == "support" else f"{number:.4f}"
        typer.echo(f"{name:10} {pairs:10} {shown:>16}".rstrip())
    _write(path, values, ("metric", "pairs", "value"), rows)


def sweep(
    folder: Folder,
    ground_truth: GroundTruth,
    methods: Annotated[
        str, typer.Option("--methods", "-m", help="Methods to try, separated by commas.")
    ] = "phash,dhash,ahash,whash,cnn",
    beta: Annotated[float, typer.Option(help="Above 1 prefers recall, below 1 precision.")] = 1.0,
    recursive: Recursive = False,
    every: Annotated[bool, typer.Option("--all", help="Print all thresholds.")] = False,
    output: Output = None,
) -> None:
    """Find the best threshold of each method on images whose duplicates are known.

    The file of --output has all thresholds.

    \b
    Examples:
      imagededup sweep photos truth.json
      imagededup sweep photos pairs.csv --methods phash,cnn --beta 0.5 --output sweep.csv
    """
    from imagededup.evaluation import best_threshold, load_ground_truth

    path = None if output is None else output_path(output)
    chosen = _methods(methods)
    truth = load_ground_truth(ground_truth)
    typer.echo(
        f"{'method':8}{'threshold':>10}{'precision':>11}{'recall':>9}{'F score':>9}{'pairs':>12}"
    )
    rows = []
    for method in chosen:
        found = best_threshold(encoder_of(method), truth, folder, beta=beta, recursive=recursive)
        for point in found.points if every else [found.best]:
            _print_point(method, point)
        rows += _rows(method, found)
    header = (
        "method",
        "threshold",
        "precision",
        "recall",
        "f_score",
        "correct",
        "retrieved",
        "best",
    )
    _write(path, [dict(zip(header, row, strict=True)) for row in rows], header, rows)


def _methods(names: str) -> list[Method]:
    try:
        return [Method(name.strip()) for name in names.split(",")]
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


def _write(path: Path | None, result: Any, header: tuple[str, ...], rows: list[Any]) -> None:  # noqa: ANN401
    from imagededup.utils.files import write_csv, write_json

    if path is None:
        return
    if path.suffix == ".csv":
        write_csv(path, header, rows)
    else:
        write_json(path, result)
    typer.echo(f"Written to {path}")
