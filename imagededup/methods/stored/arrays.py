"""Codes in numpy's format: 64 bits a hash, with what their files were like.

The arrays are `encoder`, `made_by`, `names` (all names one after the other, in UTF-8) and
`name_lengths` (their numbers of characters), `hashes` (uint64) or `descriptors` (float32 of shape
(n, d)), `folders` and `folder_lengths`, `folder`, `size` and `modified`, and `plain` and
`plain_digests` for images without structure. Files with an array `names` of texts, and no more than
`encoder` and `descriptors` beside it, are read too.
"""

from collections.abc import Mapping
from itertools import pairwise
from operator import lt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.methods.encoding import CodeArray, EncodedImages
from imagededup.methods.stored.encodings import FileRecords, StoredEncodings
from imagededup.search.descriptors import as_descriptors
from imagededup.utils.npz import Blocks, read_npz, write_npz
from imagededup.utils.packing import packed, packed_text, unpacked

__all__ = ["read_arrays", "write_arrays"]

_DIGEST_BYTES = 16
_CNN = "cnn"

Arrays = Mapping[str, NDArray[Any]]


def write_arrays(stored: StoredEncodings, codes: CodeArray | Blocks | None = None) -> None:
    """Write codes to their file.

    Args:
        stored: The codes with all that is known of them.
        codes: The codes themselves, where they are made block by block.

    Raises:
        FileOperationError: The file cannot be written.
    """
    images, records = stored.images, stored.records
    names, name_lengths = packed(images.names)
    folders, folder_lengths = packed(records.folders)
    held = images.codes if codes is None else codes
    digests = b"".join(images.plain.values())
    write_npz(
        stored.path,
        encoder=np.array(stored.method or ""),
        made_by=packed_text(stored.made_by or ""),
        names=names,
        name_lengths=name_lengths.astype(np.int32),
        folders=folders,
        folder_lengths=folder_lengths,
        folder=records.folder.astype(np.int32),
        size=records.size,
        modified=records.modified,
        plain=np.fromiter(images.plain, np.int64, len(images.plain)),
        plain_digests=np.frombuffer(digests, np.uint8).reshape(-1, _DIGEST_BYTES),
        **{"hashes" if stored.holds_hashes else "descriptors": held},
    )


def read_arrays(path: Path) -> StoredEncodings:
    """Read the file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is damaged, or none of codes.
    """
    arrays = read_npz(path)
    codes = _codes(arrays)
    names = _names(arrays, len(codes))
    records, plain = _records(arrays, len(codes)), _plain(arrays, len(codes))
    if not all(map(lt, names, names[1:])):
        order = np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)
        names, codes = _sorted_names(names, order), codes[order]
        plain = {
            int(row): plain[place] for row, place in enumerate(order.tolist()) if place in plain
        }
        records = FileRecords(
            records.folders, records.folder[order], records.size[order], records.modified[order]
        )
    return StoredEncodings(
        path,
        str(arrays["encoder"].item()) or None if "encoder" in arrays else _CNN,
        arrays["made_by"].tobytes().decode() or None if "made_by" in arrays else None,
        EncodedImages(names, codes, plain=plain),
        records,
    )


def _codes(arrays: Arrays) -> CodeArray:
    if "hashes" in arrays:
        hashes = arrays["hashes"]
        _check(hashes.ndim == 1 and hashes.dtype == np.uint64, "hashes of 64 bits")
        return hashes
    if "descriptors" not in arrays or "names" not in arrays:
        raise ValueError("it has no names with hashes or descriptors")
    descriptors = arrays["descriptors"]
    is_table = descriptors.ndim == 2 and descriptors.dtype.kind in "fiu"
    _check(is_table, "names and as many descriptors")
    return as_descriptors(descriptors)


def _names(arrays: Arrays, count: int) -> list[str]:
    names = arrays["names"]
    found: list[str]
    if names.dtype.kind == "U" and names.ndim == 1:
        found = names.tolist()
    else:
        _check(
            names.dtype == np.uint8 and "name_lengths" in arrays, "names and as many descriptors"
        )
        found = unpacked(names, arrays["name_lengths"])
    _check(len(found) == count, "names and as many descriptors")
    return found


def _sorted_names(names: list[str], order: NDArray[np.int64]) -> list[str]:
    ordered = [names[place] for place in order.tolist()]
    repeated = next((a for a, b in pairwise(ordered) if a == b), None)
    if repeated is not None:
        raise ValueError(f"it repeats {repeated!r}")
    return ordered


def _records(arrays: Arrays, count: int) -> FileRecords:
    if "size" not in arrays:
        return FileRecords.unknown(count)
    folders = tuple(unpacked(arrays["folders"], arrays["folder_lengths"]))
    folder, size, modified = (arrays[name] for name in ("folder", "size", "modified"))
    fit = all(array.shape == (count,) for array in (folder, size, modified))
    fit &= folder.dtype.kind == "i" and size.dtype == modified.dtype == np.uint64
    _check(fit and _within(folder, -1, len(folders)), "what the files were like")
    return FileRecords(folders, folder.astype(np.int64), size, modified)


def _plain(arrays: Arrays, count: int) -> dict[int, bytes]:
    if "plain" not in arrays:
        return {}
    rows, digests = arrays["plain"], arrays["plain_digests"]
    fit = rows.ndim == 1 and rows.dtype == np.int64 and digests.dtype == np.uint8
    fit = fit and digests.shape == (len(rows), _DIGEST_BYTES) and _within(rows, 0, count)
    _check(fit and bool((np.diff(rows) > 0).all()), "digests of images without structure")
    return dict(zip(rows.tolist(), map(bytes, digests), strict=True))


def _within(numbers: NDArray[Any], least: int, end: int) -> bool:
    return len(numbers) == 0 or bool(numbers.min() >= least and numbers.max() < end)


def _check(is_right: bool, what: str) -> None:
    if not is_right:
        raise ValueError(f"its arrays are not {what}")
