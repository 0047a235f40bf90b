"""Images of object stores and web servers, by their addresses."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Self

from imagededup.errors import InvalidValueError, MissingPackageError, UnreadableImageError
from imagededup.sources.addresses import remote_address
from imagededup.sources.limits import limits
from imagededup.sources.remote_files import RemoteFile, RemoteStore
from imagededup.sources.retries import RemoteError
from imagededup.sources.stores import call, store_of

__all__ = ["RemoteBlob", "RemoteFile", "list_remote", "read_whole"]


@dataclass(frozen=True, slots=True)
class RemoteBlob:
    """A remote file of which parts are read.

    Attributes:
        size: Bytes.
        modified: Nanoseconds since 1970; 0 where the server does not say.
        etag: What the server calls this version of the file; empty where it does not say.
    """

    size: int
    modified: int
    etag: str
    _store: RemoteStore
    _path: str

    @classmethod
    def open(cls, address: str | PathLike[str]) -> Self:
        """Ask the server for the state of a file.

        Raises:
            UnreadableImageError: It cannot be read; the message says why.
        """
        try:
            store, path = store_of(remote_address(address))
            file = call(store.look, path)
        except (RemoteError, MissingPackageError) as error:
            raise UnreadableImageError(str(error)) from error
        return cls(file.size, file.modified, file.etag, store, path)

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another, or up to the end of the file.

        Raises:
            UnreadableImageError: They cannot be read; the message says why.
        """
        end = min(end, self.size)
        if begin >= end:
            return b""
        try:
            data = call(self._store.read, self._path, (begin, end), end - begin)
        except RemoteError as error:
            raise UnreadableImageError(str(error)) from error
        if len(data) != end - begin:
            raise UnreadableImageError("the file has become shorter since it was opened")
        return data


def read_whole(address: str | PathLike[str]) -> bytes:
    """The bytes of a remote file, by one request where all goes well.

    Raises:
        UnreadableImageError: They cannot be read; the message says why.
    """
    try:
        store, path = store_of(remote_address(address))
        return call(store.read, path, None, limits().file_size)
    except (RemoteError, MissingPackageError) as error:
        raise UnreadableImageError(str(error)) from error


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


def _shown(address: str) -> str:
    """Without a password."""
    return re.sub(r"(?<=://)[^/@]*@", "", address)
