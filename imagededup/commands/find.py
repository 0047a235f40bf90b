"""`imagededup find`."""

from typing import TYPE_CHECKING, Annotated

import typer

from imagededup.commands.options import (
    Against,
    Folder,
    Method,
    MethodOption,
    Recursive,
    Threshold,
    output_path,
    search,
)
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates

__all__ = ["find"]


def find(
    folder: Folder,
    method: MethodOption = Method.PHASH,
    threshold: Threshold = None,
    recursive: Recursive = False,
    against: Against = None,
    scores: Annotated[bool, typer.Option("--scores", "-s", help="Show the distances.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write to this .json or .csv file; - prints JSON."),
    ] = None,
) -> None:
    """Find groups of duplicate images.

    \b
    Examples:
      imagededup find photos
      imagededup find photos --recursive --scores --output duplicates.json
      imagededup find new_photos --against archive --threshold 6
    """
    from imagededup.utils.files import json_lines, write_json

    path = None if output in (None, "-") else output_path(str(output))
    found = search(method, threshold, image_dir=folder, recursive=recursive, against=against)
    if output == "-":
        for part in json_lines(found.to_dict(scores)):
            typer.echo(part, nl=False)
    elif path is None:
        _print_matches(found, scores)
        _print_summary(found)
    else:
        found.write_csv(path) if path.suffix == ".csv" else write_json(path, found.to_dict(scores))
        _print_summary(found)
        typer.echo(f"Written to {path}")


def _print_matches(found: "Duplicates", scores: bool) -> None:
    if found.reference_names is not None:
        _print_references(found, scores)
        return
    clusters = found.clusters()
    direct = found.scores_to_representatives(clusters) if scores else {}
    for number, cluster in enumerate(clusters, 1):
        typer.echo(f"Group {number}: {counted(len(cluster.members), 'image')}")
        for name in cluster.members:
            detail = ""
            if scores and name != cluster.representative:
                score = found.describe_score(direct[name]) if name in direct else "by others"
                detail = f"  ({score})"
            typer.echo(f"  {shown(name)}{detail}")
        typer.echo("")


def _print_references(found: "Duplicates", scores: bool) -> None:
    for name, duplicates in found.to_dict(scores=True).items():
        if duplicates:
            typer.echo(shown(name))
        for duplicate, score in duplicates:
            detail = f"  ({found.describe_score(score)})" if scores else ""
            typer.echo(f"  {shown(duplicate)}{detail}")


def _print_summary(found: "Duplicates") -> None:
    removable = len(found.to_remove())
    images = counted(len(found.names), "image")
    if found.reference_names is None:
        groups = counted(len(found.clusters()), "group")
        typer.echo(f"{images}, {groups} of duplicates, {removable} can be removed")
    else:
        others = counted(len(found.reference_names), "image")
        typer.echo(f"{images}, {removable} of them with a duplicate among the other {others}")
    if found.failures:
        typer.echo(f"{counted(len(found.failures), 'file')} could not be read")
