"""Files of faiss's indexes."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import FileOperationError, InvalidValueError
from imagededup.utils.files import open_atomically
from imagededup.utils.parallel import beside

__all__ = ["load_index", "reason_of", "row_numbers", "write_index", "write_index_around"]

Features = NDArray[np.float32]
Indices = NDArray[np.int64]

_BYTES_OF_COUNT = 8  # which stand before the numbers of a vector


def write_index(
    index: Any,  # noqa: ANN401
    path: str | PathLike[str],
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write an index; the file is complete or not there.

    Args:
        index: The index.
        path: The file.
        check: Called now and then; what it raises ends the writing.

    Raises:
        FileOperationError: It cannot be written.
    """
    with open_atomically(path, binary=True) as file:

        def write(part: bytes) -> int:
            check()
            return file.write(part)

        _hand_parts(index, write)


def write_index_around(
    index: Any,  # noqa: ANN401
    vectors: Iterable[Features],
    path: str | PathLike[str],
    complete: Callable[[], None],
    workers: int,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write an index whose vectors are not in it; the file is as if they were.

    They are on their way to the disk while the index gets its last numbers, so its size is all that
    must be known before.

    Args:
        index: An IndexIDMap of a graph, without vectors in the storage of this.
        vectors: All of them in blocks, float32 of shape (k, d).
        path: A file, and no pipe.
        complete: Gives the index its last numbers.
        workers: Number of threads.
        check: Called now and then; what it raises ends the writing.

    Raises:
        FileOperationError: It cannot be written.
    """
    place = _place_of_vectors(index)
    with open_atomically(path, binary=True) as file:

        def write_rest(_: Callable[[], None]) -> None:
            complete()
            with Path(file.name).open("r+b") as same:
                _write_rest(index, place, same, check)

        with beside(write_rest, workers):
            file.seek(place)
            for block in vectors:
                check()
                file.write(block)
            file.flush()
            os.fsync(file.fileno())


def _write_rest(index: Any, place: int, file: IO[bytes], check: Callable[[], None]) -> None:  # noqa: ANN401
    """Write all but the vectors, for which there is a place."""
    count = int(index.ntotal * index.d)

    def write(part: bytes) -> int:
        check()
        if file.tell() == place - _BYTES_OF_COUNT:
            file.write(count.to_bytes(_BYTES_OF_COUNT, "little"))
            file.seek(place + 4 * count)
        else:
            file.write(part)
        return len(part)

    _hand_parts(index, write)


def _hand_parts(index: Any, write: Callable[[bytes], int]) -> None:  # noqa: ANN401
    """Have faiss hand on the bytes of an index, number by number and vector by vector."""
    import faiss

    writer = faiss.PyCallbackIOWriter(write)  # type: ignore[attr-defined, unused-ignore]
    faiss.write_index(index, writer)


def _place_of_vectors(index: Any) -> int:  # noqa: ANN401
    """Where in its file the vectors of an IndexIDMap begin: only the identifiers follow."""
    size = 0

    def count(part: bytes) -> int:
        nonlocal size
        size += len(part)
        return len(part)

    _hand_parts(index, count)
    return size - _BYTES_OF_COUNT - 8 * int(index.ntotal)


def load_index(path: str | PathLike[str], dimension: int, count: int) -> Any:  # noqa: ANN401
    """Read an index.

    Args:
        path: A file that `write_index` wrote.
        dimension: Length of the features that it must hold.
        count: Number of the rows that it must have been built from.

    Raises:
        FileOperationError: The file cannot be read.
        InvalidValueError: It holds no index, or one that does not fit.
    """
    import faiss

    name = str(path)
    try:
        with Path(path).open("rb") as file, _no_larger_than(os.fstat(file.fileno()).st_size):
            reader = faiss.PyCallbackIOReader(file.read)  # type: ignore[attr-defined, unused-ignore]
            index = faiss.read_index(reader)
    except OSError as error:
        raise FileOperationError(f"cannot read {name!r}: {error.strerror}") from error
    except (RuntimeError, MemoryError) as error:  # of which the latter has no reason but a size
        raise InvalidValueError(
            f"{name!r} must be an index of faiss: {reason_of(error)}"
        ) from error
    if not isinstance(index, faiss.IndexIDMap):
        raise InvalidValueError(
            f"{name!r} must be an IndexIDMap as nn_provider='faiss' writes it, "
            f"got {type(index).__name__}"
        )
    if index.d != dimension:
        raise InvalidValueError(f"{name!r} must hold features of length {dimension}, got {index.d}")
    rows = row_numbers(index)
    if len(rows) > count or rows.max(initial=-1) >= count:
        raise InvalidValueError(
            f"{name!r} must be built from {count} features, got {len(rows)} different ones "
            f"up to row {rows.max(initial=-1)}"
        )
    return index


def row_numbers(index: Any) -> Indices:  # noqa: ANN401
    """The rows that the vectors of an index are of, int64 of shape (n,)."""
    import faiss

    rows: Indices = faiss.vector_to_array(index.id_map)
    return rows


def reason_of(error: Exception) -> str:
    """The sentence within an error of faiss, without the place in its source."""
    return str(error).rsplit(": ", 1)[-1].strip()


@contextmanager
def _no_larger_than(size: int) -> Iterator[None]:
    """Have faiss refuse vectors and loops that no file of this size can hold: it would fill memory.

    The settings are those of the process.
    """
    import faiss

    settings: Any = faiss
    names = ("deserialization_vector_byte_limit", "deserialization_loop_limit")
    before = [getattr(settings, f"get_{name}")() for name in names]
    for name in names:
        getattr(settings, f"set_{name}")(max(size, 1))
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            getattr(settings, f"set_{name}")(value)
