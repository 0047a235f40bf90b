"""onnxruntime sessions, on the CPU or on an NVIDIA GPU."""

from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError, ModelError

__all__ = ["Device", "Session"]

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_ERRORS_ONLY = 3


class Device(StrEnum):
    """Where a model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Session:
    """A model with one input and one output; calls from several threads may overlap.

    Args:
        path: The ONNX file.
        device: 'auto' takes the GPU where onnxruntime can use one.

    Attributes:
        device: Where the model runs, CPU or CUDA.
        dtype: The type of its input, float32 or uint8.

    Raises:
        ModelError: The file is missing, is not a model, or has other inputs and outputs.
        InvalidValueError: CUDA is asked for, and onnxruntime cannot use it.
    """

    def __init__(self, path: str | PathLike[str], device: Device) -> None:
        if not Path(path).is_file():
            raise ModelError(f"the model must be a file, {str(path)!r} does not exist")
        self._session = _open(Path(path), device)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        for kind, found in (("input", inputs), ("output", outputs)):
            if len(found) != 1:
                names = ", ".join(node.name for node in found)
                raise ModelError(f"the model must have one {kind}, got {len(found)}: {names}")
        types = {"tensor(float)": np.dtype(np.float32), "tensor(uint8)": np.dtype(np.uint8)}
        if inputs[0].type not in types:
            raise ModelError(f"the model's input must be float32 or uint8, got {inputs[0].type}")
        self._input = inputs[0].name
        self.dtype = types[inputs[0].type]
        on_gpu = self._session.get_providers()[0] == _CUDA
        self.device = Device.CUDA if on_gpu else Device.CPU

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """The output for a batch.

        Raises:
            ModelError: onnxruntime refuses the batch, or the output is not of shape (n, d).
        """
        try:
            (output,) = self._session.run(None, {self._input: batch})
        except Exception as error:
            raise ModelError(f"the model fails on shape {batch.shape}: {error}") from error
        return check_output(output, len(batch))


def check_output(output: Any, count: int) -> NDArray[np.float32]:  # noqa: ANN401
    """Descriptors as float32 of shape (count, d).

    Raises:
        ModelError: Another shape.
    """
    descriptors = np.asarray(output)
    if descriptors.ndim != 2 or len(descriptors) != count or descriptors.shape[1] == 0:
        raise ModelError(
            f"the model must return shape ({count}, d) for {count} images, got {descriptors.shape}"
        )
    return descriptors.astype(np.float32, copy=False)


def _open(path: Path, device: Device) -> Any:  # noqa: ANN401
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    available = onnxruntime.get_available_providers()
    if device is Device.CUDA and _CUDA not in available:
        raise InvalidValueError(
            "device='cuda' needs the package onnxruntime-gpu and an NVIDIA GPU; the installed "
            f"onnxruntime has {', '.join(available)}"
        )
    wanted = (
        [_CPU] if device is Device.CPU else [name for name in (_CUDA, _CPU) if name in available]
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several threads call the session, each on a core of its own
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:
        raise ModelError(f"{str(path)!r} cannot be loaded as an ONNX model: {error}") from error
    if device is Device.CUDA and session.get_providers()[0] != _CUDA:
        raise InvalidValueError("device='cuda': onnxruntime cannot use the GPU of this machine")
    return session
