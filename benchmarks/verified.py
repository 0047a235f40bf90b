"""The pairs that verification looks at, and what it says of them.

Each copy, and each picture itself, has the pictures with the most similar codes as candidates; a
pair that is no candidate is never looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from codes import similarities
from numpy.typing import NDArray
from picture_sets import Pool

from imagededup.methods import CNN
from imagededup.verification.collection import verify_pairs
from imagededup.verification.verdict import Verdicts

__all__ = ["CANDIDATES", "FLOOR", "VerifiedPairs", "joined", "verify_copies", "verify_pictures"]

Array = NDArray[Any]

CANDIDATES = 10
FLOOR = CNN._search_names.floor
"""The least cosine of candidates, the default of the package."""


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedPairs:
    """Pairs of a copy, or of a picture itself, and a picture.

    Attributes:
        picture: The picture that is on the left, or that the copy is of: a place in the pool.
        edit: The number of its edit, and 0 where it is the picture itself.
        other: The picture that it is compared with.
        in_set: Whether they are candidates where only their set is searched.
        in_pool: Whether they are candidates where all sets are searched at once.
        verdicts: What verification says.
    """

    picture: NDArray[np.int64]
    edit: NDArray[np.int64]
    other: NDArray[np.int64]
    in_set: NDArray[np.bool_]
    in_pool: NDArray[np.bool_]
    verdicts: Verdicts

    def take(self, places: Array) -> "VerifiedPairs":
        """Some of the pairs, by place or by mask."""
        return VerifiedPairs(
            self.picture[places],
            self.edit[places],
            self.other[places],
            self.in_set[places],
            self.in_pool[places],
            self.verdicts.take(places),
        )

    def of(self, part: slice, pooled: bool) -> "VerifiedPairs":
        """Those that a search of a set has, or of all sets at once.

        Args:
            part: The pictures of the set, which are counted from its first then.
            pooled: Whether all sets are searched at once.
        """
        inside = (self.picture >= part.start) & (self.picture < part.stop)
        pairs = self.take(inside & (self.in_pool if pooled else self.in_set))
        first = part.start
        return replace(pairs, picture=pairs.picture - first, other=pairs.other - first)


def joined(parts: Sequence[VerifiedPairs]) -> VerifiedPairs:
    """The pairs of several parts, one after the other."""
    return VerifiedPairs(
        np.concatenate([part.picture for part in parts]),
        np.concatenate([part.edit for part in parts]),
        np.concatenate([part.other for part in parts]),
        np.concatenate([part.in_set for part in parts]),
        np.concatenate([part.in_pool for part in parts]),
        Verdicts(np.concatenate([part.verdicts.rows for part in parts])),
    )


def verify_copies(
    pool: Pool, name: str, codes: Array, copies: Sequence[Path], copy_codes: Array, workers: int
) -> VerifiedPairs:
    """Verify the copies of the pictures of one set.

    Args:
        pool: All pictures.
        name: The set.
        codes: The codes of all pictures, (pictures, d).
        copies: The files of the copies, all edits of one picture after the other.
        copy_codes: Their codes, (pictures of the set, edits, d).
        workers: Number of threads.
    """
    pictures = pool.sets[name]
    edits = copy_codes.shape[1]
    rows, others, in_set, in_pool = _candidates(
        copy_codes.reshape(len(copies), -1), codes, pictures, None
    )
    verdicts = _verdicts(rows + len(pool.paths), others, (*pool.paths, *copies), workers)
    return VerifiedPairs(
        pictures.start + rows // edits, rows % edits, others, in_set, in_pool, verdicts
    )


def verify_pictures(pool: Pool, codes: Array, workers: int) -> VerifiedPairs:
    """Verify the pictures themselves with each other; each pair is there once."""
    found: dict[tuple[int, int], tuple[bool, bool]] = {}
    for pictures in pool.sets.values():
        own = np.arange(pictures.start, pictures.stop)
        rows, others, *flags = _candidates(codes[pictures], codes, pictures, own)
        left, right = own[rows], others
        ends = np.minimum(left, right).tolist(), np.maximum(left, right).tolist()
        in_set, in_pool = (flag.tolist() for flag in flags)
        for pair, of_set, of_pool in zip(zip(*ends, strict=True), in_set, in_pool, strict=True):
            before = found.get(pair, (False, False))
            found[pair] = before[0] or of_set, before[1] or of_pool
    places = np.array(sorted(found), np.int64).reshape(-1, 2)
    flags = np.array([found[pair] for pair in sorted(found)], np.bool_).reshape(-1, 2).T
    left, right = places.T
    verdicts = _verdicts(left, right, pool.paths, workers)
    return VerifiedPairs(left, np.zeros_like(left), right, *flags, verdicts)


def _candidates(
    codes: Array, pictures: Array, own_set: slice, own: Array | None
) -> tuple[Array, Array, Array, Array]:
    """Rows of codes with their candidates among pictures, and whether in their set and in the pool.

    Args:
        codes: Unit vectors, (rows, d).
        pictures: Unit vectors, (pictures, d).
        own_set: The pictures of the set that the rows are of.
        own: For each row a picture that is no candidate of it.
    """
    parts = []
    for block, cosines in similarities(codes, pictures):
        if own is not None:
            cosines[np.arange(len(cosines)), own[block]] = -np.inf
        in_pool = _best(cosines)
        in_set = np.zeros_like(in_pool)
        in_set[:, own_set] = _best(cosines[:, own_set])
        rows, others = np.nonzero(in_set | in_pool)
        parts.append((rows + block.start, others, in_set[rows, others], in_pool[rows, others]))
    rows, others, in_set, in_pool = (np.concatenate(part) for part in zip(*parts, strict=True))
    return rows, others, in_set, in_pool


def _best(cosines: Array) -> Array:
    """Which are among the largest of their row and above the floor."""
    best = cosines >= FLOOR
    if cosines.shape[1] > CANDIDATES:
        best &= cosines >= np.partition(cosines, -CANDIDATES, axis=1)[:, -CANDIDATES, None]
    return best


def _verdicts(left: Array, right: Array, paths: Sequence[Path], workers: int) -> Verdicts:
    if not len(left):
        return Verdicts.of([])
    verified = verify_pairs(left, right, paths.__getitem__, workers)
    for item, reason in verified.failures.items():
        print(f"{paths[item]}: {reason}")
    return verified.verdicts
