"""Google Cloud Storage and Azure Blob Storage, through gcsfs and adlfs."""

from collections.abc import Iterator
from typing import Any

from imagededup.sources.remote_files import (
    CHANGED,
    Call,
    RemoteFile,
    Span,
    TooLongError,
    is_listed,
    nanoseconds,
)
from imagededup.sources.retries import RemoteError, status_of

__all__ = ["ObjectStore"]

_ETAG = ("etag", "ETag", "md5Hash")
_MODIFIED = ("last_modified", "mtime", "updated", "LastModified")


class ObjectStore:
    """Reads objects; paths are `bucket/key`.

    Args:
        scheme: `gs` or `az`. The library finds account and credentials: environment, files, roles.
    """

    def __init__(self, scheme: str) -> None:
        if scheme == "gs":
            from gcsfs.core import GCSFileSystem as FileSystem
        else:
            from adlfs import AzureBlobFileSystem as FileSystem
        self._system = FileSystem(skip_instance_cache=True, use_listings_cache=False)

    async def connect(self) -> None:
        """The libraries connect when they read."""

    async def close(self) -> None:
        """The libraries close their sessions themselves."""

    async def read(self, path: str, most: int) -> bytes:
        """As `RemoteStore`; a service of this size is trusted to send what was asked for."""
        try:
            data: bytes = await self._system._cat_file(path, start=0, end=most + 1)
        except Exception as error:
            if status_of(error) == 416:  # an empty file has no first byte
                return b""
            raise
        if len(data) > most:
            raise TooLongError(len(data))
        return data

    async def read_part(self, path: str, span: Span, file: RemoteFile) -> bytes:  # noqa: ARG002
        """As `RemoteStore`."""
        data: bytes = await self._system._cat_file(path, start=span[0], end=span[1])
        if len(data) != span[1] - span[0]:
            raise RemoteError(CHANGED)
        return data

    async def look(self, path: str) -> RemoteFile:
        """As `RemoteStore`."""
        entry = await self._system._info(path)
        if entry["type"] != "file":
            raise RemoteError("a folder, not a file")
        return _file(path.rpartition("/")[2], entry)

    def files(self, path: str, recursive: bool, call: Call) -> Iterator[RemoteFile]:
        """As `RemoteStore`; the libraries list all at once."""
        root = path.rstrip("/")
        if not root:
            raise RemoteError("the name of a bucket or container is missing")
        entries = call(self._entries, root, recursive)
        for name in sorted(entries):
            yield _file(name or root.rpartition("/")[2], entries[name], is_place=not name)

    async def _entries(self, root: str, recursive: bool) -> dict[str, dict[str, Any]]:
        if recursive:
            found = (await self._system._find(root, detail=True)).values()
        else:
            found = await self._system._ls(root, detail=True)
        entries = {}
        for entry in found:
            name = str(entry["name"])[len(root) + 1 :]
            if entry["type"] == "file" and (not name or is_listed(name)):
                entries[name] = entry
        if not found:
            raise RemoteError("no such file")
        return entries


def _file(name: str, entry: dict[str, Any], is_place: bool = False) -> RemoteFile:
    etag = next((str(entry[key]) for key in _ETAG if entry.get(key)), "").strip('"')
    modified = max((nanoseconds(entry.get(key)) for key in _MODIFIED), default=0)
    return RemoteFile(name, int(entry.get("size") or 0), modified, etag, is_place)
