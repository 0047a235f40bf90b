"""onnxruntime sessions, on the CPU or on an NVIDIA GPU."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError, ModelError
from imagededup.models.failures import translated
from imagededup.models.per_process import PerProcess
from imagededup.models.runtime import load_onnxruntime

__all__ = ["Descriptors", "Device", "Session", "check_output"]

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_ERRORS_ONLY = 3

Descriptors = NDArray[np.floating | np.integer]


class Device(StrEnum):
    """Where a model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Session:
    """A model with one input and one output; calls from several threads may overlap.

    It is opened at once, and again at the first call in a forked child, of a copy, and of what was
    pickled.

    Args:
        locate: Gives the path of the ONNX file, for as long as it takes to open it; picklable where
            this is to be pickled.
        device: 'auto' takes the GPU where onnxruntime can use one.

    Attributes:
        device: Where the model runs, CPU or CUDA.
        dtype: The type of its input, float32 or uint8.
        shape: The shape of its input; a size that it leaves open is no int.

    Raises:
        ModelError: The file is missing, is not a model, or has other inputs and outputs.
        InvalidValueError: CUDA is asked for, and onnxruntime cannot use it.
    """

    def __init__(self, locate: Callable[[], AbstractContextManager[Path]], device: Device) -> None:
        self._sessions = PerProcess(partial(_open, locate, device))
        session = self._sessions.get()
        inputs, outputs = session.get_inputs(), session.get_outputs()
        for kind, found in (("input", inputs), ("output", outputs)):
            if len(found) != 1:
                names = ", ".join(node.name for node in found)
                raise ModelError(f"the model must have one {kind}, got {len(found)}: {names}")
        types = {"tensor(float)": np.dtype(np.float32), "tensor(uint8)": np.dtype(np.uint8)}
        if inputs[0].type not in types:
            raise ModelError(f"the model's input must be float32 or uint8, got {inputs[0].type}")
        self._input = inputs[0].name
        self.dtype = types[inputs[0].type]
        self.shape: list[Any] = inputs[0].shape
        on_gpu = session.get_providers()[0] == _CUDA
        self.device = Device.CUDA if on_gpu else Device.CPU

    def run(self, batch: NDArray[Any]) -> Descriptors:
        """The output for a batch.

        Raises:
            ModelError: onnxruntime refuses the batch, or the output is not of shape (n, d).
        """
        session = self._sessions.get()
        with translated(f"the model fails on shape {batch.shape}"):
            (output,) = session.run(None, {self._input: batch})
        return check_output(output, len(batch))


def check_output(output: Any, count: int) -> Descriptors:  # noqa: ANN401
    """Descriptors as an array of shape (count, d).

    Raises:
        ModelError: Another shape, or no real numbers.
    """
    descriptors = np.asarray(output)
    if descriptors.ndim != 2 or len(descriptors) != count or descriptors.shape[1] == 0:
        raise ModelError(
            f"the model must return shape ({count}, d) for {count} images, got {descriptors.shape}"
        )
    if descriptors.dtype.kind not in "fiu":
        raise ModelError(f"the model must return real numbers, got dtype {descriptors.dtype}")
    return descriptors


def _open(locate: Callable[[], AbstractContextManager[Path]], device: Device) -> Any:  # noqa: ANN401
    onnxruntime = load_onnxruntime()
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
    with locate() as path:
        if not path.is_file():
            raise ModelError(f"the model must be a file, {str(path)!r} does not exist")
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
        except Exception as error:
            raise ModelError(f"{str(path)!r} cannot be loaded as an ONNX model: {error}") from error
    if device is Device.CUDA and session.get_providers()[0] != _CUDA:
        raise InvalidValueError("device='cuda': onnxruntime cannot use the GPU of this machine")
    return session
