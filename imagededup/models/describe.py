"""From pixels to descriptors, by the embedded model or by one of the user's own."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.resources import as_file, files
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imagededup.errors import InvalidTypeError, ModelError
from imagededup.images.decode import Pixels, Reduction
from imagededup.models.session import Device, Session, check_output
from imagededup.models.specification import CustomModel, OnnxModel

__all__ = ["Describer", "describer"]

_EMBEDDED = "efficientnet_lite0_160.onnx"
_EMBEDDED_SIZE = 160
_CPU_BATCH = 4
_GPU_BATCH = 64


class Describer(ABC):
    """A model with the preparation of its input.

    Attributes:
        name: What the model is called.
        reduction: When a JPEG may be decoded at reduced size for it.
        batch_size: Images per call of the model.
    """

    name: str
    reduction: Reduction | None
    batch_size: int

    @abstractmethod
    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """The model's input for one image, from uint8 of shape (h, w, 3) or (h, w, 1)."""

    @abstractmethod
    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Descriptors of shape (n, d) for a batch."""

    def describe(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Descriptors of prepared images, float32 of shape (n, d)."""
        return np.concatenate(
            [
                self.run(np.stack(prepared[begin : begin + self.batch_size]))
                for begin in range(0, len(prepared), self.batch_size)
            ]
        )


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
        with as_file(files("imagededup.models") / _EMBEDDED) as path:
            self._session = Session(path, device)
        self.batch_size = _batch_size(self._session)

    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """Resize; the graph takes the bytes as they are."""
        from imagededup.images.resample import Filter, resize

        return _rgb(resize(pixels, (_EMBEDDED_SIZE, _EMBEDDED_SIZE), Filter.BILINEAR))

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Descriptors of unit length, float32 of shape (n, 1024)."""
        return self._session.run(batch)


class OnnxDescriber(Describer):
    """A model in an ONNX file of the user's."""

    def __init__(self, config: OnnxModel, device: Device) -> None:
        self._config = config
        self._session = Session(config.path, device)
        takes_bytes = self._session.dtype == np.uint8
        if takes_bytes and (config.mean, config.std) != (OnnxModel.mean, OnnxModel.std):
            raise ModelError("mean and std do not apply: the model's input is uint8")
        self.name = config.name or str(config.path)
        self.reduction = Reduction(above=0, down_to=max(config.size))
        self.batch_size = _batch_size(self._session)

    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """Resize, scale and normalise."""
        from imagededup.images.resample import Filter, resize

        config = self._config
        image: NDArray[Any] = _rgb(resize(pixels, config.size, Filter[config.resample.upper()]))
        if self._session.dtype == np.float32:
            mean, std = np.array(config.mean, np.float32), np.array(config.std, np.float32)
            image = (image.astype(np.float32) / 255 - mean) / std
        return image if config.layout == "NHWC" else np.ascontiguousarray(image.transpose(2, 0, 1))

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Descriptors as the model gives them."""
        return self._session.run(batch)


class CustomDescriber(Describer):
    """A callable of the user's."""

    reduction = None
    batch_size = _GPU_BATCH

    def __init__(self, config: CustomModel) -> None:
        self._config = config
        self._lock = Lock()
        self.name = config.name
        torch = sys.modules.get("torch")  # imported by the user, or the model is no torch module
        is_module = torch is not None and isinstance(config.model, torch.nn.Module)
        self._torch = torch if is_module else None
        if is_module:
            config.model.eval()  # type: ignore[attr-defined]

    def prepare(self, pixels: Pixels) -> NDArray[Any]:
        """Apply the user's transform."""
        image = np.asarray(self._config.transform(Image.fromarray(_rgb(pixels))), np.float32)
        if image.ndim != 3 or image.shape[0] != 3:
            raise ModelError(f"the transform must return shape (3, h, w), got {image.shape}")
        return image

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Call the model, one batch at a time."""
        with self._lock:
            output = self._config.model(batch) if self._torch is None else self._run_module(batch)
        return check_output(output, len(batch))

    def _run_module(self, batch: NDArray[Any]) -> NDArray[Any]:
        module: Any = self._config.model
        torch: Any = self._torch
        parameter = next(module.parameters(), None)
        tensor = torch.from_numpy(batch)
        with torch.no_grad():
            output = module(tensor if parameter is None else tensor.to(parameter.device))
        result: NDArray[Any] = output.detach().cpu().numpy()
        return result


def _batch_size(session: Session) -> int:
    """On a CPU core small batches are fastest, because they stay in its cache."""
    return _GPU_BATCH if session.device is Device.CUDA else _CPU_BATCH


def _rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
