"""The interface that all encoders share.

An encoder says how pixels become codes, how users see codes, and how codes are searched. Validation
of arguments and the way from a request to a result are here, once; the public searches are in
`searches`.
"""

import logging
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from imagededup.cache.entries import CachedMethod
from imagededup.cache.surroundings import surroundings
from imagededup.errors import InvalidTypeError, InvalidValueError, ModelError, UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, check_array, load_image
from imagededup.methods.encoding import CodeArray, EncodedImages, encode_files
from imagededup.methods.plain import join_plain
from imagededup.methods.reports import report_failures
from imagededup.methods.results import VERIFIED_SCORE, Duplicates
from imagededup.methods.search_options import DEFAULT, PathType, SearchRequest
from imagededup.methods.searches import Searches
from imagededup.methods.stored.encodings import StoredEncodings, check_made_alike
from imagededup.methods.verifying import (
    VerificationPlan,
    VerifiedMatches,
    plan_verification,
    verify_matches,
)
from imagededup.models.failures import images_named
from imagededup.search.matches import Matches, Pairs
from imagededup.sources.folders import ImageFolder
from imagededup.sources.listing import list_images
from imagededup.sources.places import ImageDir
from imagededup.utils.parallel import check_workers
from imagededup.utils.text import shown

__all__ = ["CodeArray", "Encoder", "PathType", "SearchRequest", "encode_together"]

logger = logging.getLogger("imagededup")

Code = TypeVar("Code")
Indices = NDArray[np.int64]


