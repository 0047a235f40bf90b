"""The three searches for duplicates that all encoders have, written once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack, overload

from imagededup.methods.keep import KeepType, check_keep
from imagededup.methods.results import DuplicateMap, Duplicates
from imagededup.methods.search_options import (
    DEFAULT,
    NamedOptions,
    PathType,
    SearchNames,
    SearchRequest,
    named,
)
from imagededup.sources.places import ImageDir
from imagededup.utils.files import check_output, write_json

__all__ = ["Searches"]


class Searches(ABC):
    """Finds duplicates; what follows from a search is the same for every encoder."""

    threshold_name: ClassVar[str]
    """The argument of the searches that is the threshold of the score."""

    _search_names: ClassVar[SearchNames]

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401
        """Name the threshold in the searches of a kind of encoder."""
        super().__init_subclass__(**options)
        if "_search_names" in vars(cls):
            cls.threshold_name = cls._search_names.threshold
            for method in ("find_duplicates", "find_duplicates_to_remove", "search"):
                setattr(cls, method, named(getattr(Searches, method), cls._search_names))

    @overload
    def find_duplicates(
        self,
        image_dir: ImageDir | None = None,
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
        image_dir: ImageDir | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = ...,
        scores: Literal[False] = False,
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> dict[str, list[str]]: ...

    @overload
    def find_duplicates(
        self,
        image_dir: ImageDir | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = ...,
        scores: bool = False,
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> DuplicateMap: ...

    def find_duplicates(
        self,
        image_dir: ImageDir | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = DEFAULT,
        scores: bool = False,
        outfile: PathType | Literal[False] | None = None,
        **options: Unpack[NamedOptions],
    ) -> DuplicateMap:
        """Find the duplicates of every image.

        An image without structure, such as one of a single colour, is a duplicate of those with
        exactly the same pixels only, alpha included: its code would be arbitrary. With an encoding
        map the pixels are not known, and codes alone decide.

        With verification codes only propose, for each image its best `candidates` within the
        threshold, and both pictures of a pair decide. Its score is then the probability, 0 to 1,
        that one is an edited copy of the other; 1 means equal pixels.

        The dictionary holds every pair twice. Where thousands of images are identical, `search` is
        the way that stays linear.

        Args:
            image_dir: Folder of the images, or whatever else `encode_images` takes. Either this or
                `encoding_map` must be given.
            encoding_map: Codes by name, as `encode_images` returns them.
            threshold: Limit of the score of duplicates.
            scores: Whether to return the scores as well.
            outfile: JSON file to write the result to.
            search_method: How to search.
            recursive: Whether to take the images of the folders within as well.
            num_enc_workers: Number of threads that encode and verify, the former in several
                processes from 12 on; None takes all cores, 0 and 1 mean no parallelism.
            num_dist_workers: The same for the search.
            against: A folder or codes by name of other images. Then the duplicates among them are
                found, and images of the collection are not compared with each other.
            verify: Whether to look at both pictures of every candidate pair and to decide how they
                are related: True, False or 'auto'.
            candidates: How many images, at most, each image is verified with: those of best score.
            relations: Which relations of verified pairs count, of 'identical', 'copy', 'part',
                'variant', 'overlap', 'unrelated' and 'undecided'; None takes the first four.

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
        request = self._search_names.request(image_dir, encoding_map, threshold, options)
        result = self._find(request).to_dict(scores)
        if path is not None:
            write_json(path, result)
        return result

    def find_duplicates_to_remove(
        self,
        image_dir: ImageDir | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = DEFAULT,
        outfile: PathType | Literal[False] | None = None,
        *,
        keep: KeepType = "first",
        **options: Unpack[NamedOptions],
    ) -> list[str]:
        """List the images to remove so that no two of the others are duplicates.

        Nothing is removed. The images are walked in the order of preference: an image that is still
        there stays, and its duplicates go. Every image that goes has a duplicate that stays; where
        pairs are verified, one that it was compared with itself and that shows at least as much.

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
            verify: Whether to look at both pictures of every candidate pair.
            candidates: How many images, at most, each image is verified with.
            relations: Of which relations one image goes, of 'identical', 'copy', 'part', 'variant'
                and 'overlap'; None takes the first three. Of a part and its whole the whole stays,
                whatever `keep` says.

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
        request = self._search_names.request(
            image_dir, encoding_map, threshold, options, lists_removals=True
        )
        result = self._find(request).to_remove(rule, request.relations)
        if path is not None:
            write_json(path, result)
        return result

    def search(
        self,
        image_dir: ImageDir | None = None,
        encoding_map: Mapping[str, Any] | None = None,
        threshold: float = DEFAULT,
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
        return self._find(self._search_names.request(image_dir, encoding_map, threshold, options))

    @abstractmethod
    def _find(self, request: SearchRequest) -> Duplicates:
        """Check the arguments, encode what has to be encoded, and search."""


def _check_outfile(outfile: PathType | Literal[False] | None) -> Path | None:
    return None if outfile is None or outfile is False else check_output(outfile)
