"""`imagededup encode`."""

from typing import TYPE_CHECKING, Annotated

import typer

from imagededup.commands.options import (
    FullDecode,
    Method,
    MethodOption,
    Places,
    Recursive,
    encoder_of,
    output_path,
)
from imagededup.commands.reading import Reading, reads_images
from imagededup.errors import InvalidValueError
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from imagededup.methods.stored.update import EncodingsUpdate

__all__ = ["encode"]


@reads_images
def encode(
    folder: Places,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The .npz file, which is smallest and fastest; hashes may be in .json and .csv.",
            show_default=False,
        ),
    ],
    method: MethodOption = Method.PHASH,
    recursive: Recursive = False,
    append: Annotated[
        bool,
        typer.Option(
            "--append",
            help="Encode only images that are new or have changed, and add them to the .npz file.",
        ),
    ] = False,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="With --append: leave out images of FOLDER that are not there any more.",
        ),
    ] = False,
    full_decode: FullDecode = False,
    *,
    reading: Reading,
) -> None:
    """Write the hash or the descriptor of every image to a file.

    Other commands take the file instead of the folder.

    \b
    Examples:
      imagededup encode photos -o hashes.npz
      imagededup encode photos -o hashes.npz --append --prune
      imagededup encode photos -m dhash -o hashes.csv
      imagededup encode photos -m cnn -o descriptors.npz
      imagededup find new --against hashes.npz
    """
    endings = (".npz",) if append or method is Method.CNN else (".npz", ".json", ".csv")
    path = output_path(output, endings)
    if prune and not append:
        raise InvalidValueError("--prune goes with --append")
    encoder = encoder_of(method, full_decode, reading.cache_dir)
    if append:
        from imagededup.methods import update_encodings

        _say(update_encodings(path, encoder, reading.sources(folder), recursive, prune), output)
        return
    from imagededup.methods.stored.update import encode_to_file

    count = encode_to_file(path, encoder, reading.sources(folder), recursive)
    typer.echo(f"{counted(count, 'image')} written to {shown(output)}")


def _say(update: "EncodingsUpdate", output: str) -> None:
    """What was added, and what became of the others."""
    parts = [f"{counted(update.new, 'image')} added"]
    if update.changed:
        parts.append(f"{update.changed:,} changed and encoded again")
    if update.unreadable:
        parts.append(f"{update.unreadable:,} cannot be read any more and left out")
    if update.pruned:
        parts.append(f"{update.pruned:,} gone and left out")
    elif update.gone:
        parts.append(f"{update.gone:,} gone that stay in the file (--prune leaves them out)")
    typer.echo(f"{', '.join(parts)}; {counted(update.total, 'image')} in {shown(output)}")
