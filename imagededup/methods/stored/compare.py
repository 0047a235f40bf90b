"""What of a listing is already stored, and what of the stored is gone."""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.methods.stored.encodings import StoredEncodings
from imagededup.sources.addresses import is_remote
from imagededup.sources.folders import ImageFolder

__all__ = ["Comparison", "compare", "name_of_folder"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Images of a folder beside those that are stored.

    Attributes:
        to_encode: Places in the listing of images that are new or have changed, ascending.
        known: Rows of stored images of the listing that are as they were.
        changed: Rows of stored images that have changed.
        gone: Rows of stored images of the folder that are not there any more.
    """

    to_encode: Indices
    known: Indices
    changed: Indices
    gone: Indices


def name_of_folder(folder: ImageFolder) -> str:
    """What a folder is called among others: the same by whatever path it is reached."""
    root = str(folder.root)
    return root if is_remote(root) else os.path.realpath(root)


def compare(stored: StoredEncodings, folder: ImageFolder) -> Comparison:
    """Compare sizes and times of modification.

    An image is known by its folder and its name. One that was moved with its folder, and is as it
    was, is known as well.

    Raises:
        InvalidValueError: An image of another folder has the name of one of this.
    """
    records, names = stored.records, stored.images.names
    place = {name: row for row, name in enumerate(names)}
    row = np.fromiter((place.get(name, -1) for name in folder.names), np.int64, len(folder.names))
    is_stored = row >= 0
    there = row[is_stored]
    files = folder.states.files
    same = np.zeros(len(row), bool)
    same[is_stored] = (records.size[there] == files["size"][is_stored]) & (
        records.modified[there] == files["modified"][is_stored]
    )
    own = _number_of(stored, folder)
    _check_names(stored, there[~same[is_stored]], own)
    listed = np.zeros(len(names), bool)
    listed[there] = True
    gone = np.flatnonzero(~listed & (records.folder == own)) if own >= 0 else there[:0]
    return Comparison(
        np.flatnonzero(~same), row[same], row[is_stored & ~same], _not_there(stored, gone, folder)
    )


def _number_of(stored: StoredEncodings, folder: ImageFolder) -> int:
    name = name_of_folder(folder)
    folders = stored.records.folders
    return folders.index(name) if name in folders else -1


def _check_names(stored: StoredEncodings, rows: Indices, own: int) -> None:
    """Images that differ from stored ones of another folder must not have their names."""
    folders = stored.records.folders
    for row in rows.tolist():
        number, name = int(stored.records.folder[row]), stored.images.names[row]
        if number not in (own, -1) and os.path.lexists(f"{folders[number]}/{name}"):
            raise InvalidValueError(
                f"{name!r} is in {str(stored.path)!r} already, as an image of {folders[number]!r}; "
                "images of several folders must have different names: encode a folder that holds "
                "them all, recursively, or write to another file"
            )


def _not_there(stored: StoredEncodings, rows: Indices, folder: ImageFolder) -> Indices:
    """Images that the listing lacks because they are gone, and not because it looked elsewhere."""
    unread = tuple(f"{one.name}/" if one.name else "" for one in folder.failures)
    names = stored.images.names
    gone = [
        row
        for row in rows.tolist()
        if not names[row].startswith(unread) and not os.path.lexists(folder.path(names[row]))
    ]
    return np.array(gone, np.int64)
