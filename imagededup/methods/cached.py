"""The codes of a folder's files that earlier runs have left in a cache."""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from imagededup.cache.codes import CodeCache
from imagededup.cache.entries import CachedCode, CachedMethod
from imagededup.cache.place import size_limit
from imagededup.cache.stamps import Stamp, stamp_of
from imagededup.sources.addresses import is_remote, remote_address
from imagededup.sources.folders import ImageFolder

__all__ = ["FolderCache"]


class _Encoder(Protocol):
    """What of an encoder its cache needs; `Encoder` says what each is."""

    cache_dir: Path | None

    def _cached_method(self) -> CachedMethod | None: ...


class FolderCache:
    """What is known of the files of a folder, for each of some encoders.

    Args:
        encoders: Those without a cache know nothing.
        folder: The files.

    Attributes:
        root: The real path of the folder.
    """

    def __init__(self, encoders: Sequence[_Encoder], folder: ImageFolder) -> None:
        self._encoders = encoders
        self._folder = folder
        self.root = os.path.realpath(folder.root)
        self._open = ExitStack()
        self._shelves: list[tuple[CodeCache, CachedMethod] | None] = []

    def __enter__(self) -> Self:
        caches: dict[Path, CodeCache] = {}
        with ExitStack() as opened:
            for encoder in self._encoders:
                place = encoder.cache_dir
                method = None if place is None else encoder._cached_method()
                if place is None or method is None:
                    self._shelves.append(None)
                    continue
                if place not in caches:
                    caches[place] = opened.enter_context(CodeCache(place, size_limit()))
                self._shelves.append((caches[place], method))
            self._open = opened.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    @property
    def in_use(self) -> bool:
        """Whether any encoder has a cache."""
        return any(shelf is not None for shelf in self._shelves)

    def stamp(self, name: str) -> Stamp | None:
        """What a file is like now; None where that cannot be told, or nobody asks."""
        if not self.in_use:
            return None
        if self._is_remote(name):
            return self._stamp_of_remote(name)
        return stamp_of(os.path.join(self.root, name))  # noqa: PTH118

    def listed(self, names: Sequence[str]) -> dict[str, Stamp | None]:
        """The stamps of remote files, which are those of the listing."""
        if not self.in_use:
            return {}
        return {name: self._stamp_of_remote(name) for name in names if self._is_remote(name)}

    def _is_remote(self, name: str) -> bool:
        return is_remote(self._folder.root) or is_remote(name)

    def _stamp_of_remote(self, name: str) -> Stamp | None:
        """What it was like when it was listed, in which its etag has a part."""
        state = self._folder.state(name)[1]
        if not state.modified:
            return None
        folder, _, rest = remote_address(self._folder.path(name)).rpartition("/")
        numbers = b"".join(number.to_bytes(8, "little") for number in state)
        return Stamp(os.fsencode(folder), os.fsencode(rest), numbers, settled=True)

    def known(self, names: Sequence[str]) -> list[dict[str, CachedCode]]:
        """For each encoder the codes of those files that have not changed, by name."""
        stamps = [self.stamp(name) for name in names]
        return [_known(shelf, names, stamps) for shelf in self._shelves]

    def add(self, codes: Sequence[list[tuple[Stamp, CachedCode]]]) -> None:
        """Keep the codes that each encoder has made."""
        for shelf, fresh in zip(self._shelves, codes, strict=True):
            if shelf is not None:
                cache, method = shelf
                cache.add(method, fresh)


def _known(
    shelf: tuple[CodeCache, CachedMethod] | None,
    names: Sequence[str],
    stamps: Sequence[Stamp | None],
) -> dict[str, CachedCode]:
    if shelf is None:
        return {}
    cache, method = shelf
    found = zip(names, cache.find(method, stamps), strict=True)
    return {name: code for name, code in found if code is not None}
