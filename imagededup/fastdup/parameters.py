"""Checks and small languages of the runner's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType

from imagededup.errors import InvalidTypeError, InvalidValueError

__all__ = [
    "FAISS_PARAMETERS",
    "BoundingBox",
    "check_bool",
    "check_faiss_mode",
    "check_fraction",
    "check_integer",
    "check_model",
    "check_path",
    "parse_bounding_box",
    "parse_faiss_param",
    "parse_pairs",
    "parse_turi_param",
]

_FAISS_LIMIT = 10**9

FAISS_PARAMETERS = (
    "efConstruction",
    "efSearch",
    "ht",
    "k_factor",
    "nprobe",
    "quantizer_efSearch",
)
"""The parameters of faiss that can be set; each index takes some of them."""

_TURI_PARAMETERS = ("nnmodel", "ccthreshold", "run_cc", "run_pagerank", "run_degree")
_BOX_SIDES = ("rows", "cols", "width", "height")


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """The part of every image that is described: [rows:rows+height, cols:cols+width].

    What of the box leaves an image is cut off.

    Attributes:
        rows: The first row, from the top.
        cols: The first column, from the left.
        width: Number of columns.
        height: Number of rows.
    """

    rows: int
    cols: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"rows={self.rows},cols={self.cols},width={self.width},height={self.height}"


def parse_bounding_box(text: object) -> BoundingBox | None:
    """Read 'rows=100,cols=100,width=250,height=310'; an empty text means no box.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A side is missing, unknown, or out of range.
    """
    pairs = parse_pairs("bounding_box", text, _BOX_SIDES)
    if not pairs:
        return None
    missing = [side for side in _BOX_SIDES if side not in pairs]
    if missing:
        raise InvalidValueError(
            f"bounding_box must hold {', '.join(_BOX_SIDES)}, {', '.join(missing)} is missing "
            f"in {text!r}"
        )
    least = {"rows": 0, "cols": 0, "width": 1, "height": 1}
    return BoundingBox(
        **{
            side: check_integer(f"{side} of bounding_box", _number(side, pairs[side]), least[side])
            for side in _BOX_SIDES
        }
    )


def parse_faiss_param(text: object) -> Mapping[str, float]:
    """Read 'efSearch=175,nprobe=200' to numbers by name; 'nprobes' is taken as 'nprobe'.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A parameter that faiss does not have, or not a whole number above zero.
    """
    pairs = parse_pairs("faiss_param", text, FAISS_PARAMETERS, {"nprobes": "nprobe"})
    numbers = {name: _number(f"{name} of faiss_param", value) for name, value in pairs.items()}
    for name, number in numbers.items():
        if not 0 < number < float("inf"):
            raise InvalidValueError(f"{name} of faiss_param must be positive, got {number:g}")
        if not number.is_integer() or number >= _FAISS_LIMIT:
            raise InvalidValueError(
                f"{name} of faiss_param must be a whole number below {_FAISS_LIMIT}, got {number:g}"
            )
    return MappingProxyType(numbers)


def parse_turi_param(text: object) -> dict[str, str]:
    """Read 'nnmodel=0,ccthreshold=0.96,run_cc=1' to words by name.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A parameter that is not allowed.
    """
    return parse_pairs("turi_param", text, _TURI_PARAMETERS)


def parse_pairs(
    name: str, text: object, allowed: tuple[str, ...], other_names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Read 'key=value,key=value' to words by key.

    Args:
        name: What the argument is called in errors.
        text: The argument.
        allowed: The keys.
        other_names: Keys that stand for another.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A part that is no pair, a key that is not allowed, or comes twice.
    """
    if not isinstance(text, str):
        raise InvalidTypeError(f"{name} must be a str, got {type(text).__name__}")
    pairs: dict[str, str] = {}
    for part in filter(str.strip, text.split(",")):
        key, separator, value = (piece.strip() for piece in part.partition("="))
        key = (other_names or {}).get(key, key)
        if not separator or key not in allowed:
            keys = ", ".join(repr(key) for key in allowed)
            raise InvalidValueError(f"{name} must be key=value with a key of {keys}, got {part!r}")
        if key in pairs:
            raise InvalidValueError(f"{name} must hold {key!r} once, got {text!r}")
        pairs[key] = value
    return pairs


def check_fraction(name: str, value: object) -> float:
    """A number from 0 to 1, also as a word.

    Raises:
        InvalidTypeError: Not a number.
        InvalidValueError: Out of range, or a word that is no number.
    """
    if isinstance(value, str):
        value = _number(name, value)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidTypeError(f"{name} must be a number, got {type(value).__name__}")
    number = float(value)
    if not 0 <= number <= 1:  # also when it is NaN
        raise InvalidValueError(f"{name} must be a number from 0 to 1, got {value}")
    return number


def check_integer(name: str, value: object, least: int, unset: int | None = None) -> int:
    """A whole number of at least `least`, or exactly `unset`.

    Raises:
        InvalidTypeError: Not a whole number.
        InvalidValueError: Too small.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidTypeError(f"{name} must be an int, got {value!r}")
    number = int(value)
    if number < least and number != unset:
        alternative = "" if unset is None else f"{unset} or "
        raise InvalidValueError(f"{name} must be {alternative}at least {least}, got {number}")
    return number


def check_path(name: str, value: object) -> str:
    """A path of str, not empty.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: No file can have this path.
    """
    if not isinstance(value, str | PathLike):
        raise InvalidTypeError(f"{name} must be a path, got {type(value).__name__}")
    path = fspath(value)
    if not isinstance(path, str):
        raise InvalidTypeError(f"{name} must be a path of str, got {type(path).__name__}")
    if not path or "\0" in path:
        raise InvalidValueError(f"{name} must be a path, got {path!r}")
    return path


def check_bool(name: str, value: object) -> bool:
    """True or False and nothing else.

    Raises:
        InvalidTypeError: Something else.
    """
    if not isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be a bool, got {value!r}")
    return value


def check_model(value: object) -> Path | None:
    """The path of a model, which must exist.

    Raises:
        InvalidTypeError: Not a path.
        InvalidValueError: There is no such file.
    """
    if value is None:
        return None
    path = Path(check_path("model_path", value))
    if not path.is_file():
        raise InvalidValueError(f"model_path must be an ONNX file, {str(path)!r} does not exist")
    return path


def check_faiss_mode(value: object) -> str:
    """An index-factory string; whether faiss knows it is found out later.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: Nothing in it.
    """
    if not isinstance(value, str):
        raise InvalidTypeError(f"faiss_mode must be a str, got {type(value).__name__}")
    if not value.strip():
        raise InvalidValueError("faiss_mode must be an index-factory string of faiss, got none")
    return value.strip().replace("HSNW", "HNSW")


def _number(name: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InvalidValueError(f"{name} must be a number, got {word!r}") from None
