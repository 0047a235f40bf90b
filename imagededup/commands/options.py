"""What several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagededup.errors import InvalidValueError

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


Folder = Annotated[Path, typer.Argument(help="Folder with the images.", show_default=False)]
MethodOption = Annotated[Method, typer.Option("--method", "-m", help="How images are compared.")]
Threshold = Annotated[
    float | None,
    typer.Option(
        "--threshold",
        "-t",
        show_default=False,
        help="Largest distance in bits, 0 to 64, default 10; cnn: least similarity, -1 to 1, "
        "default 0.9.",
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Take the images of the folders within as well.")
]
Against = Annotated[
    Path | None,
    typer.Option(help="Find the images of FOLDER that duplicate an image of this folder."),
]


def encoder_of(method: Method) -> "Hashing | CNN":
    """The encoder of a method."""
    from imagededup import methods

    encoders: dict[Method, type[Hashing | CNN]] = {
        Method.PHASH: methods.PHash,
        Method.DHASH: methods.DHash,
        Method.AHASH: methods.AHash,
        Method.WHASH: methods.WHash,
        Method.CNN: methods.CNN,
    }
    return encoders[method]()


def search(method: Method, threshold: float | None, **arguments: Any) -> "Duplicates":  # noqa: ANN401
    """Search with the threshold of the method; hashes take a whole number."""
    encoder = encoder_of(method)
    if threshold is not None:
        whole = encoder.score_name == "distance" and threshold.is_integer()
        arguments[encoder.threshold_name] = int(threshold) if whole else threshold
    return encoder.search(**arguments)


def output_path(output: str, endings: tuple[str, ...] = (".json", ".csv")) -> Path:
    """The file of an --output option, checked before the work begins."""
    from imagededup.utils.files import check_output

    path = check_output(output)
    if path.suffix not in endings:
        raise InvalidValueError(f"--output must end in {' or '.join(endings)}, got {output!r}")
    return path
