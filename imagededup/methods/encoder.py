"""The interface that all encoders share.

An encoder says how pixels become codes, how users see codes, and how codes are searched. Listing
and decoding of files, validation, reports of what was left out and the results are here, once.
"""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError, UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, check_array, load_image
from imagededup.images.folders import Failure, ImageFolder, list_folder
from imagededup.methods.keep import KeepType, check_keep
from imagededup.methods.results import DuplicateMap, Duplicates
from imagededup.search.matches import Matches
from imagededup.utils.files import check_output, write_json
from imagededup.utils.parallel import check_workers, ordered_map
from imagededup.utils.progress import Progress
from imagededup.utils.text import counted, shown

__all__ = ["CodeArray", "EncodedImages", "Encoder", "PathType", "SearchRequest"]

logger = logging.getLogger("imagededup")

Code = TypeVar("Code")
CodeArray = NDArray[Any]
PathType = str | PathLike[str]

_MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """Images with their codes.

    Attributes:
        names: Sorted, one a row of `codes`.
        codes: One row an image.
        folder: The folder they come from, where there is one.
        failures: Files that could not be read.
    """

    names: list[str]
    codes: CodeArray
    folder: ImageFolder | None = None
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """The arguments that every search for duplicates takes, as the user gave them."""

    image_dir: PathType | None
    encoding_map: Mapping[str, Any] | None
    against: PathType | Mapping[str, Any] | None
    threshold: Any
    search_method: str
    recursive: bool
    num_enc_workers: int | None
    num_dist_workers: int | None


