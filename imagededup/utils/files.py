"""Writing results so that a file is either complete or not there."""

import csv
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from os import PathLike
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError

__all__ = [
    "check_output",
    "delete_file",
    "json_lines",
    "move_without_overwriting",
    "open_atomically",
    "write_csv",
    "write_json",
    "write_npz",
]


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
    """Open a file for writing that takes its name only when it is complete.

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
        partial = target.with_name(f".{target.name[:32]}.{secrets.token_hex(8)}")
        try:
            with _open(partial, "x", binary) as file:
                yield file
            partial.replace(target)
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
        entries = (f"{json.dumps(key)}: {json.dumps(mapping[key])}" for key in mapping)
        opening, closing = "{", "}"
    else:
        entries = (json.dumps(entry) for entry in mapping)
        opening, closing = "[", "]"
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


def write_npz(path: str | PathLike[str], **arrays: NDArray[Any]) -> None:
    """Write arrays by name in numpy's format."""
    with open_atomically(path, binary=True) as file:
        np.savez(file, allow_pickle=False, **arrays)


def move_without_overwriting(source: Path, target: Path) -> Path:
    """Move a file; where the target exists, a number is added to the name.

    Missing folders are made. A relative symbolic link keeps pointing to the same file.

    Returns:
        Where the file is now.

    Raises:
        FileOperationError: It cannot be moved; the source is untouched.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        place = _free_place(source, target)
        try:
            source.unlink()
        except OSError:
            place.unlink()
            raise
    except OSError as error:
        raise FileOperationError(f"cannot move {str(source)!r}: {error.strerror}") from error
    return place


def delete_file(path: Path) -> None:
    """Delete a file.

    Raises:
        FileOperationError: It cannot be deleted.
    """
    try:
        path.unlink()
    except OSError as error:
        raise FileOperationError(f"cannot delete {str(path)!r}: {error.strerror}") from error


def _free_place(source: Path, target: Path) -> Path:
    """Make the file appear at the target, or at the next numbered name that is free."""
    candidate = target
    for number in count(1):
        try:
            _place(source, candidate)
            break
        except FileExistsError:
            candidate = target.with_name(f"{target.stem}_{number}{target.suffix}")
    return candidate


def _place(source: Path, target: Path) -> None:
    """Make the file appear at the target; FileExistsError if something is there."""
    if source.is_symlink():
        target.symlink_to(source.parent.resolve() / source.readlink())
        return
    try:
        target.hardlink_to(source)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # another file system, or one without hard links
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as original:
        copy = target.open("xb")
        try:
            with copy:
                shutil.copyfileobj(original, copy)
        except BaseException:
            target.unlink()
            raise
    with suppress(OSError):  # not every file system keeps times and permissions
        shutil.copystat(source, target)


def _is_stream(path: str | PathLike[str]) -> bool:
    try:
        return not stat.S_ISREG(Path(path).stat().st_mode)
    except OSError:
        return False


def _open(path: Path, mode: Literal["w", "x"], binary: bool) -> IO[Any]:
    if binary:
        return path.open(f"{mode}b")
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="")
