"""Descriptors of a convolutional network, compared by their cosine."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.cache.surroundings import processor
from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.images.decode import Pixels
from imagededup.methods.encoder import CodeArray, Encoder, PathType, SearchRequest
from imagededup.methods.encoding import CODES_VERSION
from imagededup.methods.plain import has_structure
from imagededup.methods.search_options import SearchNames
from imagededup.models import CustomModel, OnnxModel
from imagededup.models.describe import describer
from imagededup.models.runtime import RUNTIMES
from imagededup.models.session import Device
from imagededup.search.descriptors import as_descriptors, check_descriptors
from imagededup.search.matches import Matches, Pairs
from imagededup.utils.options import check_option, whole_number
from imagededup.utils.progress import Progress

__all__ = ["CNN"]

Descriptor = NDArray[np.float32]

_EMBEDDED_DIMENSIONS = (576, 1024)
_CANDIDATE_SIMILARITY = 0.82
"""From which similarity on pairs are verified, where no threshold is given."""


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
        cache_dir: A folder that keeps descriptors from run to run, so that files that have not
            changed are not decoded again; it is made where there is none. None keeps none, and
            those of a `CustomModel` are never kept.

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
    _verifies_removals = True
    _computes_with = RUNTIMES
    _search_names = SearchNames(
        threshold="min_similarity_threshold",
        default=0.9,
        floor=_CANDIDATE_SIMILARITY,
        texts={
            "threshold": "Smallest cosine similarity of duplicates, -1.0 to 1.0.",
            "encoding_map": "Descriptors by name, as `encode_images` returns them: arrays of shape "
            "(1, d) or (d,), lists or tensors, of any length other than zero.",
            "search_method": "'exact' finds every pair; 'ivf' and 'hnsw' may miss a few of a "
            "thousand; 'auto' takes 'exact' up to about 316,000 images, then 'ivf', "
            "which is faster there.",
            "num_dist_workers": "Number of threads that search; also called num_sim_workers.",
            "verify": "Whether to look at both pictures of the pairs that the descriptors propose, "
            "and to decide how they are related. True needs the files; 'auto' is True where images "
            "to remove are listed and the files are at hand. Without a threshold, pairs from a "
            f"similarity of {_CANDIDATE_SIMILARITY} on are proposed.",
        },
        order=("recursive", "num_enc_workers", "num_dist_workers", "search_method", "against"),
        other_names={"num_sim_workers": "num_dist_workers"},
    )

    def __init__(
        self,
        verbose: bool = True,
        model_config: OnnxModel | CustomModel | None = None,
        dim: int | None = None,
        device: str = "auto",
        cache_dir: PathType | None = None,
    ) -> None:
        super().__init__(verbose, cache_dir)
        _check_dim(dim, model_config)
        self._dim = dim
        self._model_config = model_config
        self._device = check_option("device", device, Device)
        self._describer = describer(model_config, self._device)
        self._reduction = self._describer.reduction
        self._files_per_task = self._describer.batch_size

    def _fingerprint(self) -> str | None:
        model = self._describer.identity()
        whole = max(_EMBEDDED_DIMENSIONS) if self._model_config is None else None
        dim = self._dim or whole
        return model and f"{self._method} model={model} dim={dim} version={CODES_VERSION}"

    def _obstacle(self) -> str | None:
        if self._describer.device is not Device.CPU:
            return "a model on a GPU, or one of the user's own code, is loaded once"
        return super()._obstacle()

    def _hardware(self) -> str:
        return f"{self._describer.device} {processor()}"

    def _prepare(self, pixels: Pixels) -> NDArray[Any]:
        return self._describer.prepare(pixels)

    def _has_structure(self, pixels: Pixels, prepared: NDArray[Any]) -> bool:  # noqa: ARG002
        return has_structure(pixels)

    def _settings(self) -> list[str]:
        settings = super()._settings()
        settings += [] if self._model_config is None else [f"model_config={self._model_config!r}"]
        settings += [] if self._dim is None else [f"dim={self._dim}"]
        return settings + ([] if self._device is Device.AUTO else [f"device={str(self._device)!r}"])

    def _encode_batch(self, prepared: Sequence[NDArray[Any]]) -> CodeArray:
        if not prepared:
            return np.empty((0, 0), np.float32)
        descriptors = as_descriptors(self._describer.describe(prepared))
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
        return as_descriptors(np.concatenate(rows).reshape(len(rows), length))

    def _check_search(self, request: SearchRequest) -> None:
        from imagededup.search.cosine.choose import CosineMethod, check_similarity  # loads numba

        check_similarity(request.threshold)
        check_option("search_method", request.search_method, CosineMethod)

    def _check_codes(self, names: Sequence[str], codes: CodeArray) -> None:
        check_descriptors(names, codes)

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
        with Progress(1000, "Searching", None, self.verbose) as progress:
            return search_cosine(
                codes, float(request.threshold), references, method, workers, progress.advance
            )

    def _equal_codes(self, codes: CodeArray, workers: int) -> NDArray[np.int64]:
        from imagededup.search.cosine.vectors import group_identical

        return group_identical(np.ascontiguousarray(codes), None, workers)[0]

    def _nearest(
        self,
        codes: CodeArray,
        references: CodeArray | None,
        count: int,
        request: SearchRequest,
        workers: int,
    ) -> Pairs:
        from imagededup.search.cosine.choose import CosineMethod, check_similarity
        from imagededup.search.knn.above import nearest_above

        floor = check_similarity(request.floor)
        method = check_option("search_method", request.search_method, CosineMethod)
        with Progress(1000, "Searching", None, self.verbose) as progress:
            return nearest_above(codes, references, count, floor, method, workers, progress.advance)


def _check_dim(dim: object, model_config: object) -> None:
    if dim is None:
        return
    if whole_number(dim) is None:
        raise InvalidTypeError(f"dim must be an int, got {type(dim).__name__}")
    if model_config is not None:
        raise InvalidValueError("dim is of the embedded model: it does not go with model_config")
    if dim not in _EMBEDDED_DIMENSIONS:
        raise InvalidValueError(f"dim must be one of {_EMBEDDED_DIMENSIONS}, got {dim}")


def _check_row(name: str, key: str, value: object) -> NDArray[np.generic]:
    if hasattr(value, "detach"):  # a tensor of torch, on whatever device
        value = value.detach().cpu().numpy()
    if isinstance(value, list | tuple):
        value = np.array(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        given = f"dtype {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InvalidTypeError(f"{name} must hold arrays of numbers, got {given} for {key!r}")
    if value.size == 0 or value.ndim not in (1, 2) or (value.ndim == 2 and len(value) != 1):
        raise InvalidValueError(
            f"{name} must hold arrays of shape (d,) or (1, d), got {value.shape} for {key!r}"
        )
    return value.reshape(-1)
