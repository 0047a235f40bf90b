"""Perceptual hashes: 64 bits from a small grey thumbnail.

The hashes are those of imagededup 0.3.3, bit for bit; of JPEGs whose shorter side has 1536 pixels
or more only with `full_decode=True`.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imagededup.images.decode import Pixels, Reduction
from imagededup.methods.encoder import CodeArray, Encoder, PathType, SearchRequest
from imagededup.methods.encoding import CODES_VERSION
from imagededup.methods.hexadecimal import parse_hashes, write_hashes
from imagededup.methods.plain import has_structure
from imagededup.methods.search_options import SearchNames
from imagededup.search.hamming.choose import (
    HammingMethod,
    check_distance,
    check_hamming_method,
    search_hamming,
)
from imagededup.search.matches import Matches, Pairs
from imagededup.utils.options import check_bool, check_option
from imagededup.utils.progress import Progress

__all__ = ["AHash", "DHash", "Hashing", "PHash", "WHash"]

_CANDIDATE_DISTANCE = 20
"""Up to which distance in bits pairs are verified, where no threshold is given."""

_LEVEL = 5
_SQUARE_ROOT_OF_HALF = 0.7071067811865476

_REDUCTION = Reduction(above=1536, down_to=256, to_grey=True)

_COSINES = 2 * np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1))
"""The 8 lowest frequencies of the unnormalised DCT-II of 32 numbers, a row each."""

_ROUNDING = 1e-6
"""More than what rounding moves a coefficient, in either computation, and a thousand times that."""


class Hashing(Encoder[str]):
    """What the four hashes share: codes of 64 bits, written as 16 hexadecimal digits.

    Args:
        verbose: Whether long work shows progress bars (on a terminal or in a notebook).
        full_decode: Whether to decode JPEGs whose shorter side has 1536 pixels or more in full.
            They are otherwise decoded at reduced size, about ten times as fast, and up to 3 bits of
            the hash differ from that of a full decode, which is that of the array of pixels.
        cache_dir: A folder that keeps hashes from run to run, so that files that have not changed
            are not decoded again; it is made where there is none. None keeps none.
    """

    score_name = "distance"
    _search_names = SearchNames(
        threshold="max_distance_threshold",
        default=10,
        floor=_CANDIDATE_DISTANCE,
        texts={
            "threshold": "Largest Hamming distance of duplicates in bits, 0 to 64.",
            "encoding_map": "Hashes by name, as `encode_images` returns them.",
            "search_method": "'auto', 'multi_index', 'faiss' or 'bktree'. All find every pair; "
            "'auto' takes the fastest for the number of images and the threshold.",
            "verify": "Whether to look at both pictures of the pairs that the hashes propose, and "
            "to decide how they are related. True needs the files; 'auto' is False for hashes. "
            f"Without a threshold, pairs up to {_CANDIDATE_DISTANCE} bits apart are proposed.",
        },
        order=("search_method", "recursive", "num_enc_workers", "num_dist_workers", "against"),
        other_names={},
    )
    _computes_with = ("scipy",)
    _size: ClassVar[tuple[int, int]]
    """Width and height of the thumbnail in pixels."""

    def __init__(
        self,
        verbose: bool = True,
        full_decode: bool = False,
        cache_dir: PathType | None = None,
    ) -> None:
        super().__init__(verbose, cache_dir)
        self.full_decode = check_bool("full_decode", full_decode)
        self._reduction = None if full_decode else _REDUCTION

    @staticmethod
    def hamming_distance(hash1: str, hash2: str) -> int:
        """The number of bits in which two hashes differ.

        Examples:
            >>> PHash.hamming_distance("9fee256239984d71", "9fee256239984d70")
            1
        """
        codes = parse_hashes("hash1 and hash2", ["hash1", "hash2"], [hash1, hash2])
        return int(np.bitwise_count(codes[0] ^ codes[1]))

    def _fingerprint(self) -> str:
        return f"{self._method} full_decode={self.full_decode} version={CODES_VERSION}"

    @abstractmethod
    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The bits of thumbnails of shape (n, height, width), 64 an image in any shape."""

    def _prepare(self, pixels: Pixels) -> Pixels:
        from imagededup.images.resample import grey, resize

        return grey(resize(pixels, self._size))

    def _has_structure(self, pixels: Pixels, prepared: Pixels) -> bool:  # noqa: ARG002
        return has_structure(prepared)

    def _settings(self) -> list[str]:
        return super()._settings() + (["full_decode=True"] if self.full_decode else [])

    def _encode_batch(self, prepared: Sequence[Pixels]) -> CodeArray:
        if not prepared:
            return np.empty(0, np.uint64)
        bits = self._bits(np.stack(prepared)).reshape(len(prepared), 64)
        return np.packbits(bits, axis=1).view(">u8").astype(np.uint64).ravel()

    def _to_user(self, codes: CodeArray) -> list[str]:
        return write_hashes(codes)

    def _from_user(self, name: str, encoding_map: Mapping[str, Any], keys: list[str]) -> CodeArray:
        return parse_hashes(name, keys, [encoding_map[key] for key in keys])

    def _check_search(self, request: SearchRequest) -> None:
        check_distance(request.threshold)
        check_hamming_method(request.search_method)

    def _match(
        self, codes: CodeArray, references: CodeArray | None, request: SearchRequest, workers: int
    ) -> Matches:
        method = check_option("search_method", request.search_method, HammingMethod)
        with Progress(1000, "Searching", None, self.verbose) as progress:
            return search_hamming(
                codes,
                check_distance(request.threshold),
                references,
                method,
                workers,
                progress.advance,
            )

    def _equal_codes(self, codes: CodeArray, workers: int) -> NDArray[np.int64]:  # noqa: ARG002
        _, first, group = np.unique(codes, return_index=True, return_inverse=True)
        return first[group].astype(np.int64)

    def _nearest(
        self,
        codes: CodeArray,
        references: CodeArray | None,
        count: int,
        request: SearchRequest,
        workers: int,
    ) -> Pairs:
        from imagededup.search.hamming.nearest import nearest_codes  # loads numba

        most = check_distance(request.floor)
        with Progress(1000, "Searching", None, self.verbose) as progress:
            return nearest_codes(codes, references, count, most, workers, progress.advance)


