"""Images of object stores and web servers, by their addresses."""

import re
from collections.abc import Iterator
from os import PathLike

from imagededup.errors import InvalidValueError, MissingPackageError, UnreadableImageError
from imagededup.sources.addresses import NOT_FETCHED, remote_address
from imagededup.sources.limits import limits
from imagededup.sources.read_ahead import read_before
from imagededup.sources.remote_blob import RemoteBlob
from imagededup.sources.remote_files import RemoteFile, TooLongError
from imagededup.sources.retries import RemoteError
from imagededup.sources.stores import call, store_of

__all__ = ["RemoteBlob", "RemoteFile", "list_remote", "read_whole"]


def read_whole(address: str | PathLike[str]) -> bytes:
    """The bytes of a remote file, by one request where all goes well.

    Raises:
        UnreadableImageError: They cannot be read; the message says why.
    """
    whole = remote_address(address)
    try:
        data = read_before(whole)
        if data is None:
            store, path = store_of(whole)
            data = call(store.read, path, limits().file_size)
    except TooLongError as error:
        raise UnreadableImageError(str(error)) from error
    except (RemoteError, MissingPackageError) as error:
        raise UnreadableImageError(f"{NOT_FETCHED}{error}") from error
    return data


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
