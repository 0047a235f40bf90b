"""Images within tar and zip archives, read where they lie: nothing is ever unpacked.

A member's name is a label here and never a path. Of a tar archive the headers are read once, from
the first to the last; a compressed one is read on from the next of its checkpoints.
"""

import io
import posixpath
import tarfile
import threading
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from imagededup.errors import UnreadableImageError
from imagededup.sources.blobs import Blob, BlobFile
from imagededup.utils.sizes import bytes_in_words

__all__ = ["Archive", "Bad", "Member", "open_archive"]

_READ_AHEAD = 2**20
_COMPRESSED_CHUNK = 2**16
_CHECKPOINT_BYTES = 2**24
_LONGEST_HEADER = 2**22
_MOST_UNPACKED = 200_000_000
_MOST_EXPANSION = 100
_EXPANSION_OF_ALL = 2**28
_GZIP = b"\x1f\x8b"
_UNNAMED = "unnamed"
_LEADS_OUT = "a name that leads out of the archive"
_ANNOTATIONS = (
    *(".cls", ".cls2", ".csv", ".id", ".inx", ".index", ".json", ".jsonl", ".md", ".npy", ".npz"),
    *(".parquet", ".pickle", ".pkl", ".pth", ".pyd", ".ten", ".text", ".transcript", ".tsv"),
    *(".txt", ".xml", ".yaml", ".yml"),
)
"""Endings of what lies beside the images in a shard of WebDataset, and is none."""


class Member(Protocol):
    """An image within an archive."""

    def open(self) -> io.RawIOBase:
        """A file of its bytes; UnreadableImageError where there is none."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A member that is listed and cannot be read."""

    reason: str

    def open(self) -> io.RawIOBase:
        """Say why."""
        raise UnreadableImageError(self.reason)


@dataclass(slots=True)
class Archive:
    """The images of an archive.

    Attributes:
        members: By name, in the order of the archive.
        damage: Why the archive could not be read to its end; None if it could.
    """

    members: dict[str, Member] = field(default_factory=dict)
    damage: str | None = None

    def names(self, frames_per_second: float) -> list[str]:  # noqa: ARG002 - of videos
        """The images, in the order of the archive."""
        return list(self.members)

    def open(self, name: str) -> io.RawIOBase:
        """A file of an image's bytes; UnreadableImageError where there is none."""
        member = self.members.get(name)
        if member is None:
            raise UnreadableImageError(self.damage or "not in the archive")
        return member.open()

    def add(self, written: str, member: Member) -> None:
        """Take a member up by the name that is written in the archive, unless it is no image.

        A later one of the same name takes the place of an earlier one, as where it is unpacked.
        """
        name = posixpath.normpath(written.lstrip("/") or _UNNAMED)
        parts = name.split("/")
        if ".." in parts:
            self.members[written] = Bad(_LEADS_OUT)
        elif not any(part.startswith(".") for part in parts) and not _is_annotation(name):
            self.members[name] = member


def open_archive(blob: Blob, name: str) -> Archive | None:
    """Look what is in an archive.

    Args:
        blob: Its bytes.
        name: Its name, whose ending says of what kind it is.

    Returns:
        Its images; None for what is no archive at all.
    """
    if name.lower().endswith(".zip"):
        return _open_zip(blob)
    if name.lower().endswith((".gz", ".tgz")):
        if blob.read(0, 2) != _GZIP:
            return None
        blob = _GzipBlob(blob)
    return _open_tar(blob)


def _is_annotation(name: str) -> bool:
    return name.lower().endswith(_ANNOTATIONS)


@dataclass(frozen=True, slots=True)
class _Section:
    """A member whose bytes lie in one piece."""

    blob: Blob
    begin: int
    length: int

    def open(self) -> io.RawIOBase:
        if self.length == 0:
            raise UnreadableImageError("empty file")
        return BlobFile(self.blob, self.begin, self.length)


def _open_tar(blob: Blob) -> Archive | None:
    found = Archive()
    try:
        with (
            _HeaderFile(BlobFile(blob), _READ_AHEAD) as file,
            tarfile.open(fileobj=file, mode="r:") as tar,
        ):
            for info in _infos(tar):
                member = _tar_member(info, blob, found)
                if member is not None:
                    found.add(info.name, member)
    except _DAMAGE as error:
        if not found.members and isinstance(error, tarfile.ReadError):
            return None
        found.damage = f"damaged archive: {_said(error)}"
    return found


_DAMAGE = (
    tarfile.TarError,
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    RecursionError,
    UnreadableImageError,
    zlib.error,
)
"""What Python's tarfile raises for wrong bytes: long rows of extended headers recurse."""


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "extended headers of extended headers"
    return " ".join(str(error).split()) or type(error).__name__


class _HeaderFile(io.BufferedReader):
    """A file of which no header is read that would fill the memory; tarfile reads them whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and raise UnreadableImageError where it would be too much."""
        if size is None or not 0 <= size <= _LONGEST_HEADER:
            raise UnreadableImageError("an extended header that is too long")
        return super().read(size)


