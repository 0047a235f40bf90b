"""`imagededup plot`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.commands.command import Command
from imagededup.commands.options import Folder, GroundTruth, Result
from imagededup.errors import InvalidValueError
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.evaluation import PrecisionRecallCurve

__all__ = ["plots"]

plots = typer.Typer(
    help="Draw duplicates, clusters, precision and recall, or similarities.",
    rich_markup_mode=None,
)

Picture = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The picture: .png, .jpg, .pdf or .svg.",
        show_default=False,
    ),
]

Against = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="The folder of the duplicates, if it is another one."),
]


@plots.command(cls=Command)
def duplicates(
    folder: Folder,
    result: Result,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The image.", show_default=False)],
    output: Picture,
    against: Against = None,
) -> None:
    """Draw an image with its duplicates.

    \b
    Examples:
      imagededup plot duplicates photos found.json a.jpg -o a.png
    """
    from imagededup.evaluation import load_retrieved_map
    from imagededup.utils import plot_duplicates

    plot_duplicates(folder, load_retrieved_map(result), name, output, against=against)
    typer.echo(f"Written to {shown(output)}")


@plots.command(cls=Command)
def clusters(
    folder: Folder,
    result: Result,
    output: Picture,
    most: Annotated[
        int, typer.Option("--most", metavar="NUMBER", help="How many clusters at most.")
    ] = 10,
    against: Against = None,
) -> None:
    """Draw the largest clusters, one in a row.

    With --against a row is an image and its duplicates in the other folder.

    \b
    Examples:
      imagededup plot clusters photos found.json -o c.png
    """
    from imagededup.evaluation import load_retrieved_map
    from imagededup.methods.results import clusters_of
    from imagededup.utils import plot_clusters

    found = load_retrieved_map(result)
    plot_clusters(folder, found, output, max_clusters=most, against=against)
    count = len(clusters_of(found)) if against is None else sum(map(bool, found.values()))
    typer.echo(f"{counted(count, 'cluster')}, written to {shown(output)}")


@plots.command("precision-recall", cls=Command)
def precision_recall(
    ground_truth: GroundTruth,
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT", help="Files that find wrote with --scores.", show_default=False
        ),
    ],
    output: Picture,
) -> None:
    """Draw precision over recall for one or several results with scores.

    \b
    Examples:
      imagededup plot precision-recall truth.csv a.json b.json -o c.png
    """
    from imagededup.evaluation import (
        load_ground_truth,
        load_retrieved_map,
        precision_recall_curve,
    )
    from imagededup.utils import plot_precision_recall

    truth = load_ground_truth(ground_truth)
    curves: dict[str, PrecisionRecallCurve] = {
        result.stem: precision_recall_curve(truth, load_retrieved_map(result)) for result in results
    }
    if len(curves) < len(results):
        raise InvalidValueError("results must have different names: they label the curves")
    plot_precision_recall(curves, output)
    typer.echo(f"Written to {shown(output)}")


@plots.command(cls=Command)
def histogram(
    result: Result,
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold",
            "-t",
            metavar="NUMBER",
            help="Where to draw the line.",
            show_default=False,
        ),
    ],
    output: Picture,
) -> None:
    """Draw how often each score occurs, with a threshold.

    \b
    Examples:
      imagededup find photos -t 32 --scores -o found.json
      imagededup plot histogram found.json -t 10 -o scores.png
    """
    from imagededup.evaluation import load_retrieved_map
    from imagededup.utils import plot_similarity_histogram

    scores = _scores(load_retrieved_map(result))
    whole = all(isinstance(score, int) for score in scores)
    name = "distance" if whole else "similarity"
    plot_similarity_histogram(scores, threshold, output, score_name=name)
    typer.echo(f"{counted(len(scores), 'pair')}, written to {shown(output)}")


def _scores(found: dict[str, list[Any]]) -> list[float]:
    """The score of every pair once."""
    scores = {}
    for name, entries in found.items():
        for entry in entries:
            if not isinstance(entry, tuple):
                raise InvalidValueError(
                    f"the result must have scores, got {json.dumps(entry)}: find it with --scores"
                )
            scores[frozenset((name, entry[0]))] = entry[1]
    if not scores:
        raise InvalidValueError("the result must have at least one pair of duplicates")
    return list(scores.values())
