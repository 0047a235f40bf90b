"""Parameters that are written as 'key=value,key=value'."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.fastdup.checks import check_fraction, check_integer, check_text, number_of
from imagededup.search.knn.options import NearestModel

__all__ = [
    "FAISS_PARAMETERS",
    "BoundingBox",
    "TuriParameters",
    "check_nnmodel",
    "parse_bounding_box",
    "parse_faiss_param",
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

_BOX_LEAST = {"rows": 0, "cols": 0, "width": 1, "height": 1}


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
        return _joined(asdict(self))


@dataclass(frozen=True, slots=True)
class TuriParameters:
    """What turi_param says; the names are its keys.

    Attributes:
        nnmodel: How turi searches, None where it is not said.
        ccthreshold: Edges of the graph have a larger similarity.
        run_cc: Whether to compute connected components.
        run_pagerank: Whether to compute PageRank.
        run_degree: Whether to write the distribution of degrees.
    """

    nnmodel: NearestModel | None = None
    ccthreshold: float = 0.96
    run_cc: bool = True
    run_pagerank: bool = True
    run_degree: bool = False

    def __str__(self) -> str:
        said = {key: value for key, value in asdict(self).items() if value is not None}
        return _joined({k: int(v) if isinstance(v, bool) else v for k, v in said.items()})


def parse_bounding_box(name: str, text: object) -> BoundingBox | None:
    """Read 'rows=100,cols=100,width=250,height=310'; an empty text means no box.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A side is missing, unknown, or out of range.
    """
    pairs = _parse(name, text, tuple(_BOX_LEAST))
    if not pairs:
        return None
    missing = [side for side in _BOX_LEAST if side not in pairs]
    if missing:
        raise InvalidValueError(
            f"{name} must hold {', '.join(_BOX_LEAST)}, {', '.join(missing)} is missing in {text!r}"
        )
    sides = {side: number_of(f"{side} of {name}", pairs[side]) for side in _BOX_LEAST}
    return BoundingBox(
        **{
            side: check_integer(f"{side} of {name}", sides[side], least)
            for side, least in _BOX_LEAST.items()
        }
    )


def parse_faiss_param(name: str, text: object) -> Mapping[str, float]:
    """Read 'efSearch=175,nprobe=200' to numbers by name; 'nprobes' is taken as 'nprobe'.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A parameter that faiss does not have, or not a whole number above zero.
    """
    pairs = _parse(name, text, FAISS_PARAMETERS, {"nprobes": "nprobe"})
    numbers = {key: number_of(f"{key} of {name}", value) for key, value in pairs.items()}
    for key, number in numbers.items():
        if not 0 < number < float("inf"):
            raise InvalidValueError(f"{key} of {name} must be positive, got {number:g}")
        if not number.is_integer() or number >= _FAISS_LIMIT:
            raise InvalidValueError(
                f"{key} of {name} must be a whole number below {_FAISS_LIMIT}, got {number:g}"
            )
    return MappingProxyType(numbers)


def parse_turi_param(name: str, text: object) -> TuriParameters:
    """Read 'nnmodel=0,ccthreshold=0.96,run_cc=1' or a part of it.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: A parameter that is not allowed.
    """
    pairs = _parse(name, text, tuple(TuriParameters.__slots__))
    default = TuriParameters()
    switches = {
        key: _check_switch(f"{key} of {name}", pairs.get(key), getattr(default, key))
        for key in ("run_cc", "run_pagerank", "run_degree")
    }
    return TuriParameters(
        nnmodel=check_nnmodel("nnmodel", pairs.get("nnmodel")),
        ccthreshold=check_fraction("ccthreshold", pairs.get("ccthreshold", default.ccthreshold)),
        **switches,
    )


def check_nnmodel(name: str, value: object) -> NearestModel | None:
    """A search of turi by its name or number; None is none.

    Raises:
        InvalidTypeError: Not a str or an int.
        InvalidValueError: There is no such search.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not (isinstance(value, str) or hasattr(value, "__index__")):
        raise InvalidTypeError(f"{name} must be a str or an int, got {type(value).__name__}")
    models = list(NearestModel)
    for number, model in enumerate(models):
        if str(value) in (str(number), model.value):
            return model
    words = ", ".join(f"{number} or {model.value!r}" for number, model in enumerate(models))
    raise InvalidValueError(f"{name} must be one of {words}, got {value!r}")


def _check_switch(name: str, word: str | None, default: bool) -> bool:
    if word is None:
        return default
    if word not in ("0", "1"):
        raise InvalidValueError(f"{name} must be 0 or 1, got {word!r}")
    return word == "1"


def _parse(
    name: str, text: object, allowed: tuple[str, ...], other_names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Words by key; other names stand for keys."""
    pairs: dict[str, str] = {}
    for part in filter(str.strip, check_text(name, text).split(",")):
        key, separator, value = (piece.strip() for piece in part.partition("="))
        key = (other_names or {}).get(key, key)
        if not separator or key not in allowed:
            keys = ", ".join(repr(key) for key in allowed)
            raise InvalidValueError(f"{name} must be key=value with a key of {keys}, got {part!r}")
        if key in pairs:
            raise InvalidValueError(f"{name} must hold {key!r} once, got {text!r}")
        pairs[key] = value
    return pairs


def _joined(values: Mapping[str, object]) -> str:
    return ",".join(f"{key}={value}" for key, value in values.items())
