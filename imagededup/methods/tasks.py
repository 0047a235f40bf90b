"""Encoding some files of a folder at once: each is decoded once for all encoders."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.stamps import Stamp, stamp_of
from imagededup.errors import UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, load_image
from imagededup.images.exact import pixel_digest
from imagededup.images.opening import opened
from imagededup.images.process_state import DecodingState
from imagededup.models.failures import images_named
from imagededup.sources.addresses import is_remote, path_in
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.sources.readable import reading_ahead
from imagededup.utils.jit import expect_work
from imagededup.utils.parallel import task_size
from imagededup.utils.text import shown

if TYPE_CHECKING:
    from imagededup.methods.cached import FolderCache  # loads SQLite

__all__ = ["CodeArray", "EncodedPart", "EncodingTask", "FileEncoder", "FileEncoding", "split"]

CodeArray = NDArray[Any]

_NAMES_AT_ONCE = 1024
_REMOTE_AT_ONCE = 32

_PREPARATION = 0.8e-3
"""How many seconds longer an image takes to prepare without compiled code."""


class FileEncoder(Protocol):
    """What of an encoder the work on files needs; `Encoder` says what each does."""

    verbose: bool
    cache_dir: Path | None
    _reduction: Reduction | None
    _files_per_task: int

    def _cached_method(self) -> CachedMethod | None: ...

    def _obstacle(self) -> str | None: ...

    def _prepare(self, pixels: Pixels) -> Any: ...  # noqa: ANN401

    def _has_structure(self, pixels: Pixels, prepared: Any) -> bool: ...  # noqa: ANN401

    def _encode_batch(self, prepared: Sequence[Any]) -> CodeArray: ...


@dataclass(frozen=True, slots=True)
class EncodingTask:
    """Files that follow one another.

    Attributes:
        names: Of the files.
        known: For each encoder the codes that need not be made, by name.
        listed: What remote files were like when they were listed, by name, where a cache asks.
    """

    names: list[str]
    known: list[dict[str, CachedCode]]
    listed: dict[str, Stamp | None]

    def __str__(self) -> str:
        return f"{shown(self.names[0])} to {shown(self.names[-1])}"

    def lacking(self) -> int:
        """How many files are to be decoded."""
        if not any(self.known):
            return len(self.names)
        return sum(any(name not in one for one in self.known) for name in self.names)


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """What an encoder makes of a task.

    Attributes:
        names: The files that could be read, in their order.
        codes: One row a name.
        failures: The other files.
        plain: Rows of images without structure, with the digest of their exact pixels.
        fresh: Codes that later runs can take, with the files that they are of.
    """

    names: list[str]
    codes: CodeArray
    failures: list[Failure]
    plain: dict[int, bytes]
    fresh: list[tuple[Stamp, CachedCode]]


def split(
    folder: ImageFolder,
    encoders: Sequence[FileEncoder],
    folder_cache: "FolderCache | None",
    workers: int,
) -> Iterator[EncodingTask]:
    """Split the files of a folder into tasks, as they are asked for.

    A task has as many files to decode as the encoder with the largest batches takes at once, and
    more of large folders; of remote ones it has enough that they can be read at the same time.
    """
    names = folder.names
    most = task_size(len(names), max(one._files_per_task for one in encoders), workers)
    if any(is_remote(folder.path(name)) for name in names[:1] + names[-1:]):
        most = max(most, _REMOTE_AT_ONCE)
    for begin in range(0, len(names), _NAMES_AT_ONCE):
        batch = list(names[begin : begin + _NAMES_AT_ONCE])
        known = folder_cache.known(batch) if folder_cache else [{} for _ in encoders]
        unknown = [
            place for place, name in enumerate(batch) if any(name not in one for one in known)
        ]
        expect_work(len(unknown) * _PREPARATION)
        ends = [*unknown[most::most], len(batch)]
        for start, end in zip([0, *ends], ends, strict=False):
            part = batch[start:end]
            listed = folder_cache.listed(part) if folder_cache else {}
            yield EncodingTask(part, [_those_of(part, one) for one in known], listed)


def _those_of(names: list[str], codes: dict[str, CachedCode]) -> dict[str, CachedCode]:
    return {name: codes[name] for name in names if name in codes} if codes else {}


@dataclass(frozen=True, slots=True)
class FileEncoding:
    """Encodes files by several encoders, also in other processes: a `Work` for `shared_map`.

    Attributes:
        encoders: Say how pixels become codes.
        root: What the names are relative to.
        stamped_root: The same, where files are looked at for a cache.
        state: What else decoding depends on.
    """

    encoders: Sequence[FileEncoder]
    root: Path
    stamped_root: str | None
    state: DecodingState = field(default_factory=DecodingState)

    def __call__(self, task: EncodingTask) -> list[EncodedPart]:
        """Encode some files."""
        parts = [_Share(known) for known in task.known]
        several = len({encoder._reduction for encoder in self.encoders}) > 1
        paths = {
            name: path_in(self.root, name)
            for name in task.names
            if any(name not in known for known in task.known)
        }
        with reading_ahead(list(paths.values())):
            for name in task.names:
                lacking = [number for number, part in enumerate(parts) if not part.take(name)]
                if not lacking:
                    continue
                before = self._stamp(task, name)
                decoder = _Decoder(paths[name], several)
                rows = {
                    one: parts[one].decode(self.encoders[one], name, decoder) for one in lacking
                }
                if before and before.settled and self._stamp(task, name) == before:
                    for number, row in rows.items():
                        if row is not None:
                            parts[number].stamps[row] = before
        return [part.encoded(encoder) for encoder, part in zip(self.encoders, parts, strict=True)]

    def amount(self, task: EncodingTask) -> int:
        """As `Work.amount`: the files to decode."""
        return task.lacking()

    def obstacle(self) -> str | None:
        """As `Work.obstacle`."""
        reasons = [self.state.obstacle(), *(encoder._obstacle() for encoder in self.encoders)]
        return next(filter(None, reasons), None)

    def get_ready(self) -> None:
        """As `Work.get_ready`: load models and compiled code."""
        self.state.take_over()
        for encoder in self.encoders:
            encoder._encode_batch([encoder._prepare(np.zeros((8, 8, 3), np.uint8))])

    def _stamp(self, task: EncodingTask, name: str) -> Stamp | None:
        """What a file is like now; None where that cannot be told, or nobody asks."""
        if self.stamped_root is None or name in task.listed:
            return task.listed.get(name)
        return stamp_of(os.path.join(self.stamped_root, name))  # noqa: PTH118


@dataclass(slots=True)
class _Share:
    """Files that a thread takes at once, made ready for an encoder.

    Attributes:
        known: Codes that need not be made.
        names: The files that could be read.
        stored: The bytes of codes by row, of those that are known.
        prepared: What is to be encoded by row, of all others.
        stamps: By row, what files were like before and after they were read.
        failures: Files that could not be read.
        plain: By row, digests of images without structure.
    """

    known: dict[str, CachedCode]
    names: list[str] = field(default_factory=list)
    stored: dict[int, bytes] = field(default_factory=dict)
    prepared: dict[int, Any] = field(default_factory=dict)
    stamps: dict[int, Stamp] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    plain: dict[int, bytes] = field(default_factory=dict)

    def take(self, name: str) -> bool:
        """Add a file whose code is known; False if it is not."""
        cached = self.known.get(name)
        if cached is None:
            return False
        row = len(self.names)
        self.stored[row] = cached.code
        if cached.plain:
            self.plain[row] = cached.plain
        self.names.append(name)
        return True

    def decode(self, encoder: FileEncoder, name: str, decoder: "_Decoder") -> int | None:
        """Add a file, and return its row, or add a failure."""
        row = len(self.names)
        try:
            pixels = decoder.pixels(encoder._reduction)
            with images_named([name]):
                ready = encoder._prepare(pixels)
            if not encoder._has_structure(pixels, ready):
                self.plain[row] = decoder.digest()
        except UnreadableImageError as error:
            self.failures.append(Failure(name, str(error)))
            return None
        self.names.append(name)
        self.prepared[row] = ready
        return row

    def encoded(self, encoder: FileEncoder) -> EncodedPart:
        """The codes of the files."""
        with images_named([self.names[row] for row in self.prepared]):
            made = encoder._encode_batch(list(self.prepared.values()))
        fresh = [
            (self.stamps[row], CachedCode(code.tobytes(), self.plain.get(row, b"")))
            for row, code in zip(self.prepared, made, strict=True)
            if row in self.stamps
        ]
        codes = made if not self.stored else self._joined(made, encoder._encode_batch([]))
        return EncodedPart(self.names, codes, self.failures, self.plain, fresh)

    def _joined(self, made: CodeArray, empty: CodeArray) -> CodeArray:
        """Codes that are known and such as were made, in the order of the files."""
        shape = (len(self.stored), -1) if empty.ndim > 1 else -1
        stored = np.frombuffer(b"".join(self.stored.values()), empty.dtype).reshape(shape)
        if not self.prepared:
            return stored
        codes = np.empty((len(self.names), *stored.shape[1:]), stored.dtype)
        codes[list(self.stored)] = stored
        codes[list(self.prepared)] = made
        return codes


class _Decoder:
    """Decodes a file once for all encoders that take the same pixels of it.

    Args:
        path: The file.
        several: Whether encoders take large JPEGs at different sizes.
    """

    def __init__(self, path: Path, several: bool) -> None:
        self._path = path
        self._several = several
        self._of_reduction: dict[Reduction | None, Pixels] = {}
        self._of_form: dict[tuple[int, bool], Pixels] = {}
        self._digest: bytes | None = None

    def digest(self) -> bytes:
        """As `pixel_digest`."""
        self._digest = self._digest or pixel_digest(self._path)
        return self._digest

    def pixels(self, reduction: Reduction | None) -> Pixels:
        """As `load_image`."""
        if reduction not in self._of_reduction:
            self._of_reduction[reduction] = self._decode(reduction)
        return self._of_reduction[reduction]

    def _decode(self, reduction: Reduction | None) -> Pixels:
        form = self._form(reduction) if self._several else (1, False)
        if form not in self._of_form:
            self._of_form[form] = load_image(self._path, reduction)
        return self._of_form[form]

    def _form(self, reduction: Reduction | None) -> tuple[int, bool]:
        """The divisor of the size, and whether the pixels are grey because of it."""
        with opened(self._path) as (image, _):
            reducible = image.format in ("JPEG", "MPO")
            factor = reduction.factor(image.size) if reduction and reducible else 1
        return factor, factor > 1 and reduction is not None and reduction.to_grey
