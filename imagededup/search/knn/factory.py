"""Factory strings of faiss, read and kept within what faiss survives.

faiss takes strings that later end the process ('HNSW1', 'PQ8x0', 'RR0,Flat'), hang ('NSG0'), or
fail when the index is trained, which may be after hours of work. So every part of a string must
have a known form here, and every number in it must lie in a range that works.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.search.knn.options import Distance

__all__ = ["check_factory", "fit_factory", "metric_of", "parse_factory"]

logger = logging.getLogger("imagededup")

_ROWS_PER_CELL = 39
_FEWEST_OF_NSG = 256
_DEFAULT_BITS = 8

_RANGES = {
    "bits": (1, 16),
    "block": (32, 1024),
    "cells": (1, 1 << 24),
    "codes": (1, 1 << 12),
    "half_bits": (1, 12),
    "hash": (1, 1 << 14),
    "links": (2, 1024),
    "more_codes": (1, 1 << 12),
    "neighbours": (8, 256),
    "out": (1, 1 << 14),
    "splits": (1, 1 << 10),
    "steps": (1, 64),
    "width": (1, 1 << 14),
}
"""The numbers that faiss can use, by the name of the group that reads them."""

_NORM = "(?:_N[a-z0-9]+)?"
_SCALAR = "SQ(?:4|6|8|fp16|bf16)"
_PRODUCT = r"PQ(?P<codes>\d+)(?:x(?P<bits>\d+))?(?:np)?"
_CODES = (
    "Flat",
    _SCALAR,
    _PRODUCT,
    r"PQ(?P<codes>\d+)x4fs(?:_(?P<block>\d+))?",
    rf"(?:RQ|LSQ)(?P<steps>\d+)x(?P<bits>\d+){_NORM}",
    rf"P(?:R|LS)Q(?P<splits>\d+)x(?P<steps>\d+)x(?P<bits>\d+){_NORM}",
    "RaBitQ",
    r"RaBitQfs(?:_(?P<block>\d+))?",
)
_GRAPH_CODES = (
    "Flat",
    _SCALAR,
    _PRODUCT,
    r"(?P<cells>\d+)\+PQ(?P<codes>\d+)",
    r"2x(?P<half_bits>\d+)\+PQ(?P<codes>\d+)",
)
_TRANSFORMS = (
    r"PCAW?R?(?P<width>\d+)",
    r"ITQ(?P<width>\d+)?",
    r"OPQ(?P<codes>\d+)(?:_(?P<out>\d+))?",
    r"RR(?P<out>\d+)?",
    r"Pad(?P<out>\d+)",
    "L2[nN]orm",
)
_SINGLE = (
    *_CODES,
    r"LSH(?P<hash>\d+)?r?t?",
    *(rf"HNSW(?P<links>\d+)?(?:[,_]{code})?" for code in _GRAPH_CODES),
    *(rf"NSG(?P<neighbours>\d+)?(?:[,_]{code})?" for code in _GRAPH_CODES[:3]),
)
_COARSE = (
    r"IVF(?P<cells>\d+[kM]?)(?:_HNSW(?P<links>\d+)?)?",
    r"IMI2x(?P<half_bits>\d+)",
)
_CELL_CODES = (
    *_CODES,
    "FlatDedup",
    r"PQ(?P<codes>\d+)\+(?P<more_codes>\d+)",
    r"PQ(?P<codes>\d+)x4fsr(?:_(?P<block>\d+))?",
)
_KNOWN = (
    "'Flat', 'SQ8', 'PQ16', 'RQ8x8', 'LSH', 'HNSW32', 'HNSW32,SQ8', 'NSG32', 'IVF256,Flat', "
    "'IVF256_HNSW32,PQ16' or 'IMI2x8,PQ16', also after 'PCA64,', 'OPQ16,', 'ITQ64,' or 'RR64,' "
    "and before ',RFlat'"
)
_INNER = re.compile(
    rf"Flat|{_SCALAR}|HNSW\d*([,_](Flat|{_SCALAR}))?|IVF\d+[kM]?(_HNSW\d*)?,(Flat|FlatDedup|{_SCALAR})"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a string: its text and its numbers by name."""

    text: str
    numbers: Mapping[str, int]


