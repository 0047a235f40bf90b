"""Adding to stored codes what is new: the work is that of the new images, not of all."""

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods.encoder import Encoder
from imagededup.methods.encoding import CodeArray, EncodedImages, encode_files
from imagededup.methods.reports import report_failures
from imagededup.methods.stored.arrays import write_arrays
from imagededup.methods.stored.compare import Comparison, compare, name_of_folder
from imagededup.methods.stored.encodings import FileRecords, StoredEncodings
from imagededup.methods.stored.files import (
    check_path,
    load_encodings,
    write_encodings,
    writing,
)
from imagededup.sources.file_states import FileState
from imagededup.sources.folders import ImageFolder
from imagededup.sources.listing import list_images
from imagededup.sources.places import ImageDir, Sources
from imagededup.utils.npz import Blocks
from imagededup.utils.options import check_bool
from imagededup.utils.parallel import check_workers

__all__ = ["EncodingsUpdate", "encode_to_file", "update_encodings"]

_ROWS_AT_ONCE = 4096

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncodingsUpdate:
    """What `update_encodings` has done.

    Attributes:
        new: How many images were added.
        changed: How many have changed and were encoded again.
        unreadable: How many have changed and cannot be read any more; they are left out.
        gone: How many images of the folder are not there any more.
        pruned: How many of these were left out.
        total: How many images the file has.
    """

    new: int
    changed: int
    unreadable: int
    gone: int
    pruned: int
    total: int


def update_encodings(
    path: str | PathLike[str],
    encoder: Encoder[Any],
    image_dir: ImageDir,
    recursive: bool = False,
    prune: bool = False,
    num_enc_workers: int | None = None,
) -> EncodingsUpdate:
    """Encode the images of a folder that are new or have changed, and add them to a file.

    An image has changed where its size or its time of modification has. Images are known by folder
    and name: those of another folder are added. What could not be read is tried again.

    Args:
        path: The `.npz` file; where there is none, it is made.
        encoder: What makes the codes; that of the file must have had the same settings.
        image_dir: The folder.
        recursive: Whether to encode the images of the folders within as well.
        prune: Whether to leave out images of the folder that are not there any more.
        num_enc_workers: Number of threads; None takes all cores.

    Returns:
        How many images were added, and how many there are.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The codes of the file were made in another way, an image of another
            folder has the same name, or the folder cannot be read.
        FileOperationError: The file cannot be written, or another process writes it.
    """
    checked, workers = _checked(path, encoder, num_enc_workers)
    check_bool("prune", prune)
    if checked.suffix != ".npz":
        raise InvalidValueError(
            "only a .npz file keeps the sizes and times by which new images are known, "
            f"got {str(path)!r}"
        )
    if encoder._fingerprint() is None:
        raise InvalidValueError("codes of a CustomModel cannot be told from those of another one")
    with writing(checked):
        stored = load_encodings(checked) if checked.exists() else None
        if stored is not None:
            _check_same(stored, encoder)
        folder = _listed(image_dir, recursive, checked)
        if stored is None:
            written = _written(checked, encoder, folder, workers)
            return EncodingsUpdate(len(written), 0, 0, 0, 0, len(written))
        found = compare(stored, folder, recursive and not _chooses(image_dir, folder))
        return _update(stored, encoder, folder, found, prune, workers)


def encode_to_file(
    path: str | PathLike[str],
    encoder: Encoder[Any],
    image_dir: ImageDir,
    recursive: bool = False,
    num_enc_workers: int | None = None,
) -> int:
    """Encode all images of a folder, and write the codes to a file.

    Returns:
        The number of images.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The folder cannot be read.
        FileOperationError: The file cannot be written, or another process writes it.
    """
    checked, workers = _checked(path, encoder, num_enc_workers)
    with writing(checked):
        return len(_written(checked, encoder, _listed(image_dir, recursive, checked), workers))


def _checked(path: str | PathLike[str], encoder: object, workers: int | None) -> tuple[Path, int]:
    if not isinstance(encoder, Encoder):
        raise InvalidTypeError(f"encoder must be an encoder, got {type(encoder).__name__}")
    return check_path(path, encoder), check_workers("num_enc_workers", workers)


def _listed(image_dir: ImageDir, recursive: bool, path: Path) -> ImageFolder:
    """The images of a place, without the file of codes if it lies there."""
    folder = list_images(image_dir, recursive)
    if not path.exists():
        return folder
    own, files = FileState.of(path.stat()), folder.states.files
    others = np.flatnonzero((files["device"] != own.device) | (files["inode"] != own.inode))
    if folder.names and len(others) == 0:
        raise InvalidValueError(f"image_dir must hold at least one image, found {str(path)!r} only")
    return folder if len(others) == len(folder.names) else folder.take(others)


def _written(
    path: Path, encoder: Encoder[Any], folder: ImageFolder, workers: int
) -> StoredEncodings:
    images = encode_files([encoder], folder, workers)[0]
    report_failures(images.failures)
    stored = StoredEncodings(
        path, encoder._method, encoder._fingerprint(), images, _records_of(images, folder)
    )
    write_encodings(stored)
    return stored


