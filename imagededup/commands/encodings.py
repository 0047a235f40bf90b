"""The files that `imagededup encode` writes, where other commands take them instead of a folder."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imagededup.commands.options import Method
from imagededup.errors import InvalidValueError
from imagededup.sources.lists import is_table_of_paths

if TYPE_CHECKING:
    from imagededup.methods.stored.encodings import StoredEncodings

__all__ = ["agreed_method", "check_needs_folder", "read_if_file"]

_ENDINGS = (".json", ".csv", ".npz")


def read_if_file(places: Sequence[str]) -> "StoredEncodings | None":
    """The codes of a file; None for everything else, such as folders and lists of paths.

    Raises:
        InvalidValueError: The file is none that `encode` wrote.
    """
    path = Path(places[0])
    if len(places) > 1 or path.suffix not in _ENDINGS or not os.path.isfile(path):  # noqa: PTH113
        return None
    if path.suffix == ".csv" and is_table_of_paths(path):
        return None
    from imagededup.methods import load_encodings

    found = load_encodings(path)
    if found.method is not None and found.method not in list(Method):
        raise InvalidValueError(
            f"{str(path)!r} is no file that encode wrote: {found.method!r} is no method"
        )
    return found


def agreed_method(asked: Method | None, *sources: "StoredEncodings | None") -> Method:
    """The method that --method and the files name.

    Args:
        asked: The option; None if it was not given.
        sources: Files; None stands for a folder.

    Raises:
        InvalidValueError: They name different methods.
    """
    files = [source for source in sources if source is not None]
    said = [Method(file.method) for file in files if file.method is not None]
    if asked is None and len(set(said)) > 1:
        listed = " and ".join(f"{str(file.path)!r} {file.method}" for file in files)
        raise InvalidValueError(f"files of one method can be compared, got codes of two: {listed}")
    method = asked or (said[0] if said else Method.PHASH)
    for file in files:
        if method != (file.method or method) or (file.method is None and method is Method.CNN):
            holds = f"codes of {file.method}" if file.method else "hashes"
            raise InvalidValueError(
                f"--method {method} does not fit {str(file.path)!r}, which holds {holds}"
            )
    return method


def check_needs_folder(path: Path, recursive: bool, full_decode: bool) -> None:
    """Refuse options that say how a folder is read where all codes come from files.

    Raises:
        InvalidValueError: One of them is given.
    """
    for option, given in (("--recursive", recursive), ("--full-decode", full_decode)):
        if given:
            raise InvalidValueError(f"{option} needs a folder, {str(path)!r} is a file")
