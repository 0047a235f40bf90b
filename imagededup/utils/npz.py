"""Arrays by name in numpy's format, mapped into memory where they are read.

A mapped array is the file itself: what is not looked at is never read, and needs no memory.
"""

import mmap
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from os import PathLike
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagededup.utils.files import open_atomically

__all__ = ["Blocks", "read_npz", "write_npz"]

_MAPS = sys.platform != "win32"
"""Whether a file may be replaced while it is mapped."""

_ALIGNMENT = 64
_LOCAL_HEADER = 30
_SIZES_OF_LARGE_FILES = 20
_PADDING_ID = 0xD935  # as of Android's zipalign
_HEADERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True, slots=True)
class Blocks:
    """An array that is made block by block while it is written.

    Attributes:
        shape: Of the whole array.
        dtype: Its type.
        blocks: Its rows from the first to the last.
    """

    shape: tuple[int, ...]
    dtype: DTypeLike
    blocks: Iterable[NDArray[Any]]


def write_npz(path: str | PathLike[str], **arrays: NDArray[Any] | Blocks) -> None:
    """Write arrays by name; the same arrays give the same bytes.

    Raises:
        FileOperationError: The file cannot be written; what was there before is untouched.
    """
    with (
        open_atomically(path, binary=True) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy")
            info.extra = _padding(file, info.filename)
            with archive.open(info, "w", force_zip64=True) as member:
                if isinstance(array, Blocks):
                    _write_blocks(member, array)
                else:
                    np.lib.format.write_array(member, array, allow_pickle=False)


def read_npz(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read arrays by name; checksums are compared, and nothing but arrays of numbers and text read.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is none of arrays, or damaged.
    """
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:  # noqa: PTH123
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if _MAPS else None
            return {
                info.filename.removesuffix(".npy"): _read(file, archive, info, content)
                for info in archive.infolist()
            }
    except (*_DAMAGE, EOFError) as error:
        raise ValueError(error) from error


_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
)
"""What Python's archives and arrays raise for wrong bytes."""


def _padding(file: IO[bytes], name: str) -> bytes:
    """What moves the array behind a header to a place from which it can be mapped."""
    if not file.seekable():
        return b""
    begin = file.tell() + _LOCAL_HEADER + len(name) + _SIZES_OF_LARGE_FILES
    size = -begin % _ALIGNMENT
    size += _ALIGNMENT if 0 < size < 4 else 0
    return struct.pack("<HH", _PADDING_ID, size - 4) + bytes(size - 4) if size else b""


def _write_blocks(member: IO[bytes], array: Blocks) -> None:
    dtype = np.dtype(array.dtype)
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": array.shape,
    }
    np.lib.format.write_array_header_1_0(member, header)
    for block in array.blocks:
        member.write(np.ascontiguousarray(block, dtype).tobytes())


def _read(
    file: IO[bytes], archive: zipfile.ZipFile, info: zipfile.ZipInfo, content: mmap.mmap | None
) -> NDArray[Any]:
    is_plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
    if content is not None and is_plain:
        return _mapped(file, info, content)
    with archive.open(info) as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        return array


def _mapped(file: IO[bytes], info: zipfile.ZipInfo, content: mmap.mmap) -> NDArray[Any]:
    """An array that is stored as it is, with its checksum compared."""
    header = content[info.header_offset : info.header_offset + _LOCAL_HEADER]
    begin = info.header_offset + _LOCAL_HEADER + sum(struct.unpack("<HH", header[26:30]))
    end = begin + info.file_size
    with memoryview(content) as view, view[begin:end] as member:
        if len(member) != info.file_size or zlib.crc32(member) != info.CRC:
            raise ValueError("it is damaged")
    file.seek(begin)
    shape, in_columns, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
    count = prod(shape)
    if dtype.hasobject or file.tell() + count * dtype.itemsize != end:
        raise ValueError("its arrays are not what they say")
    if count * dtype.itemsize == 0:
        return np.zeros(shape, dtype)
    array = np.frombuffer(content, dtype, count, file.tell())
    array = array.reshape(shape, order="F" if in_columns else "C")
    return array if array.flags.aligned else array.copy()
