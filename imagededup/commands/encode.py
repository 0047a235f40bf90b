"""`imagededup encode`."""

from typing import Annotated

import typer

from imagededup.commands.encodings import write_encodings
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
from imagededup.utils.text import counted, shown

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
            help="The .json or .csv file; cnn: the .npz file.",
            show_default=False,
        ),
    ],
    method: MethodOption = Method.PHASH,
    recursive: Recursive = False,
    full_decode: FullDecode = False,
    *,
    reading: Reading,
) -> None:
    """Write the hash or the descriptor of every image to a file.

    Other commands take the file instead of the folder.

    \b
    Examples:
      imagededup encode photos -o hashes.json
      imagededup encode photos -m dhash -o hashes.csv
      imagededup encode photos -m cnn -o descriptors.npz
      imagededup find hashes.json
    """
    endings = (".npz",) if method is Method.CNN else (".json", ".csv")
    path = output_path(output, endings)
    codes = encoder_of(method, full_decode).encode_images(reading.sources(folder), recursive)
    write_encodings(path, method, codes)
    typer.echo(f"{counted(len(codes), 'image')} written to {shown(output)}")
