"""From pixels to descriptors, by the embedded model or by one of the user's own."""

import hashlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.resources import as_file, files
from mmap import ACCESS_READ, mmap
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.errors import InvalidTypeError, ModelError
from imagededup.images.decode import Pixels, Reduction
from imagededup.models.failures import BatchError, translated
from imagededup.models.per_process import PerProcess
from imagededup.models.session import Descriptors, Device, Session, check_output
from imagededup.models.specification import CustomModel, OnnxModel
from imagededup.sources.file_states import FileState

__all__ = ["Describer", "describer", "open_file"]

_EMBEDDED = "efficientnet_lite0_160.onnx"
_EMBEDDED_SIZE = 160
_EMBEDDED_BATCH = 8
_CPU_BATCH = 4
_GPU_BATCH = 64
_KEY_OF_PLACE = b"\x0a\x08location"  # a key of TensorProto.external_data as protobuf writes it


class Describer(ABC):
    """A model with the preparation of its input; pickles if the user's own code in it does.

    Attributes:
        name: What the model is called.
        reduction: When a JPEG may be decoded at reduced size for it.
        batch_size: Images per call of the model.
        device: Where the model runs; 'auto' where that is up to it.
    """

    name: str
    reduction: Reduction | None
    batch_size: int
    device: Device = Device.AUTO

    @abstractmethod
    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """The model's input for one image, from uint8 of shape (h, w, 3) or (h, w, 1)."""

    @abstractmethod
    def identity(self) -> str | None:
        """What tells the model from all others: the hash of its file, and how images are prepared.

        Returns:
            None where that cannot be told.

        Raises:
            ModelError: The file cannot be read.
        """

    @abstractmethod
    def run(self, batch: NDArray[Any]) -> Descriptors:
        """Descriptors of shape (n, d) for a batch."""

    def describe(self, prepared: Sequence[NDArray[Any]]) -> Descriptors:
        """Descriptors of prepared images as the model gives them, shape (n, d).

        Raises:
            BatchError: The model fails, or its input or output has a wrong shape.
        """
        starts = range(0, len(prepared), self.batch_size)
        return np.concatenate(
            [
                self._describe_batch(begin, prepared[begin : begin + self.batch_size])
                for begin in starts
            ]
        )

    def _describe_batch(self, begin: int, images: Sequence[NDArray[Any]]) -> Descriptors:
        for place, image in enumerate(images, begin):
            if image.shape != images[0].shape:
                error = ModelError(
                    "the transform must return one shape for all images, got "
                    f"{image.shape} after {images[0].shape}"
                )
                raise BatchError.at(range(place, place + 1), error)
        try:
            return self.run(np.stack(images))
        except ModelError as error:
            raise BatchError.at(range(begin, begin + len(images)), error) from error.__cause__


def open_file(path: str | PathLike[str]) -> AbstractContextManager[Path]:
    """Where a model of the user's is."""
    return nullcontext(Path(path))


def describer(model_config: OnnxModel | CustomModel | None, device: Device) -> Describer:
    """Load a model; None is the embedded one.

    Raises:
        InvalidTypeError: Not a specification of a model.
        ModelError: The model cannot be used.
        InvalidValueError: CUDA is asked for, and onnxruntime cannot use it.
    """
    if model_config is None:
        return EmbeddedDescriber(device)
    if isinstance(model_config, OnnxModel):
        return OnnxDescriber(model_config, device)
    if isinstance(model_config, CustomModel):
        return CustomDescriber(model_config)
    kind = type(model_config).__name__
    raise InvalidTypeError(f"model_config must be an OnnxModel or a CustomModel, got {kind}")


class EmbeddedDescriber(Describer):
    """The model of the package; see MODEL_CARD.md beside it."""

    name = "efficientnet_lite0_160"
    reduction = Reduction(above=0, down_to=_EMBEDDED_SIZE)

    def __init__(self, device: Device) -> None:
        self._session = Session(_open_embedded, device)
        self.device = self._session.device
        self.batch_size = _batch_size(self._session, _EMBEDDED_BATCH)

    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """Resize; the graph takes the bytes as they are."""
        from imagededup.images.resample import Filter, resize

        return _rgb(resize(pixels, (_EMBEDDED_SIZE, _EMBEDDED_SIZE), Filter.BILINEAR))

    def identity(self) -> str:
        """The hash of the file."""
        return _digest(_open_embedded)

    def run(self, batch: NDArray[Any]) -> Descriptors:
        """Descriptors of unit length, float32 of shape (n, 1024)."""
        return self._session.run(batch)


