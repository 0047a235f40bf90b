"""Buckets of Amazon S3 and of services that speak its language, through s3fs."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from imagededup.sources.minio import Endpoint
from imagededup.sources.remote_files import (
    CHANGED,
    Call,
    RemoteFile,
    Span,
    TooLongError,
    collected,
    is_listed,
    nanoseconds,
)
from imagededup.sources.retries import RemoteError, status_of

__all__ = ["S3Store"]

logger = logging.getLogger("imagededup")

_CONNECTIONS = 64
_CHUNK = 2**18
_CONFIG = {"max_pool_connections": _CONNECTIONS, "retries": {"total_max_attempts": 1}}
"""Tries are counted in `retries.py`, for every kind of store alike."""


class S3Store:
    """Reads objects; paths are `bucket/key`.

    Args:
        endpoint: The service and its credentials; None has botocore find both: environment,
            profiles, roles. Where it finds no credentials, objects are read anonymously.
    """

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        from aiobotocore.session import AioSession
        from s3fs import S3FileSystem

        self._endpoint = endpoint
        self._session = AioSession()
        self._system_of = S3FileSystem

    async def connect(self) -> None:
        """Find credentials and make a session."""
        options: dict[str, Any] = {"config_kwargs": dict(_CONFIG)}
        if self._endpoint is None:
            self.is_anonymous = await self._session.get_credentials() is None
            if self.is_anonymous:
                logger.info("no credentials for S3 are found; objects are read anonymously")
        else:
            self.is_anonymous = not self._endpoint.key
            options["config_kwargs"] |= {
                "signature_version": self._endpoint.signature,
                "s3": {"addressing_style": self._endpoint.addressing},
            }
            options |= {
                "endpoint_url": self._endpoint.url,
                "key": self._endpoint.key or None,
                "secret": self._endpoint.secret or None,
                "token": self._endpoint.token or None,
            }
        self._system = self._system_of(
            anon=self.is_anonymous,
            session=self._session,
            asynchronous=True,  # nothing is closed when a forked process ends
            skip_instance_cache=True,
            use_listings_cache=False,
            **options,
        )
        self._system.retries = 1
        self._client = await self._system.set_session()

    async def close(self) -> None:
        """Close the session."""
        await self._client.close()

    async def read(self, path: str, most: int) -> bytes:
        """As `RemoteStore`."""
        return await self._body(path, most)

    async def read_part(self, path: str, span: Span, file: RemoteFile) -> bytes:
        """As `RemoteStore`."""
        options = {"Range": f"bytes={span[0]}-{span[1] - 1}"}
        if file.etag:
            options["IfMatch"] = f'"{file.etag}"'
        try:
            data = await self._body(path, span[1] - span[0], **options)
        except OSError as error:
            if status_of(error) in (412, 416):
                raise RemoteError(CHANGED) from error
            raise
        if len(data) != span[1] - span[0]:
            raise RemoteError(CHANGED)
        return data

    async def _body(self, path: str, most: int, **options: str) -> bytes:
        bucket, key = _split(path)
        answer = await self._call("get_object", Bucket=bucket, Key=key, **options)
        length = answer.get("ContentLength")
        try:
            if length and length > most:
                raise TooLongError(length)
            data = await collected(answer["Body"].iter_chunks(_CHUNK), most)
        finally:
            answer["Body"].close()
        if length is not None and len(data) != length:
            raise RemoteError("the server cut the connection", again=True)
        return data

    async def look(self, path: str) -> RemoteFile:
        """As `RemoteStore`."""
        bucket, key = _split(path)
        answer = await self._call("head_object", Bucket=bucket, Key=key)
        return _file(key.rpartition("/")[2], answer, answer["ContentLength"])

    def files(self, path: str, recursive: bool, call: Call) -> Iterator[RemoteFile]:
        """As `RemoteStore`; the service sorts the keys of a bucket as Python sorts text."""
        bucket, key = path.partition("/")[::2]
        if not bucket:
            raise RemoteError("the name of a bucket is missing")
        prefix = f"{key.rstrip('/')}/" if key.strip("/") else ""
        token, is_there = "", not prefix
        while True:
            page = call(self._page, bucket, prefix, recursive, token)
            is_there = is_there or page.get("KeyCount", 0) > 0
            for entry in page.get("Contents", []):
                name = entry["Key"][len(prefix) :]
                if is_listed(name):
                    yield _file(name, entry, entry["Size"])
            token = page.get("NextContinuationToken", "")
            if not token:
                break
        if not is_there:
            yield replace(call(self.look, path), is_place=True)

    async def _page(self, bucket: str, prefix: str, recursive: bool, token: str) -> Any:  # noqa: ANN401
        options = {} if recursive else {"Delimiter": "/"}
        if token:
            options["ContinuationToken"] = token
        return await self._call("list_objects_v2", Bucket=bucket, Prefix=prefix, **options)

    async def _call(self, method: str, **arguments: str) -> Any:  # noqa: ANN401
        try:
            return await self._system._call_s3(method, **arguments)
        except PermissionError as error:
            if not self.is_anonymous:
                raise
            reason = "access denied; no credentials are found, hence it was read anonymously"
            raise RemoteError(reason) from error


def _split(path: str) -> tuple[str, str]:
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise RemoteError("the address must be one of an object: bucket/key")
    return bucket, key


def _file(name: str, entry: dict[str, Any], size: int) -> RemoteFile:
    etag = str(entry.get("ETag", "")).strip('"')
    return RemoteFile(name, size, nanoseconds(entry.get("LastModified")), etag)
