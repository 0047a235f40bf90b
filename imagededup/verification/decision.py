"""From evidence to a relation and a score."""

import math
import operator
from dataclasses import dataclass

from imagededup.verification.agreement import Agreement
from imagededup.verification.bending import Bend
from imagededup.verification.coverage import Coverage
from imagededup.verification.relation import Relation

__all__ = ["Evidence", "may_be_copy", "relation_of", "score_of", "signs"]

_LEAST_WINDOWS = 20
_LEAST_WINDOWS_OF_A_PART = 80
_LEAST_COVERED = 0.08
_LEAST_SCORE = 0.2
_MOST_EXTRA = 0.04

_COPY_SCORE = 0.99
_COPY_MEAN = 0.8
_COPY_LOW = 0.3
_MOST_DIFFERING = 2
_MOST_UNEVEN = 4.5
_NEARLY_EVEN = 0.85
_MOST_SPREAD = 0.5
_MOST_RESIDUAL = 32.0
_LEAST_COLOUR = 0.7
_USUAL_BEND = 0.05
_LEAST_BEND = 0.03
_LEAST_SHARE = 0.012
_MOST_BENT = 0.5

_MOST_SCORE = 0.9994
"""Only equal pixels are sure."""

_INTERCEPT = -0.82
_WEIGHTS = (0.623, -0.398, 0.157, 0.379, -11.74, -2.6, 2.7, 1.63, 1.76, -0.57)
_OF_OVERLAPS = -15.0
_OF_BENT = -3.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a pair at the best map.

    Attributes:
        coarse: How the pictures agree at 256 pixels.
        inliers: Matches of local features that the map explains; 0 where the frames proposed it.
        colour: The agreement of the colours, -1.0 to 1.0.
        coverage: How much of each picture the other one shows.
        bend: How far an affine map leaves pictures apart; None where that is not known.
        fine: How the pictures agree at up to 768 pixels, where that was looked at.
    """

    coarse: Agreement
    inliers: int
    colour: float
    coverage: Coverage
    bend: Bend | None
    fine: Agreement | None = None


def score_of(evidence: Evidence) -> float:
    """The probability that one picture is an edited copy of the other.

    A logistic regression on `signs`, fitted by `tools/fit_verification.py` on edited copies of the
    pictures that the embedded model was trained on, against the pictures that its descriptors take
    for most alike, and against pictures bent as if the thing were photographed again. Pictures that
    overlap, which were not fitted, and those that are clearly bent are marked down.
    """
    return min(_logistic(_likeness(evidence) + _OF_BENT * _bent(evidence.bend)), _MOST_SCORE)


def _likeness(evidence: Evidence) -> float:
    fitted: float = sum(map(operator.mul, _WEIGHTS, signs(evidence)), 0.0)
    return _INTERCEPT + fitted + _OF_OVERLAPS * _overlaps(evidence.coverage)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def signs(evidence: Evidence) -> tuple[float, ...]:
    """What the score is a function of, each within limits."""
    agreed = evidence.coarse
    mean = min(max(agreed.mean, 0.0), 0.995)
    bend = _USUAL_BEND if evidence.bend is None else evidence.bend.size
    return (
        math.log((1 + mean) / (1 - mean)),
        math.log1p(min(agreed.windows, 400)),
        math.log1p(min(evidence.inliers, 60)),
        float(evidence.inliers == 0),
        min(agreed.differing, 0.3),
        min(agreed.spread, 1.0),
        min(evidence.colour, 0.8),
        max(agreed.low, 0.0),
        float(evidence.fine is not None and _agrees(evidence.fine)),
        math.log(min(max(bend, 0.005), 0.5)),
    )


def may_be_copy(evidence: Evidence) -> bool:
    """Whether it is worth while to look at a pair more closely."""
    unbent = _bent(evidence.bend) <= _MOST_BENT
    return unbent and _agrees(evidence.coarse) and evidence.colour >= _LEAST_COLOUR


def relation_of(evidence: Evidence, score: float) -> Relation:
    """The relation of two pictures with some score."""
    coarse, fine = evidence.coarse, evidence.fine
    if coarse.windows < _LEAST_WINDOWS:
        return Relation.UNDECIDED
    if _overlaps(evidence.coverage) and coarse.mean >= _COPY_MEAN:
        return Relation.OVERLAP
    if _logistic(_likeness(evidence)) < _LEAST_SCORE:
        return Relation.UNRELATED
    if score < _COPY_SCORE or fine is None or not _agrees(fine):
        return Relation.VARIANT
    shown = evidence.coverage
    if max(shown.source_extra, shown.target_extra) <= _MOST_EXTRA:
        return Relation.COPY
    covered = min(shown.source, shown.target)
    if coarse.windows < _LEAST_WINDOWS_OF_A_PART or covered < _LEAST_COVERED:
        return Relation.VARIANT
    return Relation.PART


def _bent(bend: Bend | None) -> float:
    """How clearly pictures are bent against each other: far enough, and it explains enough."""
    if bend is None or min(bend) <= 0:
        return 0.0
    above = min(math.log(bend.size / _LEAST_BEND), math.log(bend.share / _LEAST_SHARE))
    return min(max(above, 0.0), 2.5)


def _overlaps(shown: Coverage) -> bool:
    """Whether each picture shows something that the other lacks."""
    return min(shown.source_extra, shown.target_extra) > _MOST_EXTRA


def _agrees(agreed: Agreement) -> bool:
    """Whether no window tells pictures apart."""
    uneven = (1 - agreed.low) / max(1 - agreed.mean, 0.02)
    return (
        agreed.mean >= _COPY_MEAN
        and agreed.low >= _COPY_LOW
        and agreed.differing_windows <= _MOST_DIFFERING
        and (uneven <= _MOST_UNEVEN or agreed.low >= _NEARLY_EVEN)
        and agreed.spread <= _MOST_SPREAD
        and agreed.residual <= _MOST_RESIDUAL
    )