def _check_same(stored: StoredEncodings, encoder: Encoder[Any]) -> None:
    own = encoder._fingerprint()
    if stored.made_by != own:
        has = repr(stored.made_by) if stored.made_by else "codes that do not say how they were made"
        raise InvalidValueError(
            f"{str(stored.path)!r} has {has}, these are {own!r}: codes must be made alike to stand "
            "in one file; write to another one, or encode all images anew"
        )


def _chooses(image_dir: ImageDir, folder: ImageFolder) -> bool:
    """Whether a listing is not that of all images of a place: by patterns, or a list of paths."""
    has_patterns = isinstance(image_dir, Sources) and (image_dir.include or image_dir.exclude)
    return bool(has_patterns) or folder.root == Path()


def _update(
    stored: StoredEncodings,
    encoder: Encoder[Any],
    folder: ImageFolder,
    found: Comparison,
    prune: bool,
    workers: int,
) -> EncodingsUpdate:
    fresh = encode_files([encoder], folder.take(found.to_encode), workers)[0]
    report_failures(fresh.failures)
    left_out = np.concatenate([found.changed, found.gone if prune else found.gone[:0]])
    kept = np.delete(np.arange(len(stored)), left_out)
    moved = _moved(stored, found, name_of_folder(folder))
    if len(fresh.names) or len(left_out) or moved is not stored:
        _write_merged(moved, kept, fresh, folder)
    changed = {stored.images.names[row] for row in found.changed.tolist()}
    again = sum(name in changed for name in fresh.names)
    return EncodingsUpdate(
        new=len(fresh.names) - again,
        changed=again,
        unreadable=len(changed) - again,
        gone=len(found.gone),
        pruned=len(found.gone) if prune else 0,
        total=len(kept) + len(fresh.names),
    )


def _moved(stored: StoredEncodings, found: Comparison, name: str) -> StoredEncodings:
    """The same where images that came with their folder to another place are of that place."""
    records = stored.records
    folders = records.folders if name in records.folders else (*records.folders, name)
    folder = records.folder.copy()
    folder[found.known] = folders.index(name)
    if np.array_equal(folder, records.folder):
        return stored
    moved = FileRecords(folders, folder, records.size, records.modified)
    return StoredEncodings(stored.path, stored.method, stored.made_by, stored.images, moved)


def _write_merged(
    stored: StoredEncodings, kept: Indices, fresh: EncodedImages, folder: ImageFolder
) -> None:
    """Write the kept rows and the fresh ones, sorted by name; codes are not held twice."""
    names = np.array(stored.images.names, object)[kept]
    place = np.searchsorted(names, np.array(fresh.names, object))
    source = np.insert(kept, place, len(stored) + np.arange(len(fresh.names)))
    images = EncodedImages(
        np.insert(names, place, np.array(fresh.names, object)).tolist(),
        stored.images.codes if len(kept) else fresh.codes,
        plain=_merged_plain(stored.images, fresh, source),
    )
    records = _merged_records(stored.records, _records_of(fresh, folder), source)
    merged = StoredEncodings(stored.path, stored.method, stored.made_by, images, records)
    write_arrays(merged, _merged_codes(stored.images.codes, fresh.codes, source))


def _merged_codes(stored: CodeArray, fresh: CodeArray, source: Indices) -> Blocks:
    width = (stored if len(stored) else fresh).shape[1:]

    def blocks() -> Iterator[CodeArray]:
        for begin in range(0, len(source), _ROWS_AT_ONCE):
            rows = source[begin : begin + _ROWS_AT_ONCE]
            block = np.empty((len(rows), *width), stored.dtype)
            is_fresh = rows >= len(stored)
            block[~is_fresh] = stored[rows[~is_fresh]]
            block[is_fresh] = fresh[rows[is_fresh] - len(stored)]
            yield block

    return Blocks((len(source), *width), stored.dtype, blocks())


def _merged_plain(stored: EncodedImages, fresh: EncodedImages, source: Indices) -> dict[int, bytes]:
    digests = stored.plain | {row + len(stored.names): one for row, one in fresh.plain.items()}
    rows = np.flatnonzero(np.isin(source, np.fromiter(digests, np.int64, len(digests))))
    return {row: digests[int(source[row])] for row in rows.tolist()}


def _merged_records(stored: FileRecords, fresh: FileRecords, source: Indices) -> FileRecords:
    (name,) = fresh.folders
    folders = stored.folders if name in stored.folders else (*stored.folders, name)
    of_fresh = np.full(len(fresh.folder), folders.index(name), np.int64)
    folder = np.concatenate([stored.folder, of_fresh])[source]
    used, number = np.unique(folder, return_inverse=True)
    named = used[used >= 0]
    return FileRecords(
        tuple(folders[one] for one in named.tolist()),
        number.astype(np.int64) - (len(used) - len(named)),
        np.concatenate([stored.size, fresh.size])[source],
        np.concatenate([stored.modified, fresh.modified])[source],
    )


def _records_of(images: EncodedImages, folder: ImageFolder) -> FileRecords:
    """What the files were like when they were listed, before they were decoded."""
    place = {name: number for number, name in enumerate(folder.names)}
    listed = np.fromiter((place[name] for name in images.names), np.int64, len(images.names))
    files = folder.states.files[listed]
    return FileRecords(
        (name_of_folder(folder),),
        np.zeros(len(listed), np.int64),
        np.ascontiguousarray(files["size"]),
        np.ascontiguousarray(files["modified"]),
    )
