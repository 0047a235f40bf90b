"""Hashes as text. A file says which method made its codes, and nothing of the images' files.

JSON: `{"encoder": "phash", "hashes": {name: hash}}`; a plain map of names and hashes is read too.
CSV: the header `image,phash`, or `image,hash` where the method is not known.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imagededup.errors import InvalidTypeError
from imagededup.methods.encoding import EncodedImages
from imagededup.methods.hexadecimal import parse_hashes, write_hashes
from imagededup.methods.stored.encodings import FileRecords, StoredEncodings
from imagededup.utils.files import json_object_lines, open_atomically, write_csv

__all__ = ["read_csv_file", "read_json_file", "write_text"]


def write_text(stored: StoredEncodings) -> None:
    """Write hashes to their file, as JSON or CSV by its ending.

    Raises:
        FileOperationError: The file cannot be written.
    """
    hashes = write_hashes(stored.images.codes)
    rows = zip(stored.images.names, hashes, strict=True)
    if stored.path.suffix == ".csv":
        write_csv(stored.path, ("image", stored.method or "hash"), rows)
        return
    with open_atomically(stored.path) as file:
        file.write(f'{{\n"encoder": {json.dumps(stored.method)},\n"hashes": ')
        file.writelines(json_object_lines(rows))
        file.write("}\n")


def read_json_file(path: Path) -> StoredEncodings:
    """Read a JSON file.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds something else than hashes.
    """
    found = json.loads(path.read_text(encoding="utf-8-sig", errors="surrogateescape"))
    if not isinstance(found, dict):
        raise ValueError(f"it holds a {type(found).__name__}")
    if found.keys() == {"encoder", "hashes"} and isinstance(found["hashes"], dict):
        encoder = found["encoder"]
        if not isinstance(encoder, str):
            raise ValueError(f"{encoder!r} is no method")
        return _stored(path, encoder, found["hashes"])
    if not all(isinstance(code, str) for code in found.values()):
        raise ValueError("it holds something else than hashes")
    return _stored(path, None, found)


def read_csv_file(path: Path) -> StoredEncodings:
    """Read a CSV file.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds something else than hashes.
    """
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        try:
            rows = csv.reader(file)
            header = next(rows, [])
            if len(header) != 2 or header[0] != "image":
                raise ValueError("its first line is not a header such as image,phash")
            method = None if header[1] == "hash" else header[1]
            return _stored(path, method, dict(_csv_rows(rows)))
        except csv.Error as error:
            raise ValueError(error) from error


def _csv_rows(rows: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - csv hides its type
    seen = set()
    for row in rows:
        if len(row) != 2:
            raise ValueError(f"line {rows.line_num} has {len(row)} columns")
        if row[0] in seen:
            raise ValueError(f"line {rows.line_num} repeats {row[0]!r}")
        seen.add(row[0])
        yield row[0], row[1]


def _stored(path: Path, method: str | None, hashes: Mapping[str, Any]) -> StoredEncodings:
    names = sorted(hashes)
    try:
        codes = parse_hashes("it", names, [hashes[name] for name in names])
    except InvalidTypeError as error:
        raise ValueError(error) from error
    images = EncodedImages(names, codes)
    return StoredEncodings(path, method, None, images, FileRecords.unknown(len(names)))
