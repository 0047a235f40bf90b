"""Images of object stores and web servers, by their addresses."""

import re
from collections.abc import Iterator
from os import PathLike

from imagededup.errors import InvalidValueError, MissingPackageError, UnreadableImageError
from imagededup.sources.addresses import NOT_FETCHED, remote_address
from imagededup.sources.blobs import BytesBlob
from imagededup.sources.limits import limits, over_limit
from imagededup.sources.read_ahead import read_before
from imagededup.sources.remote_blob import RemoteBlob
from imagededup.sources.remote_files import RemoteFile, TooLongError
from imagededup.sources.retries import RemoteError
from imagededup.sources.stores import call, store_of

__all__ = ["RemoteBlob", "RemoteFile", "list_remote", "open_remote", "read_whole"]

_MOST_AT_ONCE = 2**26
"""Bytes of a file that are held in memory before anything is known of its pixels."""


def open_remote(address: str | PathLike[str]) -> BytesBlob | RemoteBlob:
    """A remote file: its bytes, by one request where all goes well; a long one by its parts.

    Raises:
        UnreadableImageError: It cannot be read; the message says why.
    """
    try:
        return BytesBlob(read_whole(address, _MOST_AT_ONCE))
    except UnreadableImageError as error:
        if not isinstance(error.__cause__, TooLongError):
            raise
        _check_size(error.__cause__.size)
    blob = RemoteBlob.open(address)
    _check_size(blob.size)
    if not blob.size:
        raise UnreadableImageError("a long file, and the server does not say how long")
    return blob


def read_whole(address: str | PathLike[str], most: int | None = None) -> bytes:
    """The bytes of a remote file, by one request where all goes well.

    Args:
        address: Of the file.
        most: How many bytes it may have; None and no more than the limit of the process.

    Raises:
        UnreadableImageError: They cannot be read; the message says why.
    """
    whole = remote_address(address)
    limit = limits().file_size
    try:
        data = read_before(whole)
        if data is None:
            store, path = store_of(whole)
            data = call(store.read, path, limit if most is None else min(most, limit))
    except TooLongError as error:
        raise UnreadableImageError(str(error)) from error
    except (RemoteError, MissingPackageError) as error:
        raise UnreadableImageError(f"{NOT_FETCHED}{error}") from error
    _check_size(len(data))
    return data


def _check_size(size: int) -> None:
    reason = over_limit("file_size", size)
    if reason:
        raise UnreadableImageError(reason)


def list_remote(address: str | PathLike[str], recursive: bool) -> Iterator[RemoteFile]:
    """The files of a remote folder, sorted by name, page by page as they are asked for.

    Names of which a part begins with a dot are passed over. The address of one file gives that one.

    Args:
        address: A bucket or a folder in it, a page that lists files, or a file.
        recursive: Whether to list the folders within as well.

    Raises:
        InvalidValueError: There is nothing, or it cannot be reached.
        MissingPackageError: The package of the extra is not installed.
    """
    place = remote_address(address)
    try:
        store, path = store_of(place)
        yield from store.files(path, recursive, call)
    except RemoteError as error:
        raise InvalidValueError(f"{_shown(place)} cannot be listed: {error}") from error
    except MissingPackageError as error:
        raise MissingPackageError(f"{_shown(place)} {error}") from error
    except ValueError as error:
        raise InvalidValueError(f"{_shown(place)} is no address: {error}") from error


def _shown(address: str) -> str:
    """Without a password, or a signature that allows access."""
    address = re.sub(r"(?<=://)[^/@]*@", "", address)
    return address.partition("?")[0] if address.startswith("http") else address