def parse_factory(name: str, value: object) -> str:
    """A factory string as faiss spells it, without the prefix IDMap, which every index gets.

    Raises:
        InvalidTypeError: Not a str.
        InvalidValueError: Not a string that faiss understands, or with numbers that it cannot use.
    """
    if not isinstance(value, str):
        raise InvalidTypeError(f"{name} must be a str, got {type(value).__name__}")
    text = re.sub(r"\s", "", value).replace("HSNW", "HNSW")
    text = re.sub(r"^(IDMap2?,)+|(,IDMap2?)+$", "", text)
    if not text:
        raise InvalidValueError(f"{name} must be an index-factory string of faiss, got none")
    for part in _parts(text):
        _check_numbers(part, name)
    return text


def check_factory(text: str, distance: Distance, dimension: int | None = None) -> None:
    """Raise if faiss cannot make such an index; see `fit_factory` for what it cannot train.

    Args:
        text: What `parse_factory` returns.
        distance: What near means.
        dimension: Length of a feature, if it is known.

    Raises:
        InvalidValueError: It cannot.
    """
    if distance is Distance.MANHATTAN and not _keeps_manhattan(text):
        raise InvalidValueError(
            "distance 'manhattan' must be used with a faiss_mode that keeps it, such as 'Flat', "
            f"'HNSW32' or 'IVF256,Flat', got {text!r}"
        )
    if dimension is None:
        return
    remaining = dimension
    for part in _parts(text):
        remaining = _check_lengths(part, remaining)
    if not re.fullmatch(r"Flat|HNSW\d*", text):
        _try_factory(text, distance, dimension)