class OnnxDescriber(Describer):
    """A model in an ONNX file of the user's."""

    def __init__(self, config: OnnxModel, device: Device) -> None:
        self._config = config
        self._file_state = _state(config.path)
        self._session = Session(partial(open_file, config.path), device)
        self.device = self._session.device
        takes_bytes = self._session.dtype == np.uint8
        if takes_bytes and (config.mean, config.std) != (OnnxModel.mean, OnnxModel.std):
            raise ModelError("mean and std do not apply: the model's input is uint8")
        self.name = config.name or str(config.path)
        self.reduction = Reduction(above=0, down_to=max(config.size))
        self.batch_size = _batch_size(self._session, _CPU_BATCH)

    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """Resize, scale and normalise."""
        from imagededup.images.resample import Filter, resize

        config = self._config
        image: NDArray[Any] = _rgb(resize(pixels, config.size, Filter[config.resample.upper()]))
        if self._session.dtype == np.float32:
            mean, std = np.array(config.mean, np.float32), np.array(config.std, np.float32)
            image = (image.astype(np.float32) / 255 - mean) / std
        return image if config.layout == "NHWC" else np.ascontiguousarray(image.transpose(2, 0, 1))

    def identity(self) -> str | None:
        """The hash of the file with the settings.

        None for a file that has changed since it was loaded, or has its weights in another one.
        """
        config = self._config
        digest = _digest(partial(open_file, config.path))
        if _state(config.path) != self._file_state or _has_weights_elsewhere(config.path):
            return None
        return f"{digest} {(config.size, config.mean, config.std, config.layout, config.resample)}"

    def run(self, batch: NDArray[Any]) -> Descriptors:
        """Descriptors as the model gives them."""
        return self._session.run(batch)


class CustomDescriber(Describer):
    """A callable of the user's."""

    reduction = None
    batch_size = _GPU_BATCH

    def __init__(self, config: CustomModel) -> None:
        self._config = config
        self._lock = PerProcess(Lock)
        self.name = config.name
        torch = sys.modules.get("torch")  # imported by the user, or the model is no torch module
        self._is_module = torch is not None and isinstance(config.model, torch.nn.Module)
        if self._is_module:
            config.model.eval()  # type: ignore[attr-defined]

    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """Apply the user's transform; a batch of one image is that image."""
        with translated("the transform fails"):
            image = np.asarray(self._config.transform(Image.fromarray(_rgb(pixels))), np.float32)
        single = image[0] if image.ndim == 4 and len(image) == 1 else image
        if single.ndim != 3 or single.shape[0] != 3:
            raise ModelError(f"the transform must return shape (3, h, w), got {image.shape}")
        return single

    def identity(self) -> None:
        """A callable's cannot be told."""

    def run(self, batch: NDArray[Any]) -> Descriptors:
        """Call the model, one batch at a time."""
        with self._lock.get(), translated(f"the model fails on shape {batch.shape}"):
            output = self._run_module(batch) if self._is_module else self._config.model(batch)
            return check_output(output, len(batch))

    def _run_module(self, batch: NDArray[Any]) -> NDArray[Any]:
        module: Any = self._config.model
        torch: Any = sys.modules["torch"]
        parameter = next(module.parameters(), None)
        tensor = torch.from_numpy(batch)
        with torch.no_grad():
            output = module(tensor if parameter is None else tensor.to(parameter.device))
        result: NDArray[Any] = output.detach().cpu().numpy()
        return result


def _open_embedded() -> AbstractContextManager[Path]:
    return as_file(files("imagededup.models") / _EMBEDDED)


def _digest(open_model: Callable[[], AbstractContextManager[Path]]) -> str:
    try:
        with open_model() as path, path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError as error:
        raise ModelError(f"the file of the model cannot be read: {error.strerror}") from error


def _state(path: str | PathLike[str]) -> FileState | None:
    try:
        return FileState.of(Path(path).stat())
    except OSError:
        return None


def _has_weights_elsewhere(path: str | PathLike[str]) -> bool:
    """Whether a file names another one that has weights; some that name none are taken for it."""
    with Path(path).open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return content.find(_KEY_OF_PLACE) >= 0


def _batch_size(session: Session, on_cpu: int) -> int:
    """On a CPU core small batches are fastest: they stay in its cache, and so share the weights."""
    return _GPU_BATCH if session.device is Device.CUDA else on_cpu


def _rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
