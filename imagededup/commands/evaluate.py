"""`imagededup evaluate`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

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
    two_collections: Annotated[
        bool,
        typer.Option(
            "--two-collections",
            help="Whether the duplicates are images of another folder: find was given --against.",
        ),
    ] = False,
    output: Output = None,
) -> None:
    """Compare found duplicates with the true ones.

    \b
    Examples:
      imagededup find photos --scores -o found.json
      imagededup evaluate truth.json found.json
      imagededup evaluate pairs.csv found.json --metric map
      imagededup evaluate new_old.csv found.json --two-collections
    """
    from imagededup import evaluation

    check_table(output)
    truth = evaluation.load_ground_truth(ground_truth, two_collections=two_collections)
    found = evaluation.load_retrieved_map(result)
    metrics = evaluation.evaluate(
        truth,
        found,
        metric.value,
        empty_queries.value,
        references=_references(truth, found) if two_collections else None,
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


def _references(*maps: Mapping[str, Sequence[Any]]) -> set[str] | None:
    """The names of the second collection that occur; None without any."""
    entries = (entry for found in maps for entries in found.values() for entry in entries)
    names = (entry[0] if isinstance(entry, tuple) and entry else entry for entry in entries)
    return {name for name in names if isinstance(name, str)} or None
