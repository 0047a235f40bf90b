"""What the name of an image leads to: a file, a remote object, or what lies within one of them.

An address is a path or a URL. Behind the name of an archive or a video stands what is meant of it:
`photos/trip.zip/a.jpg`, `film.mp4/000012.5s.jpg`, `s3://bucket/shard.tar/0001.jpg`.
"""

import os
import re
from os import PathLike
from pathlib import Path

__all__ = [
    "ARCHIVE_ENDINGS",
    "NOT_FETCHED",
    "SEQUENCE_ENDINGS",
    "VIDEO_ENDINGS",
    "as_path",
    "file_of",
    "is_archive",
    "is_container",
    "is_remote",
    "is_video",
    "parts_of",
    "path_in",
    "remote_address",
]

ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz", ".zip")
"""Files that are looked into for images."""

SEQUENCE_ENDINGS = (".avifs", ".heics", ".heifs")
"""Sequences of images, all of which are taken."""

VIDEO_ENDINGS = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"),
    *(".ogv", ".webm", ".wmv"),
    *SEQUENCE_ENDINGS,
)
"""Films, and sequences of images, whose frames are taken."""

NOT_FETCHED = "cannot be fetched: "
"""How the reason begins why something remote could not be read, which may be otherwise later."""

_REMOTE = re.compile(r"(s3|gs|az|https?|minio):/{1,2}(?=[^/])")
_IN_PATHS = {"": "\ue000", ".": "\ue001"}
_IN_URLS = {character: part for part, character in _IN_PATHS.items()}
_CONTAINER = re.compile(
    f"({'|'.join(map(re.escape, ARCHIVE_ENDINGS + VIDEO_ENDINGS))})/+(?=[^/])", re.IGNORECASE
)


def is_remote(address: str | PathLike[str]) -> bool:
    """Whether an address is a URL of one of the kinds that are read over the network.

    `Path` makes `s3:/bucket` of `s3://bucket`; both are understood.
    """
    return _REMOTE.match(os.fspath(address)) is not None


def remote_address(address: str | PathLike[str]) -> str:
    """A URL with both slashes behind its kind, and with what `as_path` has put something for."""
    text = Path(address).as_posix() if isinstance(address, Path) else os.fspath(address)
    text = _REMOTE.sub(r"\1://", text, count=1)
    return (
        text if text.isascii() else "/".join(_IN_URLS.get(part, part) for part in text.split("/"))
    )


def as_path(address: str) -> Path:
    """The path of an address, of which `remote_address` makes the same address again.

    `Path` leaves out empty parts and single dots, which are part of the name of an object.

    Examples:
        >>> remote_address(as_path("https://host/thumbnail?of=http://other//a.jpg"))
        'https://host/thumbnail?of=http://other//a.jpg'
    """
    match = _REMOTE.match(address)
    if match is None:
        return Path(address)
    parts = (_IN_PATHS.get(part, part) for part in address[match.end() :].split("/"))
    return Path(f"{match[1]}:", *parts)


def path_in(root: Path, name: str) -> Path:
    """The path of an image in a place; of a whole address the place is the current folder."""
    if is_remote(root):
        return as_path(f"{remote_address(root)}/{name}")
    return as_path(name) if is_remote(name) else root / name


def is_archive(name: str) -> bool:
    """Whether a name has the ending of an archive."""
    return name.lower().endswith(ARCHIVE_ENDINGS)


def is_video(name: str) -> bool:
    """Whether a name has the ending of a film or of a sequence of images."""
    return name.lower().endswith(VIDEO_ENDINGS)


def is_container(name: str) -> bool:
    """Whether there may be images within a file of this name."""
    return is_archive(name) or is_video(name)


def file_of(address: str) -> str | None:
    """The file that an address leads to, or in which its image lies; None if it is remote."""
    if is_remote(address):
        return None
    if os.path.lexists(address):
        return address
    return next((one for one, _ in parts_of(address) if os.path.isfile(one)), address)  # noqa: PTH113


def parts_of(address: str) -> list[tuple[str, str]]:
    """The ways in which an address may be the name of a container and what is meant of it.

    Examples:
        >>> parts_of("a.tar/b.jpg")
        [('a.tar', 'b.jpg')]
        >>> parts_of("a.jpg")
        []
    """
    return [
        (address[: found.end(1)], address[found.end() :]) for found in _CONTAINER.finditer(address)
    ]
