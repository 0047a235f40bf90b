"""`imagededup find`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from imagededup.commands.encodings import agreed_method, check_needs_folder, read_if_file
from imagededup.commands.forms import MOST_PAIRS, Format, groups, json_parts, write_result
from imagededup.commands.options import (
    FolderOrFile,
    FullDecode,
    Method,
    Recursive,
    Threshold,
    output_path,
    search,
)
from imagededup.errors import InvalidValueError
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates

__all__ = ["find"]

_FOUND = 3


def find(
    folder: FolderOrFile,
    method: Annotated[
        Method | None,
        typer.Option(
            "--method",
            "-m",
            metavar="METHOD",
            help="How images are compared: phash (the default), dhash, ahash, whash or cnn; that "
            "of the file where FOLDER is one.",
            show_default=False,
        ),
    ] = None,
    threshold: Threshold = None,
    recursive: Recursive = False,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Find the images of FOLDER that duplicate an image of this folder, or of this "
            "file that encode wrote.",
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", "-s", help="Show distances or similarities.")
    ] = False,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="What --output writes: pairs, or groups, which stay small however many images "
            "are identical.",
        ),
    ] = Format.PAIRS,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help=f"Write more than {MOST_PAIRS:,} pairs.")
    ] = False,
    full_decode: FullDecode = False,
    fail_if_found: Annotated[
        bool, typer.Option("--fail-if-found", help="Exit with code 3 if there are duplicates.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this .json, .csv or .jsonl file; - prints JSON.",
        ),
    ] = None,
) -> None:
    """Find groups of duplicate images.

    \b
    Examples:
      imagededup find photos
      imagededup find photos -r --scores -o found.json
      imagededup find photos --format groups -o groups.csv
      imagededup find new --against archive --threshold 6
      imagededup find new.json --against archive.csv
    """
    path = None if output in (None, "-") else output_path(str(output), (".json", ".csv", ".jsonl"))
    found = _search(folder, against, method, threshold, recursive, full_decode)
    by_pairs = form is Format.PAIRS and (output is not None or against is not None)
    if by_pairs and not all_pairs:
        _check_count(found.pair_count)
    if output is None:
        _print((_pair_lines if by_pairs else _group_lines)(found, scores), sys.stdout)
    _print(_summary_lines(found), sys.stderr if output == "-" else sys.stdout)
    if path is not None:
        write_result(path, found, form, scores)
        typer.echo(f"Written to {shown(str(output))}")
    elif output == "-":
        sys.stdout.writelines(json_parts(found, form, scores))
    if fail_if_found and found.pair_count:
        raise typer.Exit(_FOUND)


def _search(
    folder: Path,
    against: Path | None,
    method: Method | None,
    threshold: float | None,
    recursive: bool,
    full_decode: bool,
) -> "Duplicates":
    """Search folders, or files that encode wrote."""
    images = read_if_file(folder)
    others = None if against is None else read_if_file(against)
    if images is not None and (against is None or others is not None):
        check_needs_folder(folder, recursive, full_decode)
    arguments: dict[str, Any] = {"recursive": recursive}
    arguments |= {"image_dir": folder} if images is None else {"encoding_map": images.codes}
    arguments["against"] = against if others is None else others.codes
    return search(agreed_method(method, images, others), threshold, full_decode, **arguments)


def _check_count(pairs: int) -> None:
    if pairs > MOST_PAIRS:
        raise InvalidValueError(
            f"{pairs:,} pairs were found, more than {MOST_PAIRS:,}: --format groups writes the "
            "groups instead, --all-pairs writes the pairs all the same"
        )


def _group_lines(found: "Duplicates", scores: bool) -> Iterator[str]:
    against = found.reference_names is not None
    for number, group in enumerate(groups(found), 1):
        if against:
            duplicates = counted(len(group.members), "duplicate")
            yield f"Group {number}: {duplicates} of {shown(group.representative)}"
        else:
            yield f"Group {number}: {counted(len(group.members) + 1, 'image')}"
            yield f"  {shown(group.representative)}"
        for name, score in group.members:
            yield f"  {shown(name)}{_detail(found, score) if scores else ''}"
        yield ""


def _pair_lines(found: "Duplicates", scores: bool) -> Iterator[str]:
    for name, duplicates in found.entries(scores=True):
        if duplicates:
            yield shown(name)
        for duplicate, score in duplicates:
            yield f"  {shown(duplicate)}{_detail(found, score) if scores else ''}"


def _detail(found: "Duplicates", score: float | None) -> str:
    return f"  ({'by others' if score is None else found.describe_score(score)})"


def _summary_lines(found: "Duplicates") -> Iterator[str]:
    removable = f"{len(found.to_remove()):,}"
    images, pairs = counted(len(found.names), "image"), counted(found.pair_count, "pair")
    if found.reference_names is None:
        count = counted(len(found.clusters()), "group")
        yield f"{images}, {count} of duplicates ({pairs}), {removable} can be removed"
    else:
        others = counted(len(found.reference_names), "image")
        yield f"{images}, {removable} of them with a duplicate among the other {others} ({pairs})"
    if found.failures:
        yield f"{counted(len(found.failures), 'file')} could not be read"


def _print(lines: Iterable[str], file: TextIO) -> None:
    file.writelines(f"{line}\n" for line in lines)
    file.flush()