def fit_factory(text: str, rows: int, dimension: int) -> str:
    """The string for a collection: with fewer cells, or 'Flat', where there is too little to learn.

    What is changed is said in the log.

    Args:
        text: What `parse_factory` returns.
        rows: Number of different features.
        dimension: Their length.
    """
    if rows == 0:
        return "Flat"
    needed = max(_rows_to_learn(part, dimension) for part in _parts(text))
    if needed > rows:
        logger.warning(
            "faiss_mode %r needs %d different images to learn from, there are %d: "
            "'Flat' compares all of them instead", text, needed, rows,
        )  # fmt: skip
        return "Flat"
    most = max(rows // _ROWS_PER_CELL, 1)
    for part in _parts(text):
        if part.numbers.get("cells", 0) > most:
            logger.warning(
                "faiss_mode %r takes fewer cells, %d, for %d different images", text, most, rows
            )
            text = re.sub(r"(IVF|[,_])\d+[kM]?(?=[,_+])", rf"\g<1>{most}", text, count=1)
    return text


def metric_of(text: str, distance: Distance) -> int:
    """The number that faiss has for the metric with which an index finds what is near.

    Many indexes know Euclidean distances only. Those of unit vectors rank as cosines do.
    """
    import faiss

    if distance is Distance.MANHATTAN:
        return int(faiss.METRIC_L1)
    if distance.is_angular and _INNER.fullmatch(text):
        return int(faiss.METRIC_INNER_PRODUCT)
    return int(faiss.METRIC_L2)


def _parts(text: str) -> Iterator[_Part]:
    """The parts in their order.

    Raises:
        InvalidValueError: One of them has no known form.
    """
    rest, refined = re.subn(r",RFlat$", "", text)
    match = None if refined else re.fullmatch(r"(.+),Refine\(([^()]+)\)", rest)
    if match:
        yield from _single(match[2], text)
        rest = match[1]
    while "," in rest:
        head, tail = rest.split(",", 1)
        transform = _first(_TRANSFORMS, head)
        if transform is None:
            break
        yield transform
        rest = tail
    yield from _single(rest, text)


def _single(rest: str, whole: str) -> Iterator[_Part]:
    part = _first(_SINGLE, rest)
    if part is not None:
        yield part
        return
    head, _, tail = rest.partition(",")
    coarse, code = _first(_COARSE, head), _first(_CELL_CODES, tail)
    if coarse is None or code is None:
        raise InvalidValueError(f"faiss_mode must be like {_KNOWN}, got {whole!r:.200}")
    yield from (coarse, code)


def _first(forms: tuple[str, ...], text: str) -> _Part | None:
    matches = (re.fullmatch(form, text, re.ASCII) for form in forms)
    match = next(filter(None, matches), None)
    if match is None:
        return None
    words = {name: word for name, word in match.groupdict().items() if word is not None}
    return _Part(text, {name: _number(word) for name, word in words.items()})


def _number(word: str) -> int:
    factor = {"k": 1 << 10, "M": 1 << 20}.get(word[-1], 1)
    return int(word.rstrip("kM")[:18]) * factor


def _check_numbers(part: _Part, what: str) -> None:
    for name, number in part.numbers.items():
        least, most = _RANGES[name]
        if not least <= number <= most:
            raise InvalidValueError(
                f"{what} must have a number from {least} to {most} in {part.text!r}, got {number}"
            )
        if name == "block" and number % 32:
            raise InvalidValueError(
                f"{what} must have a multiple of 32 after the last _ in {part.text!r}, got {number}"
            )


def _check_lengths(part: _Part, dimension: int) -> int:
    """Raise if a part does not fit the length of the vectors; returns that of what it makes."""
    numbers = part.numbers
    if numbers.get("width", 1) > dimension:
        raise InvalidValueError(
            f"faiss_mode must have a number up to {dimension}, the length of the features, in "
            f"{part.text!r}"
        )
    made = numbers.get("width") or numbers.get("out") or dimension
    if part.text.startswith("Pad"):
        made = max(made, dimension)
    for name in ("codes", "more_codes", "splits"):
        if name in numbers and made % numbers[name]:
            raise InvalidValueError(
                f"faiss_mode must have a divisor of {dimension}, the length of the features, in "
                f"{part.text!r}, got {numbers[name]}"
            )
    if "half_bits" in numbers and dimension % 2:
        raise InvalidValueError(
            f"faiss_mode must be used with features of even length, {dimension}"
        )
    return made


def _rows_to_learn(part: _Part, dimension: int) -> int:
    """How many different features it takes to train a part; cells can be fewer instead."""
    numbers, text = part.numbers, part.text
    needed = numbers.get("width", 0)
    if text.startswith("OPQ"):
        needed = max(dimension, 1 << _DEFAULT_BITS)
    elif "steps" in numbers:
        needed = dimension
    elif text.startswith("NSG"):
        needed = _FEWEST_OF_NSG
    elif "half_bits" in numbers:
        needed = 1 << numbers["half_bits"]
    if "codes" in numbers or "bits" in numbers:
        default = 4 if "x4fs" in text else _DEFAULT_BITS
        needed = max(needed, 1 << numbers.get("bits", default))
    return needed


def _keeps_manhattan(text: str) -> bool:
    return re.fullmatch(r"Flat|HNSW\d*([,_]Flat)?|IVF\d+[kM]?(_HNSW\d*)?,Flat", text) is not None


def _try_factory(text: str, distance: Distance, dimension: int) -> None:
    """Let faiss make the index, with one cell: cells take memory."""
    import faiss

    small = re.sub(r"IVF\d+[kM]?", "IVF1", re.sub(r"IMI2x\d+", "IMI2x1", text))
    try:
        faiss.index_factory(dimension, small, metric_of(text, distance))
    except RuntimeError as error:
        reason = str(error).rsplit(": ", 1)[-1].strip()
        raise InvalidValueError(
            f"faiss_mode must be what faiss can do with {dimension} numbers, got {text!r}: {reason}"
        ) from error
