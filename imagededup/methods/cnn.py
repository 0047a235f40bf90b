"""Descriptors of a convolutional network, compared by their cosine."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.images.decode import Pixels
from imagededup.methods.encoder import CodeArray, Encoder, PathType, SearchRequest
from imagededup.methods.keep import KeepType
from imagededup.methods.results import DuplicateMap, Duplicates
from imagededup.models import CustomModel, OnnxModel
from imagededup.models.describe import describer
from imagededup.models.session import Device
from imagededup.search.matches import Matches
from imagededup.utils.options import check_option
from imagededup.utils.progress import Progress

__all__ = ["CNN"]

Descriptor = NDArray[np.float32]

_EMBEDDED_DIMENSIONS = (576, 1024)


class CNN(Encoder[Descriptor]):
    """Finds near duplicates by the descriptors of a convolutional network.

    The embedded model was trained to find edited copies: resized, cropped, mirrored, rotated,
    recoloured, with text. It is part of the package and never downloads anything.

    Args:
        verbose: Whether long work shows progress bars (on a terminal or in a notebook).
        model_config: An `OnnxModel` or a `CustomModel` to use instead of the embedded model.
        dim: Length of the embedded model's descriptor, 1024 (the default) or 576: its first
            numbers are a descriptor too.
        device: 'cpu', 'cuda', or 'auto', which takes an NVIDIA GPU where onnxruntime can use one.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An argument has a value that is not allowed, or CUDA is asked for and
            absent.
        ModelError: The model cannot be loaded.

    Examples:
        >>> import numpy as np
        >>> encoder = CNN()
        >>> encoder.encode_image(image_array=np.zeros((200, 300, 3), np.uint8)).shape
        (1, 1024)
    """

    score_name = "similarity"
    threshold_name = "min_similarity_threshold"

    def __init__(
        self,
        verbose: bool = True,
        model_config: OnnxModel | CustomModel | None = None,
        dim: int | None = None,
        device: str = "auto",
    ) -> None:
        super().__init__(verbose)
        _check_dim(dim, model_config)
        self._dim = dim
        self._describer = describer(model_config, check_option("device", device, Device))
        self._reduction = self._describer.reduction
        self._files_per_task = self._describer.batch_size

    def find_duplicates(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Descriptor] | None = None,
        min_similarity_threshold: float = 0.9,
        scores: bool = False,
        outfile: PathType | None = None,
        search_method: str = "auto",
        recursive: bool = False,
        num_enc_workers: int | None = None,
        num_dist_workers: int | None = None,
        against: PathType | Mapping[str, Descriptor] | None = None,
    ) -> DuplicateMap:
        """Find the duplicates of every image.

        Args:
            image_dir: Folder of the images. Either this or `encoding_map` must be given.
            encoding_map: Descriptors by name, as `encode_images` returns them: arrays of shape
                (1, d) or (d,), of any length other than zero.
            min_similarity_threshold: Smallest cosine similarity of duplicates, -1.0 to 1.0.
            scores: Whether to return the similarities as well.
            outfile: JSON file to write the result to.
            search_method: 'exact' finds every pair; 'ivf' and 'hnsw' may miss a few of a thousand;
                'auto' takes 'exact' up to a measured size, then 'ivf', which is faster there.
            recursive: Whether to take the images of the folders within as well.
            num_enc_workers: Number of threads that encode; None takes all cores, 0 and 1 mean no
                parallelism.
            num_dist_workers: The same for the search.
            against: A folder or descriptors by name of other images. Then the duplicates among
                them are found, and images of the collection are not compared with each other.

        Returns:
            For every image, sorted by name, the names of its duplicates, most similar first, then
            by name; with `scores` tuples of name and cosine similarity (float). An image that
            cannot be read has no entry.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: An argument has a value that is not allowed.
            ModelError: The model fails, or returns something else than descriptors.
            FileOperationError: The result cannot be written to `outfile`.

        Examples:
            >>> import numpy as np
            >>> north, almost = np.array([0.0, 1.0]), np.array([0.1, 1.0])
            >>> CNN().find_duplicates(encoding_map={"a.jpg": north, "b.jpg": almost})
            {'a.jpg': ['b.jpg'], 'b.jpg': ['a.jpg']}
        """
        request = SearchRequest(
            image_dir,
            encoding_map,
            against,
            min_similarity_threshold,
            search_method,
            recursive,
            num_enc_workers,
            num_dist_workers,
        )
        return self._find_duplicates(request, scores, outfile)

    def find_duplicates_to_remove(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Descriptor] | None = None,
        min_similarity_threshold: float = 0.9,
        outfile: PathType | None = None,
        search_method: str = "auto",
        recursive: bool = False,
        num_enc_workers: int | None = None,
        num_dist_workers: int | None = None,
        against: PathType | Mapping[str, Descriptor] | None = None,
        keep: KeepType = "first",
    ) -> list[str]:
        """List the images to remove so that no two of the others are duplicates.

        Nothing is removed. The images are walked in the order of preference: an image that is still
        there stays, and its duplicates go. Every image that goes has a duplicate that stays.

        Args:
            image_dir: As in `find_duplicates`, like the other arguments that are not named here.
            encoding_map: Descriptors by name.
            min_similarity_threshold: Smallest cosine similarity of duplicates, -1.0 to 1.0.
            outfile: JSON file to write the list to.
            search_method: 'auto', 'exact', 'hnsw' or 'ivf'.
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
            ModelError: The model fails, or returns something else than descriptors.
            FileOperationError: The result cannot be written to `outfile`.
        """
        request = SearchRequest(
            image_dir,
            encoding_map,
            against,
            min_similarity_threshold,
            search_method,
            recursive,
            num_enc_workers,
            num_dist_workers,
        )
        return self._find_duplicates_to_remove(request, keep, outfile)

    def search(
        self,
        image_dir: PathType | None = None,
        encoding_map: Mapping[str, Descriptor] | None = None,
        min_similarity_threshold: float = 0.9,
        search_method: str = "auto",
        recursive: bool = False,
        num_enc_workers: int | None = None,
        num_dist_workers: int | None = None,
        against: PathType | Mapping[str, Descriptor] | None = None,
    ) -> Duplicates:
        """Find duplicates and return them in the form that everything else is made from.

        It gives the dictionary, the list to remove, clusters and CSV, and stays small where many
        images are identical. Arguments and errors as in `find_duplicates`.
        """
        request = SearchRequest(
            image_dir,
            encoding_map,
            against,
            min_similarity_threshold,
            search_method,
            recursive,
            num_enc_workers,
            num_dist_workers,
        )
        return self._find(request)

    def _prepare(self, pixels: Pixels) -> NDArray[Any]:
        return self._describer.prepare(pixels)

    def _encode_batch(self, prepared: Sequence[NDArray[Any]]) -> CodeArray:
        if not prepared:
            return np.empty((0, 0), np.float32)
        descriptors = self._describer.describe(prepared)
        if self._dim is None or self._dim == descriptors.shape[1]:
            return descriptors
        shorter = descriptors[:, : self._dim]
        normalised: CodeArray = shorter / np.linalg.norm(shorter, axis=1, keepdims=True)
        return normalised

    def _to_user(self, codes: CodeArray) -> list[Descriptor]:
        return list(codes[:, None, :])

    def _from_user(self, name: str, encoding_map: Mapping[str, Any], keys: list[str]) -> CodeArray:
        rows = [_check_row(name, key, encoding_map[key]) for key in keys]
        length = len(rows[0])
        for key, row in zip(keys, rows, strict=True):
            if len(row) != length:
                raise InvalidValueError(
                    f"{name} must hold descriptors of one length, got {length} for {keys[0]!r} "
                    f"and {len(row)} for {key!r}"
                )
        return np.stack(rows)

    def _check_search(self, request: SearchRequest) -> None:
        from imagededup.search.cosine.choose import CosineMethod, check_similarity  # loads numba

        check_similarity(request.threshold)
        check_option("search_method", request.search_method, CosineMethod)

    def _check_codes(self, names: Sequence[str], codes: CodeArray) -> None:
        norms = np.linalg.norm(codes, axis=1)
        wrong = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
        if len(wrong):
            kind = "zeros only" if norms[wrong[0]] == 0 else "NaN or infinity"
            raise InvalidValueError(
                f"descriptors must be finite and not zero, that of {names[wrong[0]]!r} has {kind}"
            )

    def _match(
        self, codes: CodeArray, references: CodeArray | None, request: SearchRequest, workers: int
    ) -> Matches:
        from imagededup.search.cosine.choose import CosineMethod, search_cosine

        if references is not None and len(codes) == 0:
            codes = codes.reshape(0, references.shape[1])
        if references is not None and len(references) == 0:
            references = references.reshape(0, codes.shape[1])
        if references is not None and references.shape[1] != codes.shape[1]:
            raise InvalidValueError(
                "descriptors of both collections must have one length, got "
                f"{codes.shape[1]} and {references.shape[1]}"
            )
        method = check_option("search_method", request.search_method, CosineMethod)
        with Progress(1000, "Searching", "‰", self.verbose) as progress:
            return search_cosine(
                codes, float(request.threshold), references, method, workers, progress.advance
            )


def _check_dim(dim: object, model_config: object) -> None:
    if dim is None:
        return
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise InvalidTypeError(f"dim must be an int, got {type(dim).__name__}")
    if model_config is not None:
        raise InvalidValueError("dim is of the embedded model: it does not go with model_config")
    if dim not in _EMBEDDED_DIMENSIONS:
        raise InvalidValueError(f"dim must be one of {_EMBEDDED_DIMENSIONS}, got {dim}")


def _check_row(name: str, key: str, value: object) -> NDArray[np.float32]:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        given = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InvalidTypeError(f"{name} must hold arrays of numbers, got {given} for {key!r}")
    if value.size == 0 or value.ndim not in (1, 2) or (value.ndim == 2 and len(value) != 1):
        raise InvalidValueError(
            f"{name} must hold arrays of shape (d,) or (1, d), got {value.shape} for {key!r}"
        )
    return value.reshape(-1).astype(np.float32, copy=False)