class Encoder(Searches, Generic[Code]):
    """Encodes images and finds duplicates by their codes.

    Args:
        verbose: Whether long work shows progress bars (on a terminal or in a notebook).
        cache_dir: A folder that keeps codes from run to run; None keeps none.
    """

    score_name: ClassVar[str]
    """What the scores of pairs are: 'distance' or 'similarity'."""

    _verifies_removals: ClassVar[bool] = False
    """Whether lists of images to remove are verified where nothing is said."""

    _reduction: Reduction | None
    _files_per_task: int = 4
    _computes_with: ClassVar[tuple[str, ...]]
    """Packages whose versions may change codes, besides those that decode images."""

    def __init__(self, verbose: bool = True, cache_dir: PathType | None = None) -> None:
        self.verbose = verbose
        self.cache_dir = _check_cache_dir(cache_dir)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._settings())})"

    def encode_image(
        self, image_file: PathType | None = None, image_array: NDArray[Any] | None = None
    ) -> Code | None:
        """Encode one image, given as a file or as an array.

        Args:
            image_file: Path of the image.
            image_array: Pixels of shape (h, w) or (h, w, 3) in RGB, any numeric dtype: uint8 is
                taken as it is, floats may hold 0 to 1. Of other numbers white is the smallest of
                255, 1023, 4095, 16383 and 65535 that is not below the largest.

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
            pixels = load_image(path, self._reduction)
        except UnreadableImageError as error:
            logger.warning("%s could not be read: %s", shown(str(path)), error)
            return None
        with images_named([str(path)]):
            return self._encode_pixels(pixels)

    def encode_images(
        self, image_dir: ImageDir, recursive: bool = False, num_enc_workers: int | None = None
    ) -> dict[str, Code]:
        """Encode all images of a folder.

        Files are recognised by their content; names that begin with a dot are passed over. Files
        that cannot be decoded are left out; one warning at the end counts and lists them.

        Args:
            image_dir: The folder; or an archive, a video, a text file with paths, a URL, several of
                these, or `Sources`, which says more closely what is read.
            recursive: Whether to encode the images of the folders within as well.
            num_enc_workers: Number of threads, in several processes from 12 on; None takes all
                cores, 0 and 1 mean no parallelism. The result does not depend on it.

        Returns:
            Codes by name. Names are relative to `image_dir`, with forward slashes, and sorted.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: The folder does not exist, cannot be read or holds no file.
        """
        workers = check_workers("num_enc_workers", num_enc_workers)
        encoded = self._encode_folder(list_images(image_dir, recursive), workers)
        report_failures(encoded.failures)
        return dict(zip(encoded.names, self._to_user(encoded.codes), strict=True))

    @property
    def _method(self) -> str:
        """The word for the encoder in files of codes and in the command: 'phash', 'cnn'."""
        return type(self).__name__.lower()

    @abstractmethod
    def _fingerprint(self) -> str | None:
        """What codes depend on beside the pixels: codes of equal fingerprints can be mixed.

        Returns:
            The method with its settings; None where that cannot be told, as of a `CustomModel`.

        Raises:
            ModelError: The file of the model cannot be read.
        """

    def _cached_method(self) -> CachedMethod | None:
        """What tells the codes that this encoder keeps from all others; None where it keeps none.

        What a subclass of the user's computes cannot be told.
        """
        if not type(self).__module__.startswith("imagededup."):
            return None
        try:
            fingerprint = self._fingerprint()
        except ModelError:  # its file has gone since it was loaded
            return None
        if fingerprint is None:
            return None
        around = surroundings(self._computes_with, self._hardware())
        return CachedMethod(type(self).__name__, f"{fingerprint} {around}")

    def _obstacle(self) -> str | None:
        """Why other processes cannot encode for this one, if so."""
        kind = type(self)
        own = kind.__module__.startswith("imagededup.")
        return None if own else f"{kind.__name__} is a class of the user's"

    def _hardware(self) -> str | None:
        """What the last bits of codes depend on; None where they are the same everywhere."""
        return None

    @abstractmethod
    def _prepare(self, pixels: Pixels) -> Any:  # noqa: ANN401
        """What of an image is kept until its batch is encoded: small, of a fixed shape."""

    @abstractmethod
    def _has_structure(self, pixels: Pixels, prepared: Any) -> bool:  # noqa: ANN401
        """Whether the code of an image says anything."""

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

    @abstractmethod
    def _equal_codes(self, codes: CodeArray, workers: int) -> Indices:
        """The group of every code: equal codes share one."""

    @abstractmethod
    def _nearest(
        self,
        codes: CodeArray,
        references: CodeArray | None,
        count: int,
        request: SearchRequest,
        workers: int,
    ) -> Pairs:
        """For each code the best references, or other codes, with a score from the floor on."""

    def _settings(self) -> list[str]:
        """The arguments of the constructor that are not the defaults, as they are written."""
        settings = [] if self.verbose else ["verbose=False"]
        return settings + ([f"cache_dir={str(self.cache_dir)!r}"] if self.cache_dir else [])

    def _check_options(self, threshold: object = DEFAULT, **options: Any) -> None:  # noqa: ANN401
        """Raise what `search` raises for options that are not allowed; nothing is encoded."""
        request = self._search_names.request(None, None, threshold, options)
        self._check_search(request)
        plan_verification(request, self._verifies_removals)

    def _find(self, request: SearchRequest) -> Duplicates:
        """Check the arguments, encode what has to be encoded, and search."""
        self._check_search(request)
        if (request.image_dir is None) == (request.encoding_map is None):
            raise InvalidValueError("exactly one of image_dir and encoding_map must be given")
        plan = plan_verification(request, self._verifies_removals)
        encoding_workers = check_workers("num_enc_workers", request.num_enc_workers)
        workers = check_workers("num_dist_workers", request.num_dist_workers)
        queries, references = self._encoded(request, encoding_workers)
        failures = queries.failures + (references.failures if references else [])
        was_reported = isinstance(request.encoding_map, EncodedImages)  # by encode_together
        report_failures(failures[len(queries.failures) :] if was_reported else failures)
        for images in (queries, references):
            if images is not None:
                self._check_codes(images.names, images.codes)
        result = partial(
            Duplicates,
            names=queries.names,
            folder=queries.folder,
            reference_names=references.names if references else None,
            reference_folder=references.folder if references else None,
        )
        if plan is None:
            matches = self._matches(queries, references, request, workers)
            return result(matches=matches, score_name=self.score_name, failures=failures)
        found = self._verified(queries, references, request, plan, (encoding_workers, workers))
        report_failures(found.failures)
        return result(
            matches=found.matches,
            score_name=VERIFIED_SCORE,
            failures=failures + found.failures,
            verdicts=found.verdicts,
        )

    def _verified(
        self,
        queries: EncodedImages,
        references: EncodedImages | None,
        request: SearchRequest,
        plan: VerificationPlan,
        workers: tuple[int, int],
    ) -> VerifiedMatches:
        """Verify the pairs that the codes of images with structure propose.

        Args:
            queries: The images.
            references: Those that they are compared with, where there are any.
            request: How to search.
            plan: How to verify.
            workers: Number of threads that read files, and of those that search.
        """
        codes = _stacked([queries, references] if references else [queries])

        def nearest(items: Indices, others: Indices | None, count: int) -> Pairs:
            among = None if others is None else codes[others]
            own = codes if len(items) == len(codes) else codes[items]
            return self._nearest(own, among, count, request, workers[1])

        groups = self._equal_codes(codes, workers[1])
        return verify_matches(queries, references, groups, nearest, plan, workers[0], self.verbose)

    def _matches(
        self,
        queries: EncodedImages,
        references: EncodedImages | None,
        request: SearchRequest,
        workers: int,
    ) -> Matches:
        """Match images with structure by their codes, the others by their pixels."""
        found = self._match(
            queries.structured_codes(),
            references.structured_codes() if references else None,
            request,
            workers,
        )
        return join_plain(found, queries, references)

    def _encoded(
        self, request: SearchRequest, workers: int
    ) -> tuple[EncodedImages, EncodedImages | None]:
        """The images that are searched, and those that they are compared with."""
        self._check_stored(request)
        folder = (
            None if request.image_dir is None else list_images(request.image_dir, request.recursive)
        )
        against = request.against
        reference_folder = None
        if against is not None and not isinstance(against, Mapping | EncodedImages):
            reference_folder = list_images(against, request.recursive, name="against")
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

    def _check_stored(self, request: SearchRequest) -> None:
        """Raise if codes of files were made in another way than those they are compared with."""
        against = request.against
        stored = [
            one for one in (request.encoding_map, against) if isinstance(one, StoredEncodings)
        ]
        for one in stored:
            one.check_method(self._method, self._encode_batch([]).dtype)
        if stored and against is not None:
            encodes = request.image_dir is not None or not isinstance(
                against, Mapping | EncodedImages
            )
            check_made_alike(stored, self._fingerprint() if encodes else None)

    def _mapped(self, name: str, encoding_map: object) -> EncodedImages:
        if isinstance(encoding_map, EncodedImages):
            return encoding_map
        if isinstance(encoding_map, StoredEncodings) and len(encoding_map):
            return encoding_map.images
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
        return encode_files([self], folder, workers)[0]

    def _encode_pixels(self, pixels: Pixels) -> Code:
        return self._to_user(self._encode_batch([self._prepare(pixels)]))[0]


def encode_together(
    encoders: Sequence[Encoder[Any]],
    image_dir: ImageDir,
    recursive: bool = False,
    num_enc_workers: int | None = None,
) -> list[EncodedImages]:
    """Encode a folder by several encoders, and decode each file once for all of them.

    Returns:
        For each encoder what its search takes as `encoding_map`; the result is that of a search
        with `image_dir`.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: The folder does not exist, cannot be read or holds no file.
    """
    workers = check_workers("num_enc_workers", num_enc_workers)
    encoded = encode_files(encoders, list_images(image_dir, recursive), workers)
    report_failures(encoded[0].failures)
    return encoded


def _stacked(collections: Sequence[EncodedImages]) -> CodeArray:
    """The codes of the images with structure, one after the other."""
    codes = [images.structured_codes() for images in collections]
    if len(codes) == 1:
        return codes[0]
    return np.concatenate([part for part in codes if len(part)] or codes[:1])


def _check_file(image_file: object) -> Path:
    if not isinstance(image_file, str | PathLike):
        raise InvalidTypeError(f"image_file must be a path, got {type(image_file).__name__}")
    path = Path(image_file)
    if not os.path.lexists(path):
        raise InvalidValueError(f"image_file must exist, got {str(path)!r}")
    return path


def _check_cache_dir(cache_dir: object) -> Path | None:
    if cache_dir is None:
        return None
    if not isinstance(cache_dir, str | PathLike):
        raise InvalidTypeError(f"cache_dir must be a path or None, got {type(cache_dir).__name__}")
    return Path(cache_dir).expanduser()
