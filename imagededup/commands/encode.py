"""`imagededup encode`."""

from pathlib import Path
from typing import Annotated

import typer

from imagededup.commands.options import (
    Folder,
    Method,
    MethodOption,
    Recursive,
    encoder_of,
    output_path,
)
from imagededup.utils.text import counted

__all__ = ["encode"]


def encode(
    folder: Folder,
    output: Annotated[
        str, typer.Option("--output", "-o", help="The .json or .csv file.", show_default=False)
    ],
    method: MethodOption = Method.PHASH,
    recursive: Recursive = False,
) -> None:
    """Write the hash or the descriptor of every image to a file.

    \b
    Examples:
      imagededup encode photos --output hashes.json
      imagededup encode photos --method dhash --output hashes.csv
      imagededup encode photos --method cnn --output descriptors.npz
    """
    from imagededup.utils.files import write_csv, write_json

    if method is Method.CNN:
        _write_descriptors(folder, output_path(output, (".npz",)), recursive)
        return
    path = output_path(output)
    hashes = encoder_of(method).encode_images(folder, recursive)
    if path.suffix == ".csv":
        write_csv(path, ("image", "hash"), hashes.items())
    else:
        write_json(path, hashes)
    typer.echo(f"{counted(len(hashes), 'image')} written to {path}")


def _write_descriptors(folder: Path, path: Path, recursive: bool) -> None:
    import numpy as np

    from imagededup.utils.files import write_npz

    encoded = encoder_of(Method.CNN).encode_images(folder, recursive)
    names = np.array(list(encoded), dtype=str)
    descriptors = np.concatenate(list(encoded.values())) if encoded else np.empty((0, 0))
    write_npz(path, names=names, descriptors=descriptors)
    typer.echo(f"{counted(len(encoded), 'image')} written to {path}")
