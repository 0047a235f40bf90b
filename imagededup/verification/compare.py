"""Comparing two views: maps are proposed and refined, and the best one decides."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagededup.verification.agreement import (
    Agreement,
    Box,
    Laid,
    agreement,
    laid_on,
    rough_agreement,
)
from imagededup.verification.alignment import refine
from imagededup.verification.bending import bend_of
from imagededup.verification.colour import colour_agreement
from imagededup.verification.coverage import Coverage, coverage
from imagededup.verification.decision import Evidence, may_be_copy, relation_of, score_of
from imagededup.verification.geometry import (
    Fit,
    Map,
    Size,
    fit_features,
    fit_frames,
    inverse,
    mirrors,
    scale_of,
    scaled_to,
    size_of,
)
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict
from imagededup.verification.view import View, normalised

__all__ = ["compare", "evidence_between"]

_LEAST_FEATURES = 8
_OF_VARIANTS = 0.95
"""So that no variant stands before a copy: many are pages of one form."""
_LEAST_ROUGH = 0.1
_CLEAR = 0.9
_CLEAR_WINDOWS = 100
_FULL_WINDOWS = 50
_MANY_INLIERS = 12
_FINE_STEP = 4
_HARDLY_FINER = 1.25


def compare(left: View, right: View) -> Verdict:
    """Say how two pictures are related.

    Whether they are identical cannot be seen from views: equal pictures are copies here.
    """
    laid = _best(left, right)
    if laid is None:
        fewest = min(len(view.features.keypoints) for view in (left, right))
        blank = fewest < _LEAST_FEATURES
        return Verdict(Relation.UNDECIDED if blank else Relation.UNRELATED, 0.0)
    evidence = laid.evidence()
    score = score_of(evidence)
    relation = relation_of(evidence, score)
    if relation is Relation.VARIANT:
        score *= _OF_VARIANTS
    return laid.verdict(relation, score, evidence)


def evidence_between(left: View, right: View) -> Evidence | None:
    """What two pictures say where they are laid on each other; None if no map lays them so."""
    laid = _best(left, right)
    return None if laid is None else laid.evidence()


def _best(left: View, right: View) -> "_Fitted | None":
    best: _Fitted | None = None
    for proposal in _proposals(left, right):
        laid = _Fitted.of(left, right, proposal)
        if laid is None:
            continue
        if best is None or laid.strength > best.strength:
            best = laid
        if laid.clear:
            break
    return best


def _proposals(left: View, right: View) -> Iterator[Fit]:
    """Maps that the whole frames and the local features propose, those that cost least first."""
    frames = fit_frames(left, right)
    if frames is not None:
        yield frames
    features = fit_features(left, right, mirrored=False)
    if features is None or features.inliers < _MANY_INLIERS:
        mirrored = fit_features(left, right, mirrored=True)
        if mirrored and (features is None or mirrored.inliers > features.inliers):
            features = mirrored
    if features is not None:
        yield features


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Two pictures laid on each other: the one that is shrunk, the source, on the other.

    Attributes:
        source: A picture.
        target: The other one.
        swapped: Whether the source is the right one.
        inliers: How many matches of local features agree with the map.
        matrix: The map from the grey pixels of the source to those of the target.
        on: The grey source on the grey target.
        coarse: How they agree.
    """

    source: View
    target: View
    swapped: bool
    inliers: int
    matrix: Map
    on: Laid
    coarse: Agreement

    @classmethod
    def of(cls, left: View, right: View, fit: Fit) -> "_Fitted | None":
        """Lay pictures on each other; None if they clearly do not agree."""
        swapped = scale_of(fit.matrix) > 1
        source, target = (right, left) if swapped else (left, right)
        start = inverse(fit.matrix) if swapped else fit.matrix
        if rough_agreement(source.grey, target.grey, start) < _LEAST_ROUGH:
            return None
        matrix = refine(source.normalised, target.normalised, start)
        on = laid_on(source.grey, target.grey, matrix)
        coarse = agreement(on, target.grey)
        return cls(source, target, swapped, fit.inliers, matrix, on, coarse)

    @property
    def strength(self) -> float:
        """How much the agreement says."""
        return self.coarse.mean * math.sqrt(min(1.0, self.coarse.windows / _FULL_WINDOWS))

    @property
    def clear(self) -> bool:
        """Whether no other map need be looked at."""
        coarse = self.coarse
        enough = coarse.windows >= _CLEAR_WINDOWS
        return coarse.mean > _CLEAR and enough and coarse.differing == 0

    def evidence(self) -> Evidence:
        """What the pictures say, at the highest resolution that views have where it matters."""
        source, target = self.source.colour, self.target.colour
        evidence = Evidence(
            self.coarse,
            self.inliers,
            colour_agreement(source, target, self._between(source, target)),
            coverage(self.source, self.target, self.matrix),
            bend_of(self.on, self.target),
        )
        return replace(evidence, fine=self._fine()) if may_be_copy(evidence) else evidence

    def _fine(self) -> Agreement:
        source, target = self.source.fine, self.target.fine
        if max(target.shape) <= _HARDLY_FINER * max(self.target.grey.shape):
            return self.coarse
        start = self._between(source, target)
        matrix = refine(normalised(source), normalised(target), start, _FINE_STEP)
        return agreement(laid_on(source, target, matrix), target)

    def verdict(self, relation: Relation, score: float, evidence: Evidence) -> Verdict:
        """The verdict from left to right."""
        if relation is Relation.UNRELATED:
            return Verdict(relation, score)
        of = size_of(self.source.grey), size_of(self.target.grey)
        matrix = scaled_to(self.matrix, of, (self.source.size, self.target.size))
        agreed = evidence.fine or self.coarse
        covered = _covered(evidence.coverage, relation)
        region = agreed.region
        if self.swapped:
            region = _moved(region, matrix, self.target.size, self.source.size)
            matrix, covered = inverse(matrix), covered[::-1]
        mirrored = mirrors(matrix)
        (a, b, c), (d, e, f) = matrix.tolist()
        return Verdict(
            relation,
            score,
            ((a, b, c), (d, e, f)),
            rotation=_rotation(matrix, mirrored),
            scale=scale_of(matrix),
            mirrored=mirrored,
            left_covered=covered[0],
            right_covered=covered[1],
            differing=agreed.differing,
            region=region,
        )

    def _between(self, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Map:
        """The map between the pictures at another resolution."""
        of = size_of(self.source.grey), size_of(self.target.grey)
        return scaled_to(self.matrix, of, (size_of(source), size_of(target)))


def _rotation(matrix: Map, mirrored: bool) -> float:
    """The angle of a map in degrees, clockwise, after the picture was mirrored."""
    linear = matrix[:, :2] * np.array([-1.0 if mirrored else 1.0, 1.0])
    return float(np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1])))


def _covered(shown: Coverage, relation: Relation) -> tuple[float, float]:
    """The share of source and target that the other shows.

    Of copies and parts a border of one colour counts as shown, of the whole only its content.
    """
    by_area = shown.source, shown.target
    by_content = 1 - shown.source_extra, 1 - shown.target_extra
    if relation not in (Relation.COPY, Relation.PART):
        return by_area
    both = zip(by_area, by_content, by_content[::-1], strict=True)
    whole = relation is Relation.PART
    source, target = (
        min(area, content) if whole and content < other else max(area, content)
        for area, content, other in both
    )
    return source, target


def _moved(box: Box | None, matrix: Map, of: Size, to: Size) -> Box | None:
    """A box of the target, in shares, as the box around it in the source."""
    if box is None:
        return None
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]]) * of
    there = np.hstack([corners, np.ones((4, 1))]) @ inverse(matrix).T / to
    low, high = there.min(axis=0).clip(0, 1), there.max(axis=0).clip(0, 1)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
