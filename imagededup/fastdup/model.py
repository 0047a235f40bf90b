"""The model that a run extracts features with."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import ModelError
from imagededup.fastdup.store.binary_features import DIMENSION
from imagededup.images.decode import Pixels
from imagededup.images.measure import measure
from imagededup.models.describe import Describer, EmbeddedDescriber, describer, open_file
from imagededup.models.session import Device, Session
from imagededup.models.specification import OnnxModel
from imagededup.search.descriptors import as_descriptors

__all__ = ["ExtractionModel", "load_model"]


@dataclass(frozen=True, slots=True)
class ExtractionModel:
    """A model with its identity.

    Attributes:
        name: The embedded model's name, or the hash of the user's file.
        dimension: Length of a stored descriptor.
        describer: The model.
    """

    name: str
    dimension: int
    describer: Describer

    def measure(self, pixels: Pixels, prepared: NDArray[Any]) -> NDArray[np.float32]:
        """Measure an image; the embedded model's input is the picture that is measured."""
        return measure(prepared if isinstance(self.describer, EmbeddedDescriber) else pixels)

    def describe(self, prepared: list[NDArray[Any]]) -> NDArray[np.float32]:
        """Descriptors of shape (n, d); the embedded model's have unit length."""
        if not prepared:
            return np.empty((0, self.dimension), np.float32)
        descriptors = as_descriptors(self.describer.describe(prepared))
        if descriptors.shape[1] == self.dimension:
            return descriptors
        first = descriptors[:, : self.dimension]
        unit: NDArray[np.float32] = first / np.linalg.norm(first, axis=1, keepdims=True)
        return unit


def load_model(model_path: Path | None, device: Device) -> ExtractionModel:
    """Load the embedded model, or an ONNX file.

    The size of its images and their layout are read from the file; sizes that it leaves open are
    224. Pixels are scaled to 0 to 1, or left as they are for an input of bytes.

    Raises:
        ModelError: The file is not a model of images.
        InvalidValueError: CUDA is asked for, and onnxruntime cannot use it.
    """
    if model_path is None:
        embedded = describer(None, device)
        return ExtractionModel(embedded.name, DIMENSION, embedded)
    model = describer(_specification(model_path), device)
    probe = model.prepare(np.zeros((8, 8, 3), np.uint8))
    dimension = model.describe([probe]).shape[1]
    with model_path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ExtractionModel(f"sha256:{digest}", dimension, model)


def _specification(path: Path) -> OnnxModel:
    shape = Session(partial(open_file, path), Device.CPU).shape
    if len(shape) != 4 or 3 not in (shape[1], shape[3]):
        raise ModelError(
            f"the input of {str(path)!r} must have shape (n, 3, h, w) or (n, h, w, 3), got {shape}"
        )
    layout = "NCHW" if shape[1] == 3 else "NHWC"
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    default = OnnxModel.input_size
    size = tuple(side if isinstance(side, int) else default for side in (width, height))
    return OnnxModel(path, input_size=(size[0], size[1]), layout=layout)  # type: ignore[arg-type]
