"""The files that `imagededup encode` writes, and that other commands take instead of a folder.

A file says which method made its codes. JSON: `{"encoder": "phash", "hashes": {name: hash}}`; a
plain map of names and hashes is read too. CSV: the header `image,phash`, or `image,hash` where the
method is not known. NumPy: the arrays `encoder`, `names` and `descriptors`.
"""

import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagededup.commands.options import Method
from imagededup.errors import InvalidValueError
from imagededup.sources.lists import is_table_of_paths

__all__ = [
    "Encodings",
    "agreed_method",
    "check_needs_folder",
    "read_if_file",
    "write_encodings",
]


@dataclass(frozen=True, slots=True)
class Encodings:
    """The codes of a file.

    Attributes:
        path: The file.
        method: What made the codes; None for hashes of a file that does not say.
        codes: Codes by name.
    """

    path: Path
    method: Method | None
    codes: dict[str, Any]

    def fit(self, method: Method) -> bool:
        """Whether a method compares these codes."""
        return method is (self.method or method) and (
            self.method is not None or method is not Method.CNN
        )


def write_encodings(path: Path, method: Method, codes: Mapping[str, Any]) -> None:
    """Write hashes as JSON or CSV, descriptors in numpy's format.

    Raises:
        FileOperationError: The file cannot be written.
    """
    from imagededup.utils.files import json_lines, open_atomically, write_csv

    if path.suffix == ".npz":
        _write_descriptors(path, method, codes)
    elif path.suffix == ".csv":
        write_csv(path, ("image", method.value), codes.items())
    else:
        with open_atomically(path) as file:
            file.write(f'{{\n"encoder": "{method.value}",\n"hashes": ')
            file.writelines(json_lines(codes))
            file.write("}\n")


def read_if_file(places: Sequence[str]) -> Encodings | None:
    """The codes of a file; None for everything else, such as folders and lists of paths.

    Raises:
        InvalidValueError: The file is none that `encode` wrote.
    """
    readers = {".json": _read_json, ".csv": _read_csv, ".npz": _read_npz}
    path = Path(places[0])
    if len(places) > 1 or path.suffix not in readers or not os.path.isfile(path):  # noqa: PTH113
        return None
    if path.suffix == ".csv" and is_table_of_paths(path):
        return None
    try:
        method, codes = readers[path.suffix](path)
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, RecursionError, EOFError) as error:
        raise InvalidValueError(f"{str(path)!r} is no file that encode wrote: {error}") from error
    return Encodings(path, method, codes)


def agreed_method(asked: Method | None, *sources: Encodings | None) -> Method:
    """The method that --method and the files name.

    Args:
        asked: The option; None if it was not given.
        sources: Files; None stands for a folder.

    Raises:
        InvalidValueError: They name different methods.
    """
    files = [source for source in sources if source is not None]
    said = [file.method for file in files if file.method is not None]
    if asked is None and len(set(said)) > 1:
        listed = " and ".join(f"{str(file.path)!r} {file.method}" for file in files)
        raise InvalidValueError(f"files of one method can be compared, got codes of two: {listed}")
    method = asked or (said[0] if said else Method.PHASH)
    for file in files:
        if not file.fit(method):
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


def _write_descriptors(path: Path, method: Method, codes: Mapping[str, Any]) -> None:
    import numpy as np

    from imagededup.utils.files import write_npz

    write_npz(
        path,
        encoder=np.array(method.value),
        names=np.array(list(codes), dtype=str),
        descriptors=np.concatenate(list(codes.values())) if codes else np.empty((0, 0)),
    )


def _read_json(path: Path) -> tuple[Method | None, dict[str, Any]]:
    found = json.loads(path.read_text(encoding="utf-8-sig", errors="surrogateescape"))
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}")
    if found.keys() == {"encoder", "hashes"} and isinstance(found["hashes"], dict):
        return _method(found["encoder"]), found["hashes"]
    if not all(isinstance(code, str) for code in found.values()):
        raise ValueError("it holds something else than hashes")
    return None, found


def _read_csv(path: Path) -> tuple[Method | None, dict[str, Any]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        try:
            rows = csv.reader(file)
            header = next(rows, [])
            if len(header) != 2 or header[0] != "image":
                raise ValueError("its first line is not a header such as image,phash")
            method = None if header[1] == "hash" else _method(header[1])
            return method, dict(_csv_codes(rows))
        except csv.Error as error:
            raise ValueError(error) from error


def _csv_codes(rows: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - csv hides its type
    seen = set()
    for row in rows:
        if len(row) != 2:
            raise ValueError(f"line {rows.line_num} has {len(row)} columns")
        if row[0] in seen:
            raise ValueError(f"line {rows.line_num} repeats {row[0]!r}")
        seen.add(row[0])
        yield row[0], row[1]


def _read_npz(path: Path) -> tuple[Method | None, dict[str, Any]]:
    from zipfile import BadZipFile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as stored:
            names, descriptors = stored["names"], stored["descriptors"]
            method = stored["encoder"].item() if "encoder" in stored else Method.CNN.value
    except (BadZipFile, KeyError, TypeError) as error:  # TypeError: one array, not several
        raise ValueError(error) from error
    if descriptors.ndim != 2 or names.shape != descriptors.shape[:1] or names.dtype.kind != "U":
        raise ValueError("its arrays are not names and as many descriptors")
    return _method(method), dict(zip(names.tolist(), descriptors, strict=True))


def _method(word: object) -> Method:
    try:
        return Method(str(word))
    except ValueError:
        raise ValueError(f"{word!r} is no method") from None
