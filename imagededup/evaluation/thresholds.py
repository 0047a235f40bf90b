"""Finding the threshold of a method that suits a ground truth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.evaluation.curves import check_has_pairs
from imagededup.evaluation.entries import list_first
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.maps import AnyMap, read_ground_truth, truth_entries
from imagededup.evaluation.operating_points import (
    OperatingPoint,
    PrecisionRecallCurve,
    check_beta,
)
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import DuplicateRelation, Indices, in_sorted
from imagededup.methods.results import Duplicates
from imagededup.search.hamming.choose import CODE_BITS

__all__ = ["SearchingEncoder", "ThresholdSweep", "best_threshold"]

_WIDEST_DISTANCE = 32
_CHANCE_PAIRS = 10**7


class SearchingEncoder(Protocol):
    """What `best_threshold` needs of an encoder."""

    @property
    def score_name(self) -> str:
        """'distance' or 'similarity'."""

    @property
    def threshold_name(self) -> str:
        """The parameter of `search` that takes the threshold."""

    def search(self, *args: Any, **kwargs: Any) -> Duplicates:  # noqa: ANN401
        """Find duplicates."""


@dataclass(frozen=True, slots=True)
class ThresholdSweep:
    """What every threshold gives, and the best of them.

    Attributes:
        best: The point of the highest F score; the strictest of equals.
        points: One point a threshold, the strictest first.
        curve: The same as arrays.
        score_name: Whether the thresholds are a 'distance' or a 'similarity'.
        beta: How many times as much recall weighs as precision in the F score.
    """

    best: OperatingPoint
    points: list[OperatingPoint]
    curve: PrecisionRecallCurve
    score_name: str
    beta: float


def best_threshold(
    encoder: SearchingEncoder,
    ground_truth_map: AnyMap,
    image_dir: str | PathLike[str] | None = None,
    encoding_map: Mapping[str, Any] | None = None,
    thresholds: Sequence[float] | NDArray[Any] | None = None,
    beta: float = 1.0,
    recursive: bool = False,
    num_enc_workers: int | None = None,
    num_dist_workers: int | None = None,
    against: str | PathLike[str] | Mapping[str, Any] | None = None,
) -> ThresholdSweep:
    """Try all thresholds of a method on images whose duplicates are known.

    The images are encoded once and searched once, with the widest threshold; the pairs that it
    finds are counted in blocks. The F score is that of the duplicate pairs.

    Args:
        encoder: The method, for instance `PHash()`.
        ground_truth_map: All images with the names of their duplicates, symmetric; with `against`
            the names of their duplicates there.
        image_dir: Folder of the images. Either this or `encoding_map` must be given.
        encoding_map: Codes by name, as `encode_images` returns them.
        thresholds: Distances (int) or similarities (-1 to 1) in any order. By default the
            similarities 0.5, 0.51, ... 1.0, or the distances from 0 to 32; for more than about
            6,000 images the distances end earlier (at 21 for 100,000), where codes drawn at random
            would match by chance in over ten million pairs.
        beta: Above 1 prefers recall, below 1 precision.
        recursive: Whether to take the images of the folders within as well.
        num_enc_workers: Number of threads that encode, as in `find_duplicates`.
        num_dist_workers: Number of threads that search.
        against: Folder or codes of the reference collection, as in `find_duplicates`.

    Returns:
        All thresholds and the best one. Duplicates of images that could not be read count as
        missed.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An argument has a value that is not allowed.
        InvalidMapError: The ground truth cannot be evaluated (as in `evaluate`), has no duplicates,
            or is of other images.

    Examples:
        >>> from imagededup.methods import PHash
        >>> hashes = {"a": "00000000000000ff", "b": "000000000000007f", "c": "0000000000000007"}
        >>> truth = {"a": ["b"], "b": ["a"], "c": []}
        >>> sweep = best_threshold(PHash(), truth, encoding_map=hashes)
        >>> sweep.best.threshold, sweep.best.precision, sweep.best.recall
        (1, 1.0, 1.0)
    """
    weight = check_beta(beta)
    _check_encoder(encoder)
    named = None if against is None else sorted(set(truth_entries(ground_truth_map).found))
    truth = read_ground_truth(ground_truth_map, references=named)
    check_has_pairs(truth)
    score_name = ScoreName(encoder.score_name)
    if thresholds is None:
        checked = _default_thresholds(score_name, len(truth.names))
    else:
        checked = _check_thresholds(thresholds, score_name)
    found = encoder.search(
        image_dir=image_dir,
        encoding_map=encoding_map,
        against=against,
        recursive=recursive,
        num_enc_workers=num_enc_workers,
        num_dist_workers=num_dist_workers,
        **{encoder.threshold_name: checked[-1].item()},
    )
    if found.reference_names is not None:
        references = sorted({*truth.items, *found.reference_names})
        truth = read_ground_truth(ground_truth_map, references=references)
    curve = _count(truth, found, checked, score_name)
    return ThresholdSweep(curve.best(weight), curve.points(weight), curve, score_name.value, weight)


def _check_encoder(encoder: object) -> None:
    if isinstance(encoder, type):
        raise InvalidTypeError(
            f"encoder must be an encoder, such as {encoder.__name__}(), got the class itself"
        )
    if not all(hasattr(encoder, name) for name in ("score_name", "threshold_name", "search")):
        raise InvalidTypeError(
            f"encoder must be an encoder, such as PHash(), got {type(encoder).__name__}"
        )


def _default_thresholds(score_name: ScoreName, images: int) -> NDArray[Any]:
    """Thresholds from the strictest to the widest."""
    if score_name is ScoreName.SIMILARITY:
        return np.arange(100, 49, -1) / 100
    ways = np.cumsum([math.comb(CODE_BITS, bits) for bits in range(_WIDEST_DISTANCE + 1)])
    by_chance = ways / 2**CODE_BITS * math.comb(images, 2)
    return np.arange(max(1, int((by_chance <= _CHANCE_PAIRS).sum())))


def _check_thresholds(
    thresholds: Sequence[float] | NDArray[Any], score_name: ScoreName
) -> NDArray[Any]:
    """Thresholds from the strictest to the widest, without repeats."""
    problem = f"thresholds must be a list of numbers, got {thresholds!r:.200}"
    try:
        values = np.array(thresholds)
    except ValueError as error:  # lists of different lengths
        raise InvalidTypeError(problem) from error
    if values.ndim != 1 or len(values) == 0:
        raise InvalidValueError(problem)
    if values.dtype.kind not in ("iu" if score_name is ScoreName.DISTANCE else "iuf"):
        wanted = "int" if score_name is ScoreName.DISTANCE else "numbers"
        raise InvalidTypeError(f"thresholds of a {score_name} must be {wanted}, got {thresholds!r}")
    low, high = (0, CODE_BITS) if score_name is ScoreName.DISTANCE else (-1, 1)
    if not ((values >= low) & (values <= high)).all():
        raise InvalidValueError(
            f"thresholds of a {score_name} must be from {low} to {high}, got {thresholds!r}"
        )
    if score_name is ScoreName.DISTANCE:
        return np.unique(values.astype(np.int64))
    return np.unique(values.astype(np.float64))[::-1]


def _count(
    truth: DuplicateRelation, found: Duplicates, thresholds: NDArray[Any], score_name: ScoreName
) -> PrecisionRecallCurve:
    """Numbers of pairs at thresholds that go from the strictest to the widest."""
    left, right = _match_names(truth, found)
    sign = -1 if score_name is ScoreName.SIMILARITY else 1
    size = len(thresholds)
    counts = np.zeros((2, size + 1), np.int64)
    for block in found.matches.pair_blocks(both_directions=False):
        # In the precision of the scores, as the search itself compares them.
        limits = sign * thresholds.astype(block.score.dtype)
        place = np.searchsorted(limits, sign * block.score)
        # The numbers keep the order of the names, so left is still the lower one.
        keys = left[block.left] * len(truth.items) + right[block.right]
        counts[0] += np.bincount(place, minlength=size + 1)
        counts[1] += np.bincount(place[in_sorted(keys, truth.pairs)], minlength=size + 1)
    retrieved, correct = counts[:, :size].cumsum(axis=1)
    return PrecisionRecallCurve(thresholds, correct, retrieved, len(truth.pairs))


def _match_names(truth: DuplicateRelation, found: Duplicates) -> tuple[Indices, Indices]:
    """The numbers that found images, and the images they match, have in the ground truth."""
    left = _numbers(truth.names, found.names, found)
    if found.reference_names is None:
        return left, left
    return left, _numbers(truth.items, found.reference_names, found)


def _numbers(true_names: list[str], names: list[str], found: Duplicates) -> Indices:
    unreadable = {failure.name for failure in found.failures}
    missing = sorted(set(true_names) - set(names) - unreadable)
    if missing:
        listed = list_first(map(repr, missing))
        raise InvalidMapError(f"images of ground_truth_map that were not encoded: {listed}")
    unknown = sorted(set(names) - set(true_names))
    if unknown:
        listed = list_first(map(repr, unknown))
        raise InvalidMapError(f"images that ground_truth_map lacks: {listed}")
    place = {name: number for number, name in enumerate(true_names)}
    return np.array([place[name] for name in names], np.int64)