class PHash(Hashing):
    """Perceptual hash: signs of the low frequencies of a cosine transform.

    The 8 x 8 lowest coefficients of the unnormalised DCT-II of a 32 x 32 thumbnail; a bit is set
    where a coefficient is at least the median of the 63 that follow the first
    (http://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html).

    Examples:
        >>> import numpy as np
        >>> PHash().encode_image(image_array=np.arange(64 * 64).reshape(64, 64))
        'aa1d223adf7c027e'
    """

    _size = (32, 32)

    def _bits(self, thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The bits of scipy's transform, which is asked only where rounding decides one.

        The coefficients themselves are exact to a billionth.
        """
        coefficients = (_COSINES @ thumbnails.astype(np.float64) @ _COSINES.T).reshape(-1, 64)
        above = coefficients - np.median(coefficients[:, 1:], axis=1)[:, None]
        bits: NDArray[np.bool_] = above >= 0
        # The median is a coefficient itself, and no other may be as near as that.
        undecided = (np.abs(above) < _ROUNDING).sum(axis=1) != 1
        if undecided.any():
            bits[undecided] = _bits_by_scipy(thumbnails[undecided])
        return bits


def _bits_by_scipy(thumbnails: NDArray[np.uint8]) -> NDArray[np.bool_]:
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
        coefficients = np.array([_haar_approximation(one / 255) for one in thumbnails])
        coefficients = coefficients.reshape(-1, 64)
        bits: NDArray[np.bool_] = coefficients >= np.median(coefficients, axis=1)[:, None]
        return bits


def _haar_approximation(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The approximation of level 5 of a Haar wavelet, to the bit as PyWavelets computes it."""
    for _ in range(_LEVEL):
        values = values * _SQUARE_ROOT_OF_HALF
        values = (values[::2] + values[1::2]) * _SQUARE_ROOT_OF_HALF
        values = values[:, ::2] + values[:, 1::2]
    return values
