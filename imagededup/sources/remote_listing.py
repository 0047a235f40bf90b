"""The images of a remote place as all listings have them: names, and states to tell them apart."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imagededup.errors import InvalidValueError, UnreadableImageError
from imagededup.sources.addresses import remote_address
from imagededup.sources.file_states import FileState, FileStates
from imagededup.sources.remote import list_remote
from imagededup.sources.remote_blob import RemoteBlob
from imagededup.sources.remote_files import RemoteFile

__all__ = ["RemotePlace", "container_states", "list_remote_place"]

_NO_DEVICE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """What a URL stands for.

    Attributes:
        place: Goes before the names, with a slash; empty where the URL is one file.
        names: Of the files, sorted.
        states: What the files are like, in the order of the names.
    """

    place: str
    names: list[str]
    states: FileStates


def list_remote_place(url: str, recursive: bool, name: str) -> RemotePlace:
    """List the files of a bucket, of a folder in it, or of a page with links; or take one file.

    Args:
        url: The place.
        recursive: Whether to list the folders within as well.
        name: What the argument is called in errors.

    Raises:
        InvalidValueError: It cannot be reached, or holds no file.
        MissingPackageError: The package is not installed that it needs.
    """
    place = remote_address(url)
    names: list[str] = []

    def states() -> Iterator[FileState]:
        for file in list_remote(place, recursive):
            names.append("" if file.is_place else file.name)
            whole = place if file.is_place else f"{place.rstrip('/')}/{file.name}"
            yield _state(whole, file)

    found = FileStates.of(states())
    if not names:
        advice = "" if recursive else "; its subfolders are searched with recursive=True"
        raise InvalidValueError(f"{name} must hold at least one file, found none in {url}{advice}")
    return RemotePlace("", [place], found) if names == [""] else RemotePlace(place, names, found)


def container_states(url: str, count: int) -> FileStates:
    """The states of images that lie in a remote archive or video: those of the file, where known.

    Args:
        url: The file.
        count: How many images there are.
    """
    place = remote_address(url)
    try:
        blob = RemoteBlob.open(place)
        state = _state(place, RemoteFile("", blob.size, blob.modified, blob.etag))
    except UnreadableImageError:
        state = FileState(0, 0, 0, 0)
    return FileStates.of([state]).take(np.zeros(count, np.int64))


def _state(address: str, file: RemoteFile) -> FileState:
    """A file is the same by its address, as others are by device and inode.

    The time is exact to the second; what follows is a number made of the etag, as a file may be
    written twice in a second.
    """
    version = _number(file.etag) % 10**9 if file.etag else 0
    return FileState(_NO_DEVICE, _number(address), file.size, file.modified + version)


def _number(text: str) -> int:
    """A number of 64 bits that is another one for another text."""
    code = hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8)
    return int.from_bytes(code.digest())
