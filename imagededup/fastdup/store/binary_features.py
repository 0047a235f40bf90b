"""Reading and writing descriptors with the names of their images."""

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup import __version__
from imagededup.errors import FileOperationError, InvalidTypeError, InvalidValueError
from imagededup.fastdup.store.files import FLOAT_BYTES, FeatureFiles, FeatureRecord, read_object
from imagededup.fastdup.store.results import forget_results
from imagededup.fastdup.store.states import (
    ROWS_PER_BLOCK,
    FeatureState,
    KnownImages,
    MadeBy,
    feature_checksums,
    feature_digest,
)
from imagededup.fastdup.store.tables import check_name, read_names, write_rows
from imagededup.utils.files import open_atomically, write_json
from imagededup.utils.text import counted

__all__ = [
    "DIMENSION",
    "NAMES_HEADER",
    "check_features",
    "load_binary",
    "load_binary_feature",
    "load_binary_features",
    "save_binary_feature",
]

DIMENSION = 576
"""Length of the embedded model's descriptor."""

NAMES_HEADER = ("filename",)

_ROWS_PER_WRITE = 65_536

Features = tuple[list[str], NDArray[np.float32]]


def load_binary_feature(filename: str | PathLike[str], mmap: bool = False) -> Features:
    """Read a file of descriptors and the names of their images.

    The length of a descriptor is what the files beside it say (features.dat.json, .npz), else
    576 if the size of the file fits to it, else what `config.json` says, else size divided by the
    number of names.

    Args:
        filename: The file, such as features.dat, with the names beside it in features.dat.csv.
        mmap: Whether to map the file to memory, read-only, instead of reading it. What is read is
            compared with the checksums that were stored with it; what is mapped is not.

    Returns:
        The names, and float32 of shape (n, d), one row a name.

    Raises:
        InvalidTypeError: `filename` is not a path.
        InvalidValueError: A file is missing or broken, or the two do not fit.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_binary_feature(folder, ["a.jpg", "b.jpg"], np.eye(2, 576))
        ...     names, features = load_binary_feature(f"{folder}/features.dat")
        >>> names, features.shape
        (['a.jpg', 'b.jpg'], (2, 576))
    """
    if not isinstance(filename, str | PathLike):
        raise InvalidTypeError(f"filename must be a path, got {type(filename).__name__}")
    files = FeatureFiles(Path(filename))
    if not files.data.is_file():
        raise InvalidValueError(f"{str(files.data)!r} must be a file of features, there is none")
    names = read_names(files.names, *NAMES_HEADER)
    size = files.data.stat().st_size
    dimension = _dimension(files, len(names), size)
    if size != len(names) * dimension * FLOAT_BYTES:
        raise InvalidValueError(
            f"{str(files.data)!r} must hold {len(names)} rows of {dimension} float32, one for each "
            f"name in {files.names.name}: {len(names) * dimension * FLOAT_BYTES} bytes, got {size}"
        )
    if not mmap:
        check_features(files, names, dimension)
    return names, _read(files.data, (len(names), dimension), mmap)


load_binary_features = load_binary_feature
load_binary = load_binary_feature


def save_binary_feature(
    save_path: str | PathLike[str], filenames: Iterable[str], array: NDArray[np.generic]
) -> None:
    """Write descriptors from anywhere, so that `run_mode=2` can search them.

    Features that were in the folder before, and its config.json, are replaced; what was computed
    from them is removed.

    Args:
        save_path: The folder of features.dat and features.dat.csv; made if it is missing.
        filenames: The names of the images.
        array: Numbers of shape (n, d), one row a name; written as float32.

    Raises:
        InvalidTypeError: Not a path, not names, or not numbers.
        InvalidValueError: The array has another shape, or holds values that are not finite.
        FileOperationError: The files cannot be written.
    """
    if not isinstance(save_path, str | PathLike):
        raise InvalidTypeError(f"save_path must be a path, got {type(save_path).__name__}")
    names = _check_names(filenames)
    features = _check_features(array, len(names))
    files = FeatureFiles(Path(save_path) / "features.dat")
    try:
        files.data.parent.mkdir(parents=True, exist_ok=True)
        described = (files.bad, files.bad_names, files.stats)
        for stale in (files.record, files.state, files.data, *described):
            stale.unlink(missing_ok=True)
    except OSError as error:
        raise FileOperationError(f"cannot write to {str(save_path)!r}: {error.strerror}") from error
    write_rows(files.names, NAMES_HEADER, ([name] for name in names))
    with open_atomically(files.data, binary=True) as file:
        for begin in range(0, len(features), _ROWS_PER_WRITE):
            rows = features[begin : begin + _ROWS_PER_WRITE]
            file.write(np.ascontiguousarray(rows, "<f4").tobytes())
    dimension = features.shape[1]
    checksums = feature_checksums(files.data, dimension)
    forget_results(files.data.parent, feature_digest(dimension, checksums, names))
    state = FeatureState(MadeBy("", dimension), KnownImages.of_names(names), checksums)
    state.write(files.state)
    FeatureRecord("", dimension, good=len(names)).write(files.record)
    config = {"version": __version__, "model": "", "dimension": dimension}
    write_json(files.data.with_name("config.json"), {**config, "parameters": {}})


