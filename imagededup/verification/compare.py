"""Comparing two views."""

import cv2
import numpy as np

from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict
from imagededup.verification.view import View

__all__ = ["compare"]


def compare(left: View, right: View) -> Verdict:
    """Say how two pictures are related; `IDENTICAL` only pixels can tell."""
    if min(len(left.points), len(right.points)) < 4:
        return Verdict(Relation.UNDECIDED, 0.0)
    products = left.descriptors @ right.descriptors.T
    nearest = products.argmax(axis=1)
    rows = np.arange(len(nearest))
    two = np.partition(products, -2, axis=1)[:, -2:]
    good = (products.argmax(axis=0)[nearest] == rows) & (
        (1 - two[:, 1]) / (1 - two[:, 0] + 1e-9) < 0.88
    )
    if good.sum() < 4:
        return Verdict(Relation.UNRELATED, 0.0)
    matrix, inliers = cv2.estimateAffine2D(
        left.points[rows[good]],
        right.points[nearest[good]],
        method=cv2.RANSAC,
        ransacReprojThreshold=4,
        maxIters=500,
    )
    if matrix is None or inliers.sum() < 12:
        return Verdict(Relation.UNRELATED, 0.01)
    score = float(1 - 6 / inliers.sum())
    return Verdict(
        Relation.COPY,
        score,
        (tuple(matrix[0].tolist()), tuple(matrix[1].tolist())),
        left_covered=1.0,
        right_covered=1.0,
    )