class Encoder(ABC, Generic[Code]):
    """Encodes images and finds duplicates by their codes.

    Args:
        verbose: Whether long work shows progress bars (on a terminal or in a notebook).
    """

    score_name: ClassVar[str]
    """What the scores of pairs are: 'distance' or 'similarity'."""

    threshold_name: ClassVar[str]
    """The argument of the search methods that is the threshold of the score."""

    _reduction: Reduction | None
    _files_per_task: int = 4

    def __init__(self, verbose: bool = True) -> None:
        self.verbose = verbose

    def encode_image(
        self, image_file: PathType | None = None, image_array: NDArray[Any] | None = None
    ) -> Code | None:
        """Encode one image, given as a file or as an array.

        Args:
            image_file: Path of the image.
            image_array: Pixels of shape (h, w) or (h, w, 3) in RGB, any numeric dtype: uint8 is
                taken as it is, floats may hold 0 to 1, other types 0 to 255 or 0 to 65535.

        Returns:
            The code; None if the file cannot be decoded, and a logged warning says why.

        Raises:
            InvalidTypeError: The file is not a path, or the array not one of real numbers.
            InvalidValueError: Both or neither are given, there is no such file, or the array has
                another shape or values that are out of range.
        """
        if (image_file is None) == (image_array is None):
            raise InvalidValueError("exactly one of image_file and image_array must be given")
        if image_array is not None:
            return self._encode_pixels(check_array(image_array))
        path = _check_file(image_file)
        try:
            return self._encode_pixels(load_image(path, self._reduction))
        except UnreadableImageError as error:
            logger.warning("%s could not be read: %s", shown(str(path)), error)
            return None

    def encode_images(
        self, image_dir: PathType, recursive: bool = False, num_enc_workers: int | None = None
    ) -> dict[str, Code]:
        """Encode all images of a folder.

        Files are recognised by their content; names that begin with a dot are passed over. Files
        that cannot be decoded are left out; one warning at the end counts and lists them.

        Args:
            image_dir: The folder.
            recursive: Whether to encode the images of the folders within as well.
            num_enc_workers: Number of threads; None takes all cores, 0 and 1 mean no parallelism.
                The result does not depend on it.

        Returns:
            Codes by name. Names are relative to `image_dir`, with forward slashes, and sorted.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: The folder does not exist, cannot be read or holds no file.
        """
        workers = check_workers("num_enc_workers", num_enc_workers)
        collection = self._encode_folder(list_folder(image_dir, recursive), workers)
        _report(collection.failures)
        return dict(zip(collection.names, self._to_user(collection.codes), strict=True))

    @abstractmethod
    def _prepare(self, pixels: Pixels) -> Any:  # noqa: ANN401
        """What of an image is kept until its batch is encoded: small, of a fixed shape."""

    @abstractmethod
    def _encode_batch(self, prepared: Sequence[Any]) -> CodeArray:
        """Codes of prepared images, one row an image."""

    @abstractmethod
    def _to_user(self, codes: CodeArray) -> list[Code]:
        """Codes in the form that users see."""

    @abstractmethod
    def _from_user(self, name: str, encoding_map: Mapping[str, Any], keys: list[str]) -> CodeArray:
        """Codes of an encoding map in the order of `keys`; `name` is the argument's name."""

    @abstractmethod
    def _check_search(self, request: SearchRequest) -> None:
        """Raise if the threshold or the search method is not allowed."""

    def _check_codes(self, names: Sequence[str], codes: CodeArray) -> None:
        """Raise if codes cannot be compared."""

    @abstractmethod
    def _match(
        self, codes: CodeArray, references: CodeArray | None, request: SearchRequest, workers: int
    ) -> Matches:
        """Pairs of codes within the threshold."""

    def _find_duplicates(
        self, request: SearchRequest, scores: bool, outfile: PathType | None
    ) -> DuplicateMap:
        path = None if outfile is None else check_output(outfile)
        result = self._find(request).to_dict(scores)
        if path is not None:
            write_json(path, result)
        return result

    def _find_duplicates_to_remove(
        self, request: SearchRequest, keep: KeepType, outfile: PathType | None
    ) -> list[str]:
        path = None if outfile is None else check_output(outfile)
        rule = check_keep(keep)
        result = self._find(request).to_remove(rule)
        if path is not None:
            write_json(path, result)
        return result

    def _find(self, request: SearchRequest) -> Duplicates:
        """Check the arguments, encode what has to be encoded, and search."""
        self._check_search(request)
        if (request.image_dir is None) == (request.encoding_map is None):
            raise InvalidValueError("exactly one of image_dir and encoding_map must be given")
        encoding_workers = check_workers("num_enc_workers", request.num_enc_workers)
        workers = check_workers("num_dist_workers", request.num_dist_workers)
        queries, references = self._collections(request, encoding_workers)
        failures = queries.failures + (references.failures if references else [])
        _report(failures)
        for collection in (queries, references):
            if collection is not None:
                self._check_codes(collection.names, collection.codes)
        matches = self._match(
            queries.codes, references.codes if references else None, request, workers
        )
        return Duplicates(
            names=queries.names,
            matches=matches,
            score_name=self.score_name,
            folder=queries.folder,
            reference_names=references.names if references else None,
            reference_folder=references.folder if references else None,
            failures=failures,
        )

    def _collections(
        self, request: SearchRequest, workers: int
    ) -> tuple[EncodedImages, EncodedImages | None]:
        """The images that are searched, and those that they are compared with."""
        folder = (
            None if request.image_dir is None else list_folder(request.image_dir, request.recursive)
        )
        against = request.against
        reference_folder = None
        if against is not None and not isinstance(against, Mapping):
            reference_folder = list_folder(against, request.recursive, name="against")
            if folder is not None:
                reference_folder = reference_folder.without(folder)
        queries = (
            self._mapped("encoding_map", request.encoding_map)
            if folder is None
            else self._encode_folder(folder, workers)
        )
        if reference_folder is not None:
            return queries, self._encode_folder(reference_folder, workers)
        return queries, None if against is None else self._mapped("against", against)

    def _mapped(self, name: str, encoding_map: object) -> EncodedImages:
        if not isinstance(encoding_map, Mapping):
            kind = type(encoding_map).__name__
            raise InvalidTypeError(f"{name} must be a dictionary of names and codes, got {kind}")
        if not encoding_map:
            raise InvalidValueError(f"{name} must hold at least one image, got an empty dictionary")
        for key in encoding_map:
            if not isinstance(key, str):
                raise InvalidTypeError(f"the keys of {name} must be str, got {key!r}")
        keys = sorted(encoding_map)
        return EncodedImages(keys, self._from_user(name, encoding_map, keys))

    def _encode_folder(self, folder: ImageFolder, workers: int) -> EncodedImages:
        tasks = [
            folder.names[begin : begin + self._files_per_task]
            for begin in range(0, len(folder.names), self._files_per_task)
        ]
        names: list[str] = []
        failures = list(folder.failures)
        codes = self._encode_batch([])
        with Progress(len(folder.names), "Encoding", "images", self.verbose) as progress:
            encoded = ordered_map(partial(self._encode_files, folder), tasks, workers)
            for part, task in zip(encoded, tasks, strict=True):
                if part.names and not names:  # room for all; memory is taken as it is filled
                    codes = np.empty((len(folder.names), *part.codes.shape[1:]), part.codes.dtype)
                if part.names:
                    codes[len(names) : len(names) + len(part.names)] = part.codes
                names += part.names
                failures += part.failures
                progress.advance(len(task))
        return EncodedImages(names, codes[: len(names)], folder, failures)

    def _encode_files(self, folder: ImageFolder, names: list[str]) -> EncodedImages:
        encoded, prepared, failures = [], [], []
        for name in names:
            try:
                prepared.append(self._prepare(load_image(folder.path(name), self._reduction)))
                encoded.append(name)
            except UnreadableImageError as error:
                failures.append(Failure(name, str(error)))
        return EncodedImages(encoded, self._encode_batch(prepared), folder, failures)

    def _encode_pixels(self, pixels: Pixels) -> Code:
        return self._to_user(self._encode_batch([self._prepare(pixels)]))[0]


def _check_file(image_file: object) -> Path:
    if not isinstance(image_file, str | PathLike):
        raise InvalidTypeError(f"image_file must be a path, got {type(image_file).__name__}")
    path = Path(image_file)
    if not os.path.lexists(path):
        raise InvalidValueError(f"image_file must exist, got {str(path)!r}")
    return path


def _report(failures: Sequence[Failure]) -> None:
    """One warning that counts and lists the files that were left out."""
    if not failures:
        return
    lines = [
        f"  {shown(failure.name)}: {shown(failure.reason)}" for failure in failures[:_MOST_LISTED]
    ]
    if len(failures) > _MOST_LISTED:
        lines.append(f"  and {len(failures) - _MOST_LISTED} more (listed at logging level DEBUG)")
        for failure in failures[_MOST_LISTED:]:
            logger.debug("%s could not be read: %s", shown(failure.name), shown(failure.reason))
    logger.warning(
        "%s could not be read and left out:\n%s", counted(len(failures), "file"), "\n".join(lines)
    )
