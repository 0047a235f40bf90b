"""Codes in files, in Python: saved once, and loaded for every search."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods.encoder import Encoder
from imagededup.methods.stored.arrays import read_arrays, write_arrays
from imagededup.methods.stored.encodings import (
    FileRecords,
    StoredEncodings,
    check_made_alike,
)
from imagededup.methods.stored.text import read_csv_file, read_json_file, write_text
from imagededup.utils.files import check_output
from imagededup.utils.locks import locked_while_written

__all__ = ["check_path", "load_encodings", "save_encodings", "write_encodings", "writing"]

_READERS: dict[str, Callable[[Path], StoredEncodings]] = {
    ".json": read_json_file,
    ".csv": read_csv_file,
    ".npz": read_arrays,
}
_METHOD = re.compile(r"\w{0,100}")


def save_encodings(
    path: str | PathLike[str], encodings: Mapping[str, Any], encoder: Encoder[Any]
) -> None:
    """Write codes to a file that `load_encodings` and the command read.

    Args:
        path: The file: `.npz`, or `.json` and `.csv` for hashes. `.npz` is smallest and fastest,
            and keeps how the codes were made, so that others are not mixed with them.
        encodings: Codes by name, as `encode_images` returns them.
        encoder: What made them.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The codes are not of this encoder, or the file cannot be of that kind.
        FileOperationError: The file cannot be written.

    Examples:
        >>> import tempfile
        >>> from imagededup.methods import PHash, load_encodings, save_encodings
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_encodings(f"{folder}/codes.npz", {"a.jpg": "9fee256239984d71"}, PHash())
        ...     dict(load_encodings(f"{folder}/codes.npz"))
        {'a.jpg': '9fee256239984d71'}
    """
    if not isinstance(encoder, Encoder):
        raise InvalidTypeError(f"encoder must be an encoder, got {type(encoder).__name__}")
    checked = check_path(path, encoder)
    images = encoder._mapped("encodings", encodings)
    records = FileRecords.unknown(len(images.names))
    if isinstance(encodings, StoredEncodings):
        encodings.check_method(encoder._method, encoder._encode_batch([]).dtype)
        check_made_alike([encodings], encoder._fingerprint())
        records = encodings.records
    encoder._check_codes(images.names, images.codes)
    with writing(checked):
        write_encodings(
            StoredEncodings(checked, encoder._method, encoder._fingerprint(), images, records)
        )


def load_encodings(path: str | PathLike[str]) -> StoredEncodings:
    """Read codes that `save_encodings`, `update_encodings` or `imagededup encode` has written.

    Args:
        path: The file.

    Returns:
        Codes by name, for `encoding_map` and `against`. Of an `.npz` file a search takes the arrays
        as they are, whatever their number.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: There is no such file, or it holds no codes.
    """
    if not isinstance(path, str | PathLike):
        raise InvalidTypeError(f"path must be a path, got {type(path).__name__}")
    checked = Path(path)
    _check_ending(checked)
    try:
        stored = _READERS[checked.suffix](checked)
        if not _METHOD.fullmatch(stored.method or ""):
            raise ValueError(f"{stored.method!r} is no method")
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, KeyError, RecursionError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise InvalidValueError(f"{str(path)!r} is no file that encode wrote: {reason}") from error
    return stored


def write_encodings(stored: StoredEncodings) -> None:
    """Write codes to their file, in the form that its ending says."""
    if stored.path.suffix == ".npz":
        write_arrays(stored)
    else:
        write_text(stored)


def writing(path: Path) -> AbstractContextManager[None]:
    """Keep others from writing a `.npz` file; text may go to a pipe, where they do not meet."""
    return locked_while_written(path) if path.suffix == ".npz" else nullcontext()


def check_path(path: str | PathLike[str], encoder: Encoder[Any]) -> Path:
    """Check before the work begins that codes can be written to a file."""
    checked = check_output(path)
    _check_ending(checked)
    if checked.suffix != ".npz" and encoder._encode_batch([]).dtype != np.uint64:
        raise InvalidValueError(f"descriptors are written to a .npz file, got {str(path)!r}")
    return checked


def _check_ending(path: Path) -> None:
    if path.suffix not in _READERS:
        raise InvalidValueError(
            f"codes are in files that end in .npz, .json or .csv, got {str(path)!r}"
        )