def _infos(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    place = -1
    while (info := tar.next()) is not None:
        tar.members.clear()  # type: ignore[attr-defined]
        if info.offset <= place:  # a size below 0 leads back
            raise tarfile.HeaderError("a member of fewer than no bytes")
        place = info.offset
        yield info


def _tar_member(info: tarfile.TarInfo, blob: Blob, found: Archive) -> Member | None:
    """How a member is read; None for folders and devices."""
    if info.isreg() and not info.issparse():
        return _Section(blob, info.offset_data, info.size)
    if info.issparse():
        return Bad("stored with holes, which is not read from archives")
    if info.islnk() or info.issym():
        folder = posixpath.dirname(info.name) if info.issym() else ""
        target = posixpath.normpath(posixpath.join(folder, info.linkname)).lstrip("/")
        return found.members.get(target, Bad("a link to what does not lie before it"))
    return None


def _open_zip(blob: Blob) -> Archive | None:
    found = Archive()
    try:
        file = zipfile.ZipFile(io.BufferedReader(BlobFile(blob)))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        if blob.read(0, 4) != b"PK\x03\x04":
            return None
        found.damage = f"damaged archive: {_said(error)}"
        return found
    for info in file.infolist():
        if not info.filename.endswith("/"):
            found.add(info.filename or _UNNAMED, _ZipMember(file, info))
    return found


@dataclass(frozen=True, slots=True)
class _ZipMember:
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self) -> io.RawIOBase:
        if self.info.flag_bits & 1:
            raise UnreadableImageError("encrypted in its archive")
        if self.info.file_size == 0:
            raise UnreadableImageError("empty file")
        return BlobFile(_StreamBlob(self.archive.open(self.info), self.info.file_size))


class _StreamBlob:
    """The bytes of a stream as far as they are asked for; what has come is kept.

    Args:
        stream: Is read once, from its beginning.
        size: How many bytes it has at most.
    """

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._data = bytearray()
        self.size = size
        self.modified = 0

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another; UnreadableImageError if that is far behind."""
        missing = min(end, self.size) - len(self._data)
        if min(end, self.size) > _MOST_UNPACKED:
            raise UnreadableImageError(
                f"compressed in its archive, more than {bytes_in_words(_MOST_UNPACKED)} of it are "
                "needed"
            )
        if missing > 0:
            self._data += self._stream.read(missing)
        return bytes(self._data[begin:end])


class _GzipBlob:
    """What a gzip file holds, read on from the next of the places where the state was kept.

    Python's zlib can copy the state of a decompressor: about 100 KiB for each 16 MiB. No more is
    read than 256 MiB and 100 times the compressed bytes.

    Args:
        blob: The compressed bytes.
    """

    def __init__(self, blob: Blob) -> None:
        self._compressed = blob
        self._lock = threading.Lock()
        self._checkpoints = [_GzipState(0, 0, zlib.decompressobj(wbits=31), b"")]
        self._state = self._checkpoints[0].copy()
        self._most = _EXPANSION_OF_ALL + _MOST_EXPANSION * blob.size
        self.size = 2**62  # it is known when the end is reached
        self.modified = blob.modified

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from a place up to another."""
        with self._lock:
            if not self._state.place - len(self._state.data) <= begin:
                self._go_back(begin)
            elif begin - self._state.place > _CHECKPOINT_BYTES:
                self._go_on(begin)
            parts = []
            while begin < end:
                data = self._state.data
                start = self._state.place - len(data)
                if begin < self._state.place:
                    part = data[begin - start : end - start]
                    parts.append(part)
                    begin += len(part)
                elif not self._advances(bool(parts)):
                    break
            return b"".join(parts)

    def _go_back(self, begin: int) -> None:
        places = [state.place for state in self._checkpoints]
        self._state = self._checkpoints[bisect_right(places, begin) - 1].copy()

    def _go_on(self, begin: int) -> None:
        """Take a later checkpoint, if there is one before the place."""
        places = [state.place for state in self._checkpoints]
        later = self._checkpoints[bisect_right(places, begin) - 1]
        if later.place > self._state.place:
            self._state = later.copy()

    def _advances(self, has_some: bool) -> bool:
        """Whether more comes; damage counts as the end as long as there is something before it."""
        try:
            return self._advance()
        except (EOFError, zlib.error):
            if has_some:
                return False
            raise

    def _advance(self) -> bool:
        """Decompress the next piece; False at the end."""
        state = self._state
        if not state.advance(self._compressed):
            self.size = state.place
            return False
        if state.place > self._most:
            raise UnreadableImageError(f"expands to more than {_MOST_EXPANSION} times its size")
        if state.place - self._checkpoints[-1].place >= _CHECKPOINT_BYTES:
            self._checkpoints.append(state.copy())
        return True


@dataclass(slots=True)
class _GzipState:
    """Where a decompressor stands.

    Attributes:
        place: How much it has given.
        taken: How much of the compressed bytes it has been given.
        decompressor: The state.
        data: The piece that it gave last, which ends at `place`.
    """

    place: int
    taken: int
    decompressor: Any
    data: bytes

    def copy(self) -> "_GzipState":
        return _GzipState(self.place, self.taken, self.decompressor.copy(), b"")

    def advance(self, compressed: Blob) -> bool:
        """Decompress until something comes; False at the end of the file."""
        while True:
            if self.decompressor.eof and not self._begin_next(compressed):
                return False
            waiting = self.decompressor.unconsumed_tail
            if not waiting:
                waiting = compressed.read(self.taken, self.taken + _COMPRESSED_CHUNK)
                self.taken += len(waiting)
                if not waiting:
                    raise EOFError("the compressed data end too early")
            self.data = self.decompressor.decompress(waiting, _READ_AHEAD)
            self.place += len(self.data)
            if self.data:
                return True

    def _begin_next(self, compressed: Blob) -> bool:
        """Go on with the gzip file that follows; False if there is none."""
        start = self.taken - len(self.decompressor.unused_data)
        if compressed.read(start, start + 2) != _GZIP:
            return False
        self.taken = start
        self.decompressor = zlib.decompressobj(wbits=31)
        return True
