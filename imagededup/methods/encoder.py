"""The interface that all encoders share.

An encoder says how pixels become codes, how users see codes, and how codes are searched. Validation
of arguments, reports of what was left out and the public methods are here, once.
"""

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar, Unpack, overload

from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError, UnreadableImageError
from imagededup.images.decode import Pixels, Reduction, check_array, load_image
from imagededup.images.folders import Failure, ImageFolder, list_folder
from imagededup.methods import encoding
from imagededup.methods.encoding import CodeArray, EncodedImages, encode_folder
from imagededup.methods.keep import KeepType, check_keep
from imagededup.methods.plain import join_plain
from imagededup.methods.results import DuplicateMap, Duplicates
from imagededup.methods.search_options import (
    NamedOptions,
    PathType,
    SearchNames,
    SearchRequest,
    named,
)
from imagededup.models.failures import images_named
from imagededup.search.matches import Matches
from imagededup.utils.files import check_output, write_json
from imagededup.utils.parallel import check_workers
from imagededup.utils.text import counted, shown

__all__ = ["CodeArray", "Encoder", "PathType", "SearchRequest", "encode_together"]

logger = logging.getLogger("imagededup")

Code = TypeVar("Code")

_MOST_LISTED = 1000


class Encoder(ABC, Generic[Code]):
    """Encodes images and finds duplicates by their codes.

    Args:
        verbose: Whether long work shows progress bars (on a terminal or in a notebook).
    """

    score_name: ClassVar[str]
    """What the scores of pairs are: 'distance' or 'similarity'."""

    threshold_name: ClassVar[str]
    """The argument of the search methods that is the threshold of the score."""

    _search_names: ClassVar[SearchNames]
    _reduction: Reduction | None
    _files_per_task: int = 4

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401
        """Name the threshold in the searches of a kind of encoder."""
        super().__init_subclass__(**options)
        if "_search_names" in vars(cls):
            cls.threshold_name = cls._search_names.threshold
            for method in ("find_duplicates", "find_duplicates_to_remove", "search"):
                setattr(cls, method, named(getattr(Encoder, method), cls._search_names))

    def __init__(self, verbose: bool = True) -> None:
        self.verbose = verbose

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._settings())})"

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
            pixels = load_image(path, self._reduction)
        except UnreadableImageError as error:
            logger.warning("%s could not be read: %s", shown(str(path)), error)
            return None
        with images_named([str(path)]):
            return self._encode_pixels(pixels)

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
        encoded = self._encode_folder(list_folder(image_dir, recursive), workers)
        _report(encoded.failures)
        return dict(zip(encoded.names, self._to_user(encoded.codes), strict=True))

    @overload
    def find_duplicates(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = ...,
        *,
        scores: Literal[True],
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> dict[str, list[tuple[str, Any]]]: ...

    @overload
    def find_duplicates(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = ...,
        scores: Literal[False] = False,
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> dict[str, list[str]]: ...

    @overload
    def find_duplicates(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = ...,
        scores: bool = False,
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> DuplicateMap: ...

    def find_duplicates(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        scores: bool = False,
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> DuplicateMap:
        """Find the duplicates of every image.

        An image without structure, such as one of a single colour, is a duplicate of those with
        exactly the same pixels only, alpha included: its code would be arbitrary. With an encoding
        map the pixels are not known, and codes alone decide.

        The dictionary holds every pair twice. Where thousands of images are identical, `search` is
        the way that stays linear.

        Args:
            image_dir: Folder of the images. Either this or `encoding_map` must be given.
            encoding_map: Codes by name, as `encode_images` returns them.
            threshold: Limit of the score of duplicates.
            scores: Whether to return the scores as well.
            outfile: JSON file to write the result to.
            search_method: How to search.
            recursive: Whether to take the images of the folders within as well.
            num_enc_workers: Number of threads that encode; None takes all cores, 0 and 1 mean no
                parallelism.
            num_dist_workers: The same for the search.
            against: A folder or codes by name of other images. Then the duplicates among them are
                found, and images of the collection are not compared with each other.

        Returns:
            For every image, sorted by name, the names of its duplicates, best first, then by name;
            with `scores` tuples of name and score. An image that cannot be read has no entry.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: An argument has a value that is not allowed.
            ModelError: A model fails, or returns something else than descriptors.
            FileOperationError: The result cannot be written to `outfile`.

        Examples:
            >>> from imagededup.methods import PHash
            >>> hashes = {"a.jpg": "9fee256239984d71", "b.jpg": "9fee256239984d70"}
            >>> PHash().find_duplicates(encoding_map=hashes, scores=True)
            {'a.jpg': [('b.jpg', 1)], 'b.jpg': [('a.jpg', 1)]}
        """
        path = _check_outfile(outfile)
        request = SearchRequest.of(image_dir, encoding_map, threshold, options)
        result = self._find(request).to_dict(scores)
        if path is not None:
            write_json(path, result)
        return result

    def find_duplicates_to_remove(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        outfile: PathType | Literal[False] | None = None,
        *,
        keep: KeepType = "first",
        **options: Unpack[NamedOptions],
    ) -> list[str]:
        """List the images to remove so that no two of the others are duplicates.

        Nothing is removed. The images are walked in the order of preference: an image that is still
        there stays, and its duplicates go. Every image that goes has a duplicate that stays.

        Args:
            image_dir: As in `find_duplicates`, like the other arguments that are not named here.
            encoding_map: Codes by name.
            threshold: Limit of the score of duplicates.
            outfile: JSON file to write the list to.
            search_method: How to search.
            recursive: Whether to take the images of the folders within as well.
            num_enc_workers: Number of threads that encode.
            num_dist_workers: Number of threads that search.
            against: Other images, which all stay: every image that has a duplicate there goes.
            keep: The order of preference: 'first' (by name), 'largest_resolution',
                'largest_file', 'oldest' (equals by name), or a function of the path (of the name
                with `encoding_map`) whose largest value is preferred.

        Returns:
            The names, sorted.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: An argument has a value that is not allowed.
            ModelError: A model fails, or returns something else than descriptors.
            FileOperationError: The result cannot be written to `outfile`.

        Examples:
            >>> from imagededup.methods import PHash
            >>> hashes = {"1.jpg": "00000000000000ff", "2.jpg": "000000000000000f"}
            >>> PHash().find_duplicates_to_remove(encoding_map=hashes)
            ['2.jpg']
        """
        path = _check_outfile(outfile)
        rule = check_keep(keep)
        request = SearchRequest.of(image_dir, encoding_map, threshold, options)
        result = self._find(request).to_remove(rule)
        if path is not None:
            write_json(path, result)
        return result

    def search(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        **options: Unpack[NamedOptions],
    ) -> Duplicates:
        """Find duplicates and return them in the form that everything else is made from.

        It gives the dictionary, the list to remove, groups and CSV, and stays small where many
        images are identical. Arguments and errors as in `find_duplicates`.

        Examples:
            >>> from imagededup.methods import PHash
            >>> hashes = {"a.jpg": "00000000000000ff", "b.jpg": "000000000000000f"}
            >>> PHash().search(encoding_map=hashes).clusters()
            [Cluster(representative='a.jpg', members=('a.jpg', 'b.jpg'))]
        """
        return self._find(SearchRequest.of(image_dir, encoding_map, threshold, options))

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

    def _settings(self) -> list[str]:
        """The arguments of the constructor that are not the defaults, as they are written."""
        return [] if self.verbose else ["verbose=False"]

    def _find(self, request: SearchRequest) -> Duplicates:
        """Check the arguments, encode what has to be encoded, and search."""
        self._check_search(request)
        if (request.image_dir is None) == (request.encoding_map is None):
            raise InvalidValueError("exactly one of image_dir and encoding_map must be given")
        encoding_workers = check_workers("num_enc_workers", request.num_enc_workers)
        workers = check_workers("num_dist_workers", request.num_dist_workers)
        queries, references = self._encoded(request, encoding_workers)
        failures = queries.failures + (references.failures if references else [])
        if not isinstance(request.encoding_map, EncodedImages):  # reported by encode_together
            _report(failures)
        return Duplicates(
            names=queries.names,
            matches=self._matches(queries, references, request, workers),
            score_name=self.score_name,
            folder=queries.folder,
            reference_names=references.names if references else None,
            reference_folder=references.folder if references else None,
            failures=failures,
        )

    def _matches(
        self,
        queries: EncodedImages,
        references: EncodedImages | None,
        request: SearchRequest,
        workers: int,
    ) -> Matches:
        """Match images with structure by their codes, the others by their pixels."""
        for images in (queries, references):
            if images is not None:
                self._check_codes(images.names, images.codes)
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
        if isinstance(encoding_map, EncodedImages):
            return encoding_map
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
        return encode_folder(self, folder, workers)

    def _encode_pixels(self, pixels: Pixels) -> Code:
        return self._to_user(self._encode_batch([self._prepare(pixels)]))[0]


def encode_together(
    encoders: Sequence[Encoder[Any]],
    image_dir: PathType,
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
    encoded = encoding.encode_together(encoders, list_folder(image_dir, recursive), workers)
    _report(encoded[0].failures)
    return encoded


def _check_file(image_file: object) -> Path:
    if not isinstance(image_file, str | PathLike):
        raise InvalidTypeError(f"image_file must be a path, got {type(image_file).__name__}")
    path = Path(image_file)
    if not os.path.lexists(path):
        raise InvalidValueError(f"image_file must exist, got {str(path)!r}")
    return path


def _check_outfile(outfile: PathType | Literal[False] | None) -> Path | None:
    return None if outfile is None or outfile is False else check_output(outfile)


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
