"""`imagededup evaluate`."""

from typing import Annotated

import typer

from imagededup.commands.options import GroundTruth, Output, Result, check_table, write_table
from imagededup.utils.options import EmptyQueries, Metric

__all__ = ["evaluate"]

_CLASSES = ("different", "duplicate")
_PER_CLASS = ("precision", "recall", "f1-score", "support")


def evaluate(
    ground_truth: GroundTruth,
    result: Result,
    metric: Annotated[
        Metric,
        typer.Option(
            metavar="METRIC", help="What is measured: map, ndcg, jaccard, classification or all."
        ),
    ] = Metric.ALL,
    empty_queries: Annotated[
        EmptyQueries,
        typer.Option(
            metavar="RULE",
            help="How images without any duplicates count in means: perfect or skip.",
        ),
    ] = EmptyQueries.PERFECT,
    output: Output = None,
) -> None:
    """Compare found duplicates with the true ones.

    \b
    Examples:
      imagededup find photos --scores -o found.json
      imagededup evaluate truth.json found.json
      imagededup evaluate pairs.csv found.json --metric map
    """
    from imagededup import evaluation

    check_table(output)
    metrics = evaluation.evaluate(
        evaluation.load_ground_truth(ground_truth),
        evaluation.load_retrieved_map(result),
        metric.value,
        empty_queries.value,
    )
    values = {
        name: value if isinstance(value, float) else value.tolist()
        for name, value in metrics.items()
        if name != "f1_score"  # the same as 'f1-score'
    }
    rows = [
        (name, _CLASSES[place] if name in _PER_CLASS else "", number)
        for name, value in values.items()
        for place, number in enumerate(value if isinstance(value, list) else [value])
    ]
    for name, pairs, number in rows:
        shown = f"{number:,}" if name == "support" else f"{number:.4f}"
        typer.echo(f"{name:10} {pairs:10} {shown:>16}".rstrip())
    write_table(output, values, ("metric", "pairs", "value"), rows)
