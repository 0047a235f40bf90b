"""What several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.errors import InvalidValueError
from imagededup.utils.text import shown

if TYPE_CHECKING:
    from imagededup.methods.cnn import CNN
    from imagededup.methods.hashing import Hashing
    from imagededup.methods.results import Duplicates


class Method(StrEnum):
    """The encoders."""

    PHASH = "phash"
    DHASH = "dhash"
    AHASH = "ahash"
    WHASH = "whash"
    CNN = "cnn"


_ENCODERS = {
    Method.PHASH: "PHash",
    Method.DHASH: "DHash",
    Method.AHASH: "AHash",
    Method.WHASH: "WHash",
    Method.CNN: "CNN",
}
"""The names of their classes."""

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder with the images.", show_default=False)
]
Places = Annotated[
    list[str],
    typer.Argument(
        metavar="FOLDER",
        show_default=False,
        help="Folder with the images; or an archive, a video, a text file with a path in each row, "
        "or a URL. Several are taken together.",
    ),
]
FolderOrFile = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="Folder with the images, or a file that encode wrote.",
        show_default=False,
    ),
]
GroundTruth = Annotated[
    Path,
    typer.Argument(
        metavar="GROUND_TRUTH",
        show_default=False,
        help="The true duplicates: a .json map, a .csv file of pairs, or a folder with a subfolder "
        "per group.",
    ),
]
Result = Annotated[
    Path,
    typer.Argument(metavar="RESULT", help="The .json file that find wrote.", show_default=False),
]
MethodOption = Annotated[
    Method,
    typer.Option(
        "--method",
        "-m",
        metavar="METHOD",
        help="How images are compared: phash, dhash, ahash, whash or cnn.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        "-t",
        metavar="NUMBER",
        show_default=False,
        help="Largest distance in bits, 0 to 64, default 10; cnn: least similarity, -1 to 1, "
        "default 0.9. With verification the limit of what is looked at: 20; cnn: 0.82.",
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Take the images of the folders within as well.")
]
Against = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FOLDER",
        show_default=False,
        help="Find the images of FOLDER that duplicate an image of this folder; may be given "
        "several times.",
    ),
]
FullDecode = Annotated[
    bool,
    typer.Option(
        "--full-decode",
        help="Hash large JPEGs from all their pixels: slower, and equal to the bit at any size.",
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify/--no-verify",
        help="Look at both images of each candidate pair, and say how they are related.",
    ),
]
Relations = Annotated[
    str | None,
    typer.Option(
        "--relations",
        metavar="LIST",
        show_default=False,
        help="Which relations of verified pairs count: identical, copy, part and variant by "
        "default; also overlap, unrelated and undecided.",
    ),
]
Candidates = Annotated[
    int | None,
    typer.Option(
        "--candidates",
        metavar="N",
        show_default=False,
        help="With how many images each image is verified at most, default 10.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write to this .json or .csv file."),
]


def encoder_of(
    method: Method, full_decode: bool = False, cache_dir: Path | None = None
) -> "Hashing | CNN":
    """The encoder of a method.

    Raises:
        InvalidValueError: Only hashes have a full decode.
    """
    from imagededup import methods

    if full_decode and method is Method.CNN:
        raise InvalidValueError("--full-decode is for hashes, it does not go with --method cnn")
    encoder: type[Hashing | CNN] = getattr(methods, _ENCODERS[method])  # loads no other
    settings: dict[str, Any] = {"full_decode": True} if full_decode else {}
    return encoder(cache_dir=cache_dir, **settings)


def search(
    method: Method,
    threshold: float | None,
    full_decode: bool = False,
    cache_dir: Path | None = None,
    **arguments: Any,  # noqa: ANN401
) -> "Duplicates":
    """Search with the threshold of the method; hashes take a whole number."""
    encoder = encoder_of(method, full_decode, cache_dir)
    return encoder.search(**threshold_argument(encoder, threshold), **arguments)


def threshold_argument(encoder: "Hashing | CNN", threshold: float | None) -> dict[str, Any]:
    """The threshold of a search, if one is given."""
    wanted = whole_bits(threshold, encoder.score_name == "distance")
    return {} if wanted is None else {"threshold": wanted}


def whole_bits(threshold: float | None, by_distance: bool) -> float | None:
    """The option --threshold, a whole number of bits where hashes are compared."""
    whole = by_distance and threshold is not None and threshold.is_integer()
    return int(threshold) if whole and threshold is not None else threshold


def verification(verify: bool, candidates: int | None, relations: str | None) -> dict[str, Any]:
    """The arguments of a search that say how to verify what it finds.

    Args:
        verify: Whether to.
        candidates: The option --candidates.
        relations: The option --relations, words with commas between.

    Raises:
        InvalidValueError: There is an option of verification without it.
    """
    if not verify:
        for option, given in (("--candidates", candidates), ("--relations", relations)):
            if given is not None:
                raise InvalidValueError(f"{option} goes with --verify")
        return {"verify": False}
    arguments: dict[str, Any] = {"verify": True}
    if candidates is not None:
        arguments["candidates"] = candidates
    if relations is not None:
        arguments["relations"] = [word.strip() for word in relations.split(",")]
    return arguments


def check_table(output: str | None) -> None:
    """Check before the work begins that `write_table` can write there."""
    if output is not None:
        output_path(output)


def write_table(
    output: str | None,
    value: Any,  # noqa: ANN401
    header: tuple[str, ...],
    rows: list[tuple[Any, ...]],
) -> None:
    """Write numbers where --output says: as JSON, or as rows of CSV."""
    from imagededup.utils.files import write_csv, write_json

    if output is None:
        return
    path = output_path(output)
    if path.suffix == ".csv":
        write_csv(path, header, rows)
    else:
        write_json(path, value)
    typer.echo(f"Written to {shown(output)}")


def output_path(output: str, endings: tuple[str, ...] = (".json", ".csv")) -> Path:
    """The file of an --output option, checked before the work begins."""
    from imagededup.utils.files import check_output

    path = check_output(output)
    if path.suffix not in endings:
        *others, last = endings
        listed = f"{', '.join(others)} or {last}" if others else last
        raise InvalidValueError(f"--output must end in {listed}, got {output!r}")
    return path
