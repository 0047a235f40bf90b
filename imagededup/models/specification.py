"""What a user says of a model of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.utils.options import whole_number

__all__ = ["CustomModel", "OnnxModel"]

_LAYOUTS = ("NCHW", "NHWC")
_RESAMPLES = ("bilinear", "bicubic", "lanczos")
_CHANNELS = 3


@dataclass(frozen=True)
class OnnxModel:
    """A model in an ONNX file, with one input of images and one output of descriptors.

    Images are resized to the input size, ignoring the aspect ratio, scaled to 0 to 1, and
    normalised as `(pixels - mean) / std`. An input of type uint8 gets the pixels as they are, and
    mean and std must be left at their defaults.

    Args:
        path: The file.
        input_size: Width and height in pixels, or one number for both.
        mean: Mean of the red, green and blue channel, of pixels from 0 to 1.
        std: Standard deviation likewise.
        layout: 'NCHW' for a batch of shape (n, 3, h, w), 'NHWC' for (n, h, w, 3).
        resample: 'bilinear', 'bicubic' or 'lanczos'; all are antialiased.
        name: What the model is called; None takes the name of the file.

    Raises:
        InvalidTypeError: The path is not a path, or a size not an int.
        InvalidValueError: A value is not allowed.
    """

    path: str | PathLike[str]
    input_size: int | tuple[int, int] = 224
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    layout: str = "NCHW"
    resample: str = "bilinear"
    name: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | PathLike):
            raise InvalidTypeError(f"path must be a path, got {type(self.path).__name__}")
        for side in self.size:
            if side < 1:
                raise InvalidValueError(f"input_size must be positive, got {side}")
        _check_choice("layout", self.layout, _LAYOUTS)
        _check_choice("resample", self.resample, _RESAMPLES)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != _CHANNELS:
                raise InvalidValueError(f"{name} must hold three numbers, got {values!r}")
        if min(self.std) <= 0:
            raise InvalidValueError(f"std must be positive, got {self.std!r}")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        given = self.input_size
        sides = given if isinstance(given, tuple | list) else (given, given)
        if len(sides) != 2:
            raise InvalidValueError(f"input_size must be width and height, got {given!r}")
        return _side(sides[0]), _side(sides[1])


@dataclass(frozen=True)
class CustomModel:
    """Any callable that makes descriptors; the order of the arguments is that of imagededup.

    Args:
        name: What the model is called.
        model: Takes a float32 batch of shape (n, 3, h, w), returns descriptors of shape (n, d). A
            torch module is put into evaluation mode and called with tensors, without gradients, on
            the device of its parameters. Calls never overlap.
        transform: Takes a `PIL.Image.Image` in RGB, returns an array or tensor of shape (3, h, w)
            or (1, 3, h, w), the same for every image; called from several threads.

    Raises:
        InvalidTypeError: The name is no str, or the model or the transform cannot be called.
    """

    name: str = "custom"
    model: Callable[[Any], Any] = None  # type: ignore[assignment]
    transform: Callable[[Any], Any] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidTypeError(
                "name must be a str (the order is name, model, transform), "
                f"got {type(self.name).__name__}"
            )
        for name, value in (("model", self.model), ("transform", self.transform)):
            if not callable(value):
                raise InvalidTypeError(f"{name} must be callable, got {type(value).__name__}")


def _side(value: object) -> int:
    side = whole_number(value)
    if side is None:
        raise InvalidTypeError(f"input_size must be int, got {value!r}")
    return side


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise InvalidValueError(f"{name} must be one of {choices}, got {value!r}")
