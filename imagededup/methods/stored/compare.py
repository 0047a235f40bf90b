"""What of a listing is already stored, and what of the stored is gone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.methods.stored.encodings import StoredEncodings
from imagededup.sources.addresses import is_remote, remote_address
from imagededup.sources.folders import Failure, ImageFolder

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
    """What a folder is called among others: the same by whatever path it is reached.

    It is empty where the names are whole, and so the same from everywhere.
    """
    if folder.root == Path() and folder.names and all(map(_is_whole, folder.names)):
        return ""
    if is_remote(folder.root):
        return remote_address(folder.root)
    return os.path.realpath(folder.root)


def compare(stored: StoredEncodings, folder: ImageFolder, is_whole: bool = True) -> Comparison:
    """Compare sizes and times of modification.

    An image is known by its folder and its name. One that was moved with its folder, and is as it
    was, is known as well.

    Args:
        stored: What is stored.
        folder: The listing.
        is_whole: Whether the listing has all that there is, in folders within folders as well.

    Raises:
        InvalidValueError: An image of another folder has the name of one of this.
    """
    records, names = stored.records, stored.images.names
    place = {one: row for row, one in enumerate(names)}
    row = np.fromiter((place.get(one, -1) for one in folder.names), np.int64, len(folder.names))
    is_stored = row >= 0
    there = row[is_stored]
    files = folder.states.files
    same = np.zeros(len(row), bool)
    same[is_stored] = (records.size[there] == files["size"][is_stored]) & (
        records.modified[there] == files["modified"][is_stored]
    )
    name = name_of_folder(folder)
    own = records.folders.index(name) if name in records.folders else -1
    _check_names(stored, there[~same[is_stored]], own)
    missing = records.folder == own if own >= 0 else np.zeros(len(names), bool)
    missing[there] = False
    gone = [
        row
        for row in np.flatnonzero(missing).tolist()
        if _is_gone(names[row], name, folder.failures, is_whole)
    ]
    changed = row[is_stored & ~same]
    return Comparison(np.flatnonzero(~same), row[same], changed, np.array(gone, np.int64))


def _check_names(stored: StoredEncodings, rows: Indices, own: int) -> None:
    """Images that differ from stored ones of another folder must not have their names."""
    folders = stored.records.folders
    for row in rows.tolist():
        number, name = int(stored.records.folder[row]), stored.images.names[row]
        if number not in (own, -1) and not _is_gone(name, folders[number], [], False):
            raise InvalidValueError(
                f"{name!r} is in {str(stored.path)!r} already, as an image of {folders[number]!r}; "
                "images of several folders must have different names: encode a folder that holds "
                "them all, recursively, or write to another file"
            )


def _is_whole(name: str) -> bool:
    return is_remote(name) or os.path.isabs(name)  # noqa: PTH117 - a tenth of the time


def _is_gone(name: str, folder: str, failures: Sequence[Failure], is_whole: bool) -> bool:
    """Whether an image that was not listed is not there, and it is not that nobody looked.

    Args:
        name: The image.
        folder: Where it was.
        failures: What could not be listed.
        is_whole: Whether all that could be listed was.
    """
    if any(name.startswith(f"{one.name}/" if one.name else "") for one in failures):
        return False
    if is_remote(folder) or is_remote(name):
        return is_whole
    try:
        os.lstat(os.path.join(folder, name))  # noqa: PTH118 - names may be whole paths
    except FileNotFoundError:
        return True
    except NotADirectoryError:  # in an archive or a video
        return is_whole
    except OSError:
        return False
    return False