def check_features(files: FeatureFiles, names: list[str], dimension: int) -> NDArray[np.uint32]:
    """Compare descriptors and names with what was stored beside them, if anything was.

    Returns:
        The checksums of the descriptors.

    Raises:
        InvalidValueError: They differ, or a file cannot be read.
    """
    state = FeatureState.read(files.state)
    checksums = feature_checksums(files.data, dimension)
    if state is None:
        return checksums
    again = "run_mode=0 or 1 with the same images makes it again"
    if state.made_by.model == "":
        again = f"store the features again, or remove {files.state.name} to take them as they are"
    if state.images.names() != names:
        raise InvalidValueError(
            f"{str(files.names)!r} must name the images that were described, it has been changed; "
            f"{again}"
        )
    if len(checksums) != len(state.checksums):
        raise InvalidValueError(f"{str(files.data)!r} has another length than it had; {again}")
    broken = np.flatnonzero(checksums != state.checksums)
    if len(broken):
        raise InvalidValueError(
            f"{str(files.data)!r} is damaged: the checksums in {files.state.name} differ in "
            f"{counted(len(broken), 'block')} of {ROWS_PER_BLOCK} rows, first at row "
            f"{broken[0] * ROWS_PER_BLOCK}; {again}"
        )
    return checksums


def _check_names(filenames: object) -> list[str]:
    if isinstance(filenames, str) or not isinstance(filenames, Iterable):
        raise InvalidTypeError(f"filenames must be a list, got {type(filenames).__name__}")
    names = [os.fspath(name) if isinstance(name, PathLike) else name for name in filenames]
    for name in names:
        if not isinstance(name, str):
            raise InvalidTypeError(f"filenames must hold str, got {name!r}")
        check_name(name)
    return names


def _check_features(array: object, count: int) -> NDArray[np.generic]:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise InvalidTypeError(f"array must be a numpy array of real numbers, got {kind}")
    if array.ndim != 2 or len(array) != count or array.shape[1] == 0:
        raise InvalidValueError(
            f"array must have shape ({count}, d) for {count} filenames, got {array.shape}"
        )
    limit = float(np.finfo(np.float32).max)
    for begin in range(0, count, _ROWS_PER_WRITE):
        if not (np.abs(array[begin : begin + _ROWS_PER_WRITE]) <= limit).all():  # also for NaN
            raise InvalidValueError("array must hold finite float32, got NaN or a larger number")
    return array


def _dimension(files: FeatureFiles, count: int, size: int) -> int:
    record = FeatureRecord.read(files.record)
    if record is not None:
        return record.dimension
    state = FeatureState.read(files.state)
    if state is not None:
        return state.made_by.dimension
    if size == count * DIMENSION * FLOAT_BYTES:
        return DIMENSION
    config = read_object(files.data.with_name("config.json")) or {}
    stated = config.get("dimension")
    if isinstance(stated, int) and size == count * stated * FLOAT_BYTES:
        return stated
    fits = count > 0 and size > 0 and size % (count * FLOAT_BYTES) == 0
    return size // (count * FLOAT_BYTES) if fits else DIMENSION


def _read(path: Path, shape: tuple[int, int], mmap: bool) -> NDArray[np.float32]:
    try:
        if mmap and shape[0] > 0:  # an empty file cannot be mapped
            return np.memmap(path, "<f4", "r", shape=shape)
        return np.fromfile(path, "<f4").reshape(shape).astype(np.float32, copy=False)
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
