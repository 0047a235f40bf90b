"""Writing results so that a file is either complete or not there."""

import csv
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import IO, Any, Literal

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError

__all__ = [
    "check_output",
    "json_lines",
    "json_object_lines",
    "open_atomically",
    "partial_path",
    "remove_partial_files",
    "sync_folder",
    "write_csv",
    "write_json",
]

_KEPT_OF_NAMES = 32
_NO_SYNC_OF_FOLDERS = (errno.EACCES, errno.EBADF, errno.EINVAL, errno.ENOTSUP)


def check_output(path: str | PathLike[str]) -> Path:
    """Check before the work begins that a result can be written there.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: The folder of the file does not exist, or the path is a folder.
    """
    if not isinstance(path, str | PathLike):
        raise InvalidTypeError(f"outfile must be a path, got {type(path).__name__}")
    checked = Path(path)
    if os.path.isdir(checked):  # noqa: PTH112 - False, not an error, for every impossible path
        raise InvalidValueError(f"outfile must be a file, {str(checked)!r} is a folder")
    if not os.path.isdir(checked.parent):  # noqa: PTH112
        raise InvalidValueError(f"outfile must lie in a folder that exists, got {str(checked)!r}")
    return checked


@contextmanager
def open_atomically(path: str | PathLike[str], binary: bool = False) -> Iterator[IO[Any]]:
    """Open a file for writing that takes its name only when it is complete and on the disk.

    Text is UTF-8; names that are not valid UTF-8 are written as the bytes that they are. Pipes and
    devices, such as /dev/stdout, are written to as they are.

    Raises:
        FileOperationError: The file cannot be written; what was there before is untouched.
    """
    try:
        if _is_stream(path):
            with _open(Path(path), "w", binary) as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        partial = partial_path(target)
        try:
            with _open(partial, "x", binary) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            sync_folder(target.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FileOperationError(f"cannot write {str(path)!r}: {error.strerror}") from error


def write_json(path: str | PathLike[str], mapping: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write a dictionary or a list as JSON, one entry a line."""
    with open_atomically(path) as file:
        file.writelines(json_lines(mapping))


def json_lines(mapping: Mapping[str, Any] | Sequence[Any]) -> Iterator[str]:
    """The parts of a JSON text with one entry a line."""
    if isinstance(mapping, Mapping):
        return json_object_lines(mapping.items())
    return _json_lines("[", (json.dumps(entry) for entry in mapping), "]")


def json_object_lines(items: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """The same of an object whose entries come one after the other."""
    return _json_lines(
        "{", (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in items), "}"
    )


def _json_lines(opening: str, entries: Iterable[str], closing: str) -> Iterator[str]:
    separator = "\n"
    yield opening
    for entry in entries:
        yield separator + entry
        separator = ",\n"
    yield f"\n{closing}\n"


def write_csv(
    path: str | PathLike[str], header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write rows as CSV (RFC 4180 quoting, lines end with a newline)."""
    with open_atomically(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def partial_path(target: Path) -> Path:
    """A hidden name beside a file, under which it is written until it is complete."""
    return target.with_name(f".{target.name[:_KEPT_OF_NAMES]}.{secrets.token_hex(8)}")


def remove_partial_files(target: Path) -> None:
    """Remove what was being written of a file when a process was killed.

    Args:
        target: The file, which nobody writes now. If its name is so long that another file may
            have the same partial ones, they stay.
    """
    if len(target.name) > _KEPT_OF_NAMES:
        return
    is_partial = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}").fullmatch
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if is_partial(entry.name):
                Path(entry.path).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_FOLDERS:
            raise


def _is_stream(path: str | PathLike[str]) -> bool:
    try:
        return not stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return False


def _open(path: Path, mode: Literal["w", "x"], binary: bool) -> IO[Any]:
    if binary:
        return path.open(f"{mode}b")
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="")
