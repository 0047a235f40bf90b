"""`imagededup find`."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from imagededup.commands.encodings import agreed_method, check_needs_folder, read_if_file
from imagededup.commands.forms import MOST_PAIRS, Format, groups, json_parts, write_result
from imagededup.commands.options import (
    Candidates,
    FullDecode,
    Method,
    Recursive,
    Relations,
    Threshold,
    Verify,
    output_path,
    search,
    verification,
)
from imagededup.commands.reading import Reading, reads_images
from imagededup.commands.related import Related, duplicates_of_each
from imagededup.commands.summary import summary_lines
from imagededup.errors import InvalidValueError
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates

__all__ = ["find"]

_FOUND = 3


@reads_images
def find(
    folder: Annotated[
        list[str],
        typer.Argument(
            metavar="FOLDER",
            show_default=False,
            help="Folder with the images; or an archive, a video, a text file with a path in each "
            "row, a URL, or a file that encode wrote. Several are taken together.",
        ),
    ],
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
        list[str] | None,
        typer.Option(
            metavar="FOLDER",
            show_default=False,
            help="Find the images of FOLDER that duplicate an image of this folder, or of this "
            "file that encode wrote; may be given several times.",
        ),
    ] = None,
    verify: Verify = False,
    candidates: Candidates = None,
    relations: Relations = None,
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
    *,
    reading: Reading,
) -> None:
    """Find groups of duplicate images.

    \b
    Examples:
      imagededup find photos
      imagededup find photos -r --scores -o found.json
      imagededup find photos --method cnn --verify --scores
      imagededup find photos --format groups -o groups.csv
      imagededup find new --against archive --threshold 6
      imagededup find new.json --against archive.csv
    """
    path = None if output in (None, "-") else output_path(str(output), (".json", ".csv", ".jsonl"))
    verifying = verification(verify, candidates, relations)
    found = _search(
        folder, against or None, method, threshold, recursive, full_decode, verifying, reading
    )
    by_pairs = form is Format.PAIRS and (output is not None or bool(against))
    if by_pairs and not all_pairs:
        _check_count(found.pair_count)
    if output is None:
        _print((_pair_lines if by_pairs else _group_lines)(found, scores), sys.stdout)
    _print(summary_lines(found), sys.stderr if output == "-" else sys.stdout)
    if path is not None:
        write_result(path, found, form, scores)
        typer.echo(f"Written to {shown(str(output))}")
    elif output == "-":
        sys.stdout.writelines(json_parts(found, form, scores))
    if fail_if_found and found.pair_count:
        raise typer.Exit(_FOUND)


def _search(
    folder: list[str],
    against: list[str] | None,
    method: Method | None,
    threshold: float | None,
    recursive: bool,
    full_decode: bool,
    verifying: dict[str, Any],
    reading: Reading,
) -> "Duplicates":
    """Search folders, or files that encode wrote."""
    images = read_if_file(folder)
    others = None if against is None else read_if_file(against)
    for file in (images, others):
        if file is not None and verifying["verify"]:
            raise InvalidValueError(
                f"--verify needs a folder with the images themselves, {str(file.path)!r} is a file"
            )
    if images is not None and (against is None or others is not None):
        check_needs_folder(images.path, recursive, full_decode)
    arguments: dict[str, Any] = {"recursive": recursive, **verifying}
    if images is None:
        arguments["image_dir"] = reading.sources(folder)
    else:
        arguments["encoding_map"] = images
    if against is not None:
        arguments["against"] = reading.sources(against) if others is None else others
    chosen = agreed_method(method, images, others)
    return search(chosen, threshold, full_decode, reading.cache_dir, **arguments)


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
        for member in group.members:
            yield f"  {shown(member.name)}{_detail(found, member, scores)}"
        yield ""


def _pair_lines(found: "Duplicates", scores: bool) -> Iterator[str]:
    for name, duplicates in duplicates_of_each(found):
        if duplicates:
            yield shown(name)
        for duplicate in duplicates:
            yield f"  {shown(duplicate.name)}{_detail(found, duplicate, scores)}"


def _detail(found: "Duplicates", one: Related, scores: bool) -> str:
    """What stands behind a duplicate: its relation if it was verified, its score if asked for."""
    if one.score is None:
        words = ["by others"] if scores or found.verdicts is not None else []
    else:
        words = [one.word] if one.word else []
        words += [found.describe_score(one.score)] if scores else []
    return f"  ({', '.join(words)})" if words else ""


def _print(lines: Iterable[str], file: TextIO) -> None:
    file.writelines(f"{line}\n" for line in lines)
    file.flush()
