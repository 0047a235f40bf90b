"""Files of web servers, and the folders that they list, through fsspec."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

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
from imagededup.sources.retries import RemoteError

__all__ = ["HttpStore"]

_CONNECTIONS = 64
_CONNECT_SECONDS = 10
_SILENCE_SECONDS = 15
_PAGE_BYTES = 2**26
_DEEPEST = 32
_HEADERS = {"Accept-Encoding": "identity"}
_AS_SENT = re.compile(r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")


class HttpStore:
    """Reads files; paths are whole addresses."""

    def __init__(self) -> None:
        import aiohttp
        from fsspec.implementations.http import HTTPFileSystem

        self._system_of = HTTPFileSystem
        self._aiohttp = aiohttp

    async def connect(self) -> None:
        """Make a session; proxies and .netrc are used as other programs use them."""
        timeout = self._aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS
        )
        connector = self._aiohttp.TCPConnector(limit=_CONNECTIONS)
        self._system = self._system_of(
            asynchronous=True,  # nothing is closed when a forked process ends
            skip_instance_cache=True,
            use_listings_cache=False,
            client_kwargs={"timeout": timeout, "connector": connector, "trust_env": True},
        )
        self._session = await self._system.set_session()

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()

    async def read(self, path: str, most: int) -> bytes:
        """As `RemoteStore`."""
        async with self._get(path) as response:
            response.raise_for_status()
            if (response.content_length or 0) > most:
                raise TooLongError(response.content_length)
            return await collected(response.content.iter_any(), most)

    async def read_part(self, path: str, span: Span, file: RemoteFile) -> bytes:
        """As `RemoteStore`."""
        async with self._get(path, span) as response:
            response.raise_for_status()
            if response.status != 206:
                raise RemoteError("the server cannot send a part of a file")
            if _whole_size(response) != file.size:
                raise RemoteError(CHANGED)
            data = await collected(response.content.iter_any(), span[1] - span[0])
        if len(data) != span[1] - span[0]:
            raise RemoteError("the server cut the connection", again=True)
        return data

    async def look(self, path: str) -> RemoteFile:
        """As `RemoteStore`; the first byte is asked for, as many servers refuse HEAD."""
        async with self._get(path, (0, 1)) as response:
            if response.status != 416:  # an empty file has no first byte
                response.raise_for_status()
            headers = response.headers
            modified = None
            with suppress(ValueError, TypeError):
                modified = parsedate_to_datetime(headers.get("Last-Modified", ""))
            return RemoteFile(
                _last_part(path),
                _whole_size(response),
                nanoseconds(modified),
                headers.get("ETag", "").removeprefix("W/").strip('"'),
                has_parts=response.status != 200,
            )

    def files(self, path: str, recursive: bool, call: Call) -> Iterator[RemoteFile]:
        """As `RemoteStore`; an address that ends in a slash is a page with links to files."""
        if urlsplit(path).path.endswith("/") or not urlsplit(path).path:
            yield from self._below(path.rstrip("/") + "/", "", recursive, call)
        else:
            yield replace(call(self.look, path), is_place=True)

    def _below(self, folder: str, prefix: str, recursive: bool, call: Call) -> Iterator[RemoteFile]:
        """Folders sort with their slash, so that the names come in order."""
        if prefix.count("/") > _DEEPEST:
            raise RemoteError(f"folders more than {_DEEPEST} deep, which may be a circle")
        for name in sorted(call(self._links, folder)):
            if name.endswith("/"):
                if recursive:
                    yield from self._below(folder + name, prefix + name, recursive, call)
            else:
                yield RemoteFile(prefix + name)

    async def _links(self, folder: str) -> set[str]:
        """Names of what a page links to right below its own address."""
        async with self._get(folder) as response:
            response.raise_for_status()
            if response.content_type not in ("text/html", "application/xhtml+xml"):
                raise RemoteError("the server does not list this folder")
            page = await collected(response.content.iter_any(), _PAGE_BYTES)
            own = str(response.url)
        finder = _LinkFinder()
        finder.feed(page.decode(errors="replace"))
        own = urljoin(own, ".")
        addresses = (urljoin(own, link.strip()) for link in finder.links)
        return {address[len(own) :] for address in addresses if _is_below(address, own)}

    def _get(self, path: str, span: Span | None = None) -> Any:  # noqa: ANN401
        """Send an address as it is, where it is a proper one; signed ones would change else."""
        from yarl import URL

        part = {"Range": f"bytes={span[0]}-{span[1] - 1}"} if span else {}
        url = URL(path, encoded=bool(_AS_SENT.fullmatch(path)))
        return self._session.get(url, headers=_HEADERS | part)


class _LinkFinder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]


def _whole_size(response: Any) -> int:  # noqa: ANN401
    """Bytes of the file of which a part was asked for; 0 where the server does not say."""
    if response.status == 200:
        return response.content_length or 0
    size = response.headers.get("Content-Range", "").rpartition("/")[2]
    return int(size) if size.isdecimal() else 0


def _is_below(address: str, folder: str) -> bool:
    """Whether it is a file or folder right in a folder, and not a way to sort the page."""
    name = address[len(folder) :]
    return (
        address.startswith(folder)
        and "/" not in name[:-1]
        and not {"?", "#"} & set(name)
        and is_listed(unquote(name).removesuffix("/"))
    )


def _last_part(address: str) -> str:
    path, mark, query = address.partition("?")
    return path.rpartition("/")[2] + mark + query
