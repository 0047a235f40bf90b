"""Perceptual hashes: 64 bits from a small grey thumbnail.

The hashes are those of imagededup 0.3.3, bit for bit.
"""

import string
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.images.decode import Pixels, Reduction
from imagededup.methods.encoder import CodeArray, Encoder, PathType, SearchRequest
from imagededup.methods.keep import KeepType
from imagededup.methods.results import DuplicateMap, Duplicates
from imagededup.search.hamming.choose import HammingMethod, check_distance, search_hamming
from imagededup.search.matches import Matches
from imagededup.utils.options import check_option
from imagededup.utils.progress import Progress

__all__ = ["AHash", "DHash", "Hashing", "PHash", "WHash"]

_HEX_DIGITS = 16


class Hashing(Encoder[str]):
    """What the four hashes share: codes of 64 bits, written as 16 hexadecimal digits."""

    score_name = "distance"
    threshold_name = "max_distance_threshold"
    _reduction = Reduction(above=1536, down_to=256, to_grey=True)
    _size: ClassVar[tuple[int, int]]
    """Width and height of the thumbnail in pixels."""

    def find_duplicates(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, str] | None = None,
        max_distance_threshold: int = 10,
        scores: bool = False,
        outfile: PathType | None = None,
        search_method: str = "auto",
        recursive: bool = False,
        num_enc_workers: int | None = None,
        num_dist_workers: int | None = None,
        against: PathType | Mapping[str, str] | None = None,
    ) -> DuplicateMap:
        """Find the duplicates of every image.

        Args:
            image_dir: Folder of the images. Either this or `encoding_map` must be given.
            encoding_map: Hashes by name, as `encode_images` returns them.
            max_distance_threshold: Largest Hamming distance of duplicates in bits, 0 to 64.
            scores: Whether to return the distances as well.
            outfile: JSON file to write the result to.
            search_method: 'auto', 'multi_index', 'faiss' or 'bktree'. All find every pair; 'auto'
                takes the fastest for the number of images and the threshold.
            recursive: Whether to take the images of the folders within as well.
            num_enc_workers: Number of threads that encode; None takes all cores, 0 and 1 mean no
                parallelism.
            num_dist_workers: The same for the search.
            against: A folder or hashes by name of other images. Then the duplicates among them are
                found, and images of the collection are not compared with each other.

        Returns:
            For every image, sorted by name, the names of its duplicates, nearest first, then by
            name; with `scores` tuples of name and distance (int). An image that cannot be read has
            no entry.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: An argument has a value that is not allowed.
            FileOperationError: The result cannot be written to `outfile`.

        Examples:
            >>> hashes = {"a.jpg": "9fee256239984d71", "b.jpg": "9fee256239984d70"}
            >>> PHash().find_duplicates(encoding_map=hashes, scores=True)
            {'a.jpg': [('b.jpg', 1)], 'b.jpg': [('a.jpg', 1)]}
        """
        request = SearchRequest(
            image_dir,
            encoding_map,
            against,
            max_distance_threshold,
            search_method,
            recursive,
            num_enc_workers,
            num_dist_workers,
        )
        return self._find_duplicates(request, scores, outfile)

    def find_duplicates_to_remove(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, str] | None = None,
        max_distance_threshold: int = 10,
        outfile: PathType | None = None,
        search_method: str = "auto",
        recursive: bool = False,
        num_enc_workers: int | None = None,
        num_dist_workers: int | None = None,
        against: PathType | Mapping[str, str] | None = None,
        keep: KeepType = "first",
    ) -> list[str]:
        """List the images to remove so that no two of the others are duplicates.

        Nothing is removed. The images are walked in the order of preference: an image that is still
        there stays, and its duplicates go. Every image that goes has a duplicate that stays.

        Args:
            image_dir: As in `find_duplicates`, like the other arguments that are not named here.
            encoding_map: Hashes by name.
            max_distance_threshold: Largest Hamming distance of duplicates in bits, 0 to 64.
            outfile: JSON file to write the list to.
            search_method: 'auto', 'multi_index', 'faiss' or 'bktree'.
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
            FileOperationError: The result cannot be written to `outfile`.

        Examples:
            >>> hashes = {"1.jpg": "00000000000000ff", "2.jpg": "000000000000000f"}
            >>> PHash().find_duplicates_to_remove(encoding_map=hashes)
            ['2.jpg']
        """
        request = SearchRequest(
            image_dir,
            encoding_map,
            against,
            max_distance_threshold,
            search_method,
            recursive,
            num_enc_workers,
            num_dist_workers,
        )
        return self._find_duplicates_to_remove(request, keep, outfile)

    def search(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, str] | None = None,
        max_distance_threshold: int = 10,
        search_method: str = "auto",
        recursive: bool = False,
        num_enc_workers: int | None = None,
        num_dist_workers: int | None = None,
        against: PathType | Mapping[str, str] | None = None,
    ) -> Duplicates:
        """Find duplicates and return them in the form that everything else is made from.

        It gives the dictionary, the list to remove, clusters and CSV, and stays small where many
        images are identical. Arguments and errors as in `find_duplicates`.

        Examples:
            >>> hashes = {"a.jpg": "00000000000000ff", "b.jpg": "000000000000000f"}
            >>> PHash().search(encoding_map=hashes).clusters()
            [Cluster(representative='a.jpg', members=('a.jpg', 'b.jpg'))]
        """
        request = SearchRequest(
            image_dir,
            encoding_map,
            against,
            max_distance_threshold,
            search_method,
            recursive,
            num_enc_workers,
            num_dist_workers,
        )
        return self._find(request)

    @staticmethod
    def hamming_distance(hash1: str, hash2: str) -> int:
        """The number of bits in which two hashes differ.

        Examples:
            >>> PHash.hamming_distance("9fee256239984d71", "9fee256239984d70")
            1
        """
        codes = _parse("hash1 and hash2", ["hash1", "hash2"], [hash1, hash2])
        return int(np.bitwise_count(codes[0] ^ codes[1]))

    @abstractmethod
    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The bits of thumbnails of shape (n, height, width), 64 an image in any shape."""

    def _prepare(self, pixels: Pixels) -> Pixels:
        from imagededup.images.resample import grey, resize

        return grey(resize(pixels, self._size))

    def _encode_batch(self, prepared: Sequence[Pixels]) -> CodeArray:
        if not prepared:
            return np.empty(0, np.uint64)
        bits = self._bits(np.stack(prepared)).reshape(len(prepared), 64)
        return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()

    def _to_user(self, codes: CodeArray) -> list[str]:
        digits = codes.astype(">u8").tobytes().hex()
        return [digits[place : place + _HEX_DIGITS] for place in range(0, len(digits), _HEX_DIGITS)]

    def _from_user(self, name: str, encoding_map: Mapping[str, Any], keys: list[str]) -> CodeArray:
        return _parse(name, keys, [encoding_map[key] for key in keys])

    def _check_search(self, request: SearchRequest) -> None:
        check_distance(request.threshold)
        check_option("search_method", request.search_method, HammingMethod)

    def _match(
        self, codes: CodeArray, references: CodeArray | None, request: SearchRequest, workers: int
    ) -> Matches:
        method = check_option("search_method", request.search_method, HammingMethod)
        with Progress(1000, "Searching", "‰", self.verbose) as progress:
            return search_hamming(
                codes, request.threshold, references, method, workers, progress.advance
            )


class PHash(Hashing):
    """Perceptual hash: signs of the low frequencies of a cosine transform.

    The 8 x 8 lowest coefficients of the unnormalised DCT-II of a 32 x 32 thumbnail; a bit is set
    where a coefficient is at least the median of the 63 that follow the first
    (http://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html).

    Examples:
        >>> import numpy as np
        >>> PHash().encode_image(image_array=np.arange(64 * 64).reshape(64, 64))
        '80783f771f791e60'
    """

    _size = (32, 32)

    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        from scipy.fft import dct

        by_row = dct(thumbnails.astype(np.float64), axis=1)
        coefficients = dct(by_row, axis=2)[:, :8, :8].reshape(-1, 64)
        bits: NDArray[np.bool_] = coefficients >= np.median(coefficients[:, 1:], axis=1)[:, None]
        return bits


class DHash(Hashing):
    """Difference hash: whether each pixel of a 9 x 8 thumbnail is brighter than its left neighbour.

    Source: http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html
    """

    _size = (9, 8)

    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return thumbnails[:, :, 1:] > thumbnails[:, :, :-1]


class AHash(Hashing):
    """Average hash: whether each pixel of an 8 x 8 thumbnail is at least as bright as their mean.

    Source: http://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html
    """

    _size = (8, 8)

    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        bits: NDArray[np.bool_] = thumbnails >= thumbnails.mean(axis=(1, 2), keepdims=True)
        return bits


class WHash(Hashing):
    """Wavelet hash: whether each approximation coefficient is at least their median.

    The 8 x 8 approximation of a Haar wavelet of level 5 of a 256 x 256 thumbnail
    (https://fullstackml.com/wavelet-image-hash-in-python-3504fdd282b5).
    """

    _size = (256, 256)

    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        import pywt

        approximation = thumbnails / 255
        for _ in range(5):
            approximation, _ = pywt.dwt2(approximation, "haar", axes=(1, 2))
        coefficients = approximation.reshape(-1, 64)
        bits: NDArray[np.bool_] = coefficients >= np.median(coefficients, axis=1)[:, None]
        return bits


def _parse(name: str, keys: Sequence[str], hashes: Sequence[Any]) -> NDArray[np.uint64]:
    """Hexadecimal hashes as integers."""
    try:
        if all(map(_HEX_DIGITS.__eq__, map(len, hashes))):
            codes = np.frombuffer(bytes.fromhex("".join(hashes)), ">u8")
            if len(codes) == len(hashes):
                return codes.astype(np.uint64)
    except (TypeError, ValueError):
        pass
    wrong = next(key for key, value in zip(keys, hashes, strict=True) if not _is_hash(value))
    value = hashes[keys.index(wrong)]
    kind = InvalidValueError if isinstance(value, str) else InvalidTypeError
    raise kind(
        f"{name} must hold str of {_HEX_DIGITS} hexadecimal digits, got {value!r} for {wrong!r}"
    )


def _is_hash(value: object) -> bool:
    return (
        isinstance(value, str) and len(value) == _HEX_DIGITS and set(value) <= set(string.hexdigits)
    )
