"""The command `imagededup`.

Results go to standard output, everything else to standard error. The exit code is 0 on success,
1 when something could not be done, and 2 for wrong usage.
"""

import logging
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup import __version__
from imagededup.errors import (
    FileOperationError,
    ImageDedupError,
    InvalidTypeError,
    InvalidValueError,
)

if TYPE_CHECKING:
    from imagededup.methods.duplicates import Duplicates, Removal
    from imagededup.methods.hashing import Hashing

__all__ = ["app", "run"]

FAILURE = 1
WRONG_USAGE = 2
INTERRUPTED = 130

app = typer.Typer(
    name="imagededup",
    help="Find exact and near duplicate images. Nothing is ever sent anywhere.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Method(StrEnum):
    """The encoders."""

    PHASH = "phash"
    DHASH = "dhash"
    AHASH = "ahash"
    WHASH = "whash"


class Keep(StrEnum):
    """Which image of several duplicates stays."""

    FIRST = "first"
    LARGEST_RESOLUTION = "largest_resolution"
    LARGEST_FILE = "largest_file"
    OLDEST = "oldest"


Folder = Annotated[Path, typer.Argument(help="Folder with the images.", show_default=False)]
MethodOption = Annotated[Method, typer.Option("--method", "-m", help="How images are compared.")]
Threshold = Annotated[
    int, typer.Option("--threshold", "-t", help="Largest distance of duplicates in bits, 0 to 64.")
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Take the images of the folders within as well.")
]
Against = Annotated[
    Path | None,
    typer.Option(help="Find the images of FOLDER that duplicate an image of this folder."),
]


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        KeyboardInterrupt: The user interrupted.
    """
    _log_to_stderr()
    try:
        code = app(list(arguments), prog_name="imagededup", standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except (InvalidValueError, InvalidTypeError) as error:
        return _complain(error, WRONG_USAGE)
    except ImageDedupError as error:
        return _complain(error, FAILURE)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not wrong usage that Typer found
            raise
        return _complain(error.format_message(), WRONG_USAGE)
    if code == INTERRUPTED:  # Typer has caught the interrupt
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


@app.callback(invoke_without_command=True)
def _main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"imagededup {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def find(
    folder: Folder,
    method: MethodOption = Method.PHASH,
    threshold: Threshold = 10,
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

    path = None if output in (None, "-") else _output_path(str(output))
    found = _encoder(method).search(
        folder, max_distance_threshold=threshold, recursive=recursive, against=against
    )
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


@app.command()
def remove(
    folder: Folder,
    method: MethodOption = Method.PHASH,
    threshold: Threshold = 10,
    recursive: Recursive = False,
    against: Against = None,
    keep: Annotated[
        Keep, typer.Option(help="Which image of several duplicates stays.")
    ] = Keep.FIRST,
    move_to: Annotated[
        Path | None, typer.Option("--move-to", help="Move the duplicates into this folder.")
    ] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete them; needs --yes.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --delete.")] = False,
) -> None:
    """Remove duplicates, so that one image of each kind stays.

    Without --move-to or --delete nothing is changed: the command says what it would do.

    \b
    Examples:
      imagededup remove photos
      imagededup remove photos --keep largest_resolution --move-to duplicates
      imagededup remove new_photos --against archive --delete --yes
    """
    _check_action(folder, recursive, move_to, delete, yes)
    found = _encoder(method).search(
        folder, max_distance_threshold=threshold, recursive=recursive, against=against
    )
    removals = found.removals(keep.value)
    failed = 0
    for removal in removals:
        try:
            done = _apply(found, removal, move_to, delete)
        except FileOperationError as error:
            failed += 1
            typer.echo(f"imagededup: {error}", err=True)
        else:
            detail = f"{found.score_name} {removal.score:g}"
            typer.echo(f"{done} (duplicate of {_shown(removal.duplicate_of)}, {detail})")
    count = f"{len(removals) - failed} of {_counted(len(found.names), 'image')}"
    if move_to is not None or delete:
        typer.echo(f"{count} {'deleted' if delete else 'moved'}")
    else:
        typer.echo(f"{count} would be removed; nothing was changed")
        typer.echo("To act, add --move-to DIR or --delete --yes", err=True)
    if failed:
        raise typer.Exit(FAILURE)


@app.command()
def encode(
    folder: Folder,
    output: Annotated[
        str, typer.Option("--output", "-o", help="The .json or .csv file.", show_default=False)
    ],
    method: MethodOption = Method.PHASH,
    recursive: Recursive = False,
) -> None:
    """Write the hash of every image to a file.

    \b
    Examples:
      imagededup encode photos --output hashes.json
      imagededup encode photos --method dhash --output hashes.csv
    """
    from imagededup.utils.files import write_csv, write_json

    path = _output_path(output)
    codes = _encoder(method).encode_images(folder, recursive)
    if path.suffix == ".csv":
        write_csv(path, ("image", "hash"), codes.items())
    else:
        write_json(path, codes)
    typer.echo(f"{_counted(len(codes), 'image')} written to {path}")


def _encoder(method: Method) -> "Hashing":
    from imagededup.methods import AHash, DHash, PHash, WHash

    encoders: dict[Method, type[Hashing]] = {
        Method.PHASH: PHash,
        Method.DHASH: DHash,
        Method.AHASH: AHash,
        Method.WHASH: WHash,
    }
    return encoders[method]()


def _output_path(output: str) -> Path:
    from imagededup.utils.files import check_output

    path = check_output(output)
    if path.suffix not in (".json", ".csv"):
        raise InvalidValueError(f"--output must end in .json or .csv, got {output!r}")
    return path


def _check_action(
    folder: Path, recursive: bool, move_to: Path | None, delete: bool, yes: bool
) -> None:
    if delete and move_to is not None:
        raise InvalidValueError("--move-to and --delete exclude each other")
    if delete and not yes:
        raise InvalidValueError("--delete needs --yes")
    if yes and not delete:
        raise InvalidValueError("--yes goes with --delete")
    if move_to is None:
        return
    if move_to.exists() and not move_to.is_dir():
        raise InvalidValueError(f"--move-to must be a folder, {str(move_to)!r} is a file")
    inside = folder.resolve() == move_to.resolve() or (
        recursive and folder.resolve() in move_to.resolve().parents
    )
    if inside:
        raise InvalidValueError(f"--move-to must lie outside {str(folder)!r}")


def _apply(found: "Duplicates", removal: "Removal", move_to: Path | None, delete: bool) -> str:
    """Act on one duplicate and say what was done."""
    from imagededup.utils.files import delete_file, move_without_overwriting

    name = _shown(removal.name)
    if found.root is None or (move_to is None and not delete):
        return f"would remove {name}"
    kept = (found.reference_root or found.root) / removal.duplicate_of
    if not kept.exists():
        raise FileOperationError(f"kept {name}: {str(kept)!r} has gone in the meantime")
    if move_to is None:
        delete_file(found.root / removal.name)
        return f"deleted {name}"
    target = move_without_overwriting(found.root / removal.name, move_to / removal.name)
    return f"moved {name} to {target}"


def _print_matches(found: "Duplicates", scores: bool) -> None:
    if found.reference_names is not None:
        _print_references(found, scores)
        return
    clusters = found.clusters()
    direct = found.scores_to_representatives(clusters) if scores else {}
    for number, cluster in enumerate(clusters, 1):
        typer.echo(f"Group {number}: {_counted(len(cluster.members), 'image')}")
        for name in cluster.members:
            detail = ""
            if scores and name != cluster.representative:
                score = f"{found.score_name} {direct[name]:g}" if name in direct else "by others"
                detail = f"  ({score})"
            typer.echo(f"  {_shown(name)}{detail}")
        typer.echo("")


def _print_references(found: "Duplicates", scores: bool) -> None:
    for name, duplicates in found.to_dict(scores=True).items():
        if duplicates:
            typer.echo(_shown(name))
        for duplicate, score in duplicates:
            detail = f"  ({found.score_name} {score:g})" if scores else ""
            typer.echo(f"  {_shown(duplicate)}{detail}")


def _print_summary(found: "Duplicates") -> None:
    removable = len(found.to_remove())
    images = _counted(len(found.names), "image")
    if found.reference_names is None:
        groups = _counted(len(found.clusters()), "group")
        typer.echo(f"{images}, {groups} of duplicates, {removable} can be removed")
    else:
        others = _counted(len(found.reference_names), "image")
        typer.echo(f"{images}, {removable} of them with a duplicate among the other {others}")
    if found.failures:
        typer.echo(f"{_counted(len(found.failures), 'file')} could not be read")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _shown(name: str) -> str:
    """A name on one line, whatever characters it has."""
    return name if name.isprintable() else name.encode("unicode_escape").decode()


def _complain(error: Any, code: int) -> int:  # noqa: ANN401
    typer.echo(f"imagededup: {' '.join(str(error).split())}", err=True)
    return code


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("imagededup: %(message)s"))
    logger = logging.getLogger("imagededup")
    logger.handlers = [handler]
    logger.propagate = False
