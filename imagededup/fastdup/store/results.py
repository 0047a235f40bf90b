"""Results that belong together: written aside, named at once, and tied to their features.

run.json says which features the derived files were computed from, with which parameters, and what
each file must hold. It is removed before any of them changes and written when all have their names,
so that files of two runs are never taken for one another's.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imagededup import __version__
from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.fastdup.store.checksums import file_digest
from imagededup.fastdup.store.files import DERIVED, QUERY_RESULTS, read_object
from imagededup.utils.files import sync_folder, write_json

__all__ = [
    "RECORD",
    "STAGING",
    "RunRecord",
    "check_result",
    "forget_query_results",
    "forget_results",
    "stage_results",
]

RECORD = "run.json"
STAGING = ".results.new"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What derived files belong to.

    Attributes:
        features: Digest of the features that all files were computed from.
        files: By the name of each file its `digest`, and the `parameters` of its run.
        version: Version of the package.
    """

    features: str
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: str = __version__

    def write(self, folder: Path) -> None:
        """Write it as JSON.

        Raises:
            FileOperationError: The file cannot be written.
        """
        write_json(folder / RECORD, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "RunRecord | None":
        """Read what `write` has written; None if there is no such file.

        Raises:
            InvalidValueError: The file is broken.
        """
        content = read_object(folder / RECORD)
        if content is None:
            return None
        try:
            record = cls(**content)
        except TypeError as error:
            raise InvalidValueError(f"{str(folder / RECORD)!r} is no record: {error}") from error
        entries = record.files.values() if isinstance(record.files, dict) else [None]
        if not all(isinstance(entry, dict) and "digest" in entry for entry in entries):
            raise InvalidValueError(f"{str(folder / RECORD)!r}: files must hold digests")
        return record


@contextmanager
def stage_results(
    folder: Path, features: str, replaced: set[str], parameters: dict[str, Any]
) -> Iterator[Path]:
    """Take results in a hidden folder, and put them in the place of others when all are there.

    Whatever else is derived from other features is removed with those that are replaced.

    Args:
        folder: The work folder.
        features: Digest of the features that the results are computed from.
        replaced: The names of earlier results that end with these.
        parameters: Of the run.

    Raises:
        FileOperationError: A file cannot be written.
    """
    staging = folder / STAGING
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        yield staging
        names = [name for name in DERIVED if (staging / name).exists()]
        entries = {
            name: {"digest": file_digest(staging / name), "parameters": parameters}
            for name in names
        }
        kept = _kept(folder, features, replaced | set(names))
        _remove(folder, kept)
        for name in names:
            (staging / name).replace(folder / name)
        sync_folder(folder)
        RunRecord(features, {**kept, **entries}).write(folder)
    except FileOperationError:
        raise
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def forget_results(folder: Path, features: str) -> None:
    """Remove what was derived from other features than those that the folder will hold.

    Raises:
        FileOperationError: A file cannot be removed.
    """
    _keep(folder, _kept(folder, features, set()), features)


def forget_query_results(folder: Path) -> None:
    """Remove what was derived from new images that are others by now.

    Raises:
        FileOperationError: A file cannot be removed.
    """
    record = _read_or_none(folder)
    if record is None:
        _keep(folder, {}, "")
    else:
        _keep(folder, _kept(folder, record.features, set(QUERY_RESULTS)), record.features)


def check_result(path: Path, features: str) -> dict[str, Any]:
    """Raise if a derived file does not belong to the features that the folder holds.

    Args:
        path: The file.
        features: Digest of the stored features.

    Returns:
        The parameters of the run that wrote it.

    Raises:
        InvalidValueError: It is missing, belongs to others, is damaged, or nothing is known of it.
    """
    again = "run_mode=0 or 2 makes it again"
    if not path.exists():
        raise InvalidValueError(
            f"{str(path)!r} is missing; run_mode=0 or 2 makes it, unless turi_param leaves it out"
        )
    record = RunRecord.read(path.parent)
    entry = None if record is None else record.files.get(path.name)
    if record is None or entry is None:
        raise InvalidValueError(
            f"{str(path)!r} must be listed in {RECORD}, which ties it to its features; {again}"
        )
    if record.features != features:
        raise InvalidValueError(
            f"{str(path)!r} must be computed from the stored features, got others; {again}"
        )
    if file_digest(path) != entry["digest"]:
        raise InvalidValueError(f"{str(path)!r} is damaged or has been changed; {again}")
    parameters = entry.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _read_or_none(folder: Path) -> RunRecord | None:
    try:
        return RunRecord.read(folder)
    except InvalidValueError:  # whatever it was about is computed again
        return None


def _kept(folder: Path, features: str, replaced: set[str]) -> dict[str, dict[str, Any]]:
    """The entries of results that stay."""
    record = _read_or_none(folder)
    if record is None or record.features != features:
        return {}
    return {
        name: entry
        for name, entry in record.files.items()
        if name in DERIVED and name not in replaced and (folder / name).exists()
    }


def _keep(folder: Path, kept: dict[str, dict[str, Any]], features: str) -> None:
    """Remove all results but some."""
    try:
        _remove(folder, kept)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if kept:
        RunRecord(features, kept).write(folder)


def _remove(folder: Path, kept: dict[str, dict[str, Any]]) -> None:
    """Remove the record first, then all results that do not stay."""
    (folder / RECORD).unlink(missing_ok=True)
    for name in DERIVED:
        if name not in kept:
            (folder / name).unlink(missing_ok=True)


def _cannot_write(folder: Path, error: OSError) -> FileOperationError:
    place = error.filename2 or error.filename or folder
    return FileOperationError(f"cannot write {str(place)!r}: {error.strerror}")
