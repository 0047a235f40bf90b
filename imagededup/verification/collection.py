"""Verifying many pairs of the files of a collection."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import UnreadableImageError
from imagededup.images.exact import pixel_digest
from imagededup.sources.readable import reading_workers
from imagededup.utils.parallel import ordered_map
from imagededup.verification.compare import compare
from imagededup.verification.cv2_threads import one_cv2_thread
from imagededup.verification.identical import IDENTICAL
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict, Verdicts
from imagededup.verification.view import REDUCTION, View, look
from imagededup.verification.visits import Visit, visiting_order, visits

__all__ = ["MOST_VIEWS", "Verified", "verify_pairs"]

MOST_VIEWS = 1024
"""How many pictures are held at once, beside those that the threads are at work on."""

_VISITS_AT_ONCE = 8
_SURE = 0.9
_SHIFT = 0.01
"""From which score on, and up to which shift of the corners, two large copies may be identical."""

_UNKNOWN = Verdict(Relation.UNDECIDED, 0.0)

Indices = NDArray[np.int64]
PathOf = Callable[[int], Path]


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """What became of pairs.

    Attributes:
        verdicts: One a pair; `UNDECIDED` where an item could not be read.
        failures: The items that could not be read again, with the reason.
    """

    verdicts: Verdicts
    failures: dict[int, str]


def verify_pairs(
    left: Indices,
    right: Indices,
    path_of: PathOf,
    workers: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Verify pairs of items.

    Pairs of one item are verified close together, so that it is decoded once, unless more than
    `MOST_VIEWS` others are needed in between.

    Args:
        left: Items, int64 of shape (n,).
        right: Items, int64 of shape (n,).
        path_of: Gives the file of an item.
        workers: Number of threads; the result does not depend on it. The linear algebra library and
            OpenCV are held to one in each, in the whole process, until all is done.
        advance: Is called with numbers of pairs that are done.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped, unused-ignore]

    rows = np.repeat(Verdicts.of([_UNKNOWN]).rows, len(left))
    views = _Views(path_of)
    turns = partial(visits, left, right, visiting_order(left, right), MOST_VIEWS)
    with threadpool_limits(1, user_api="blas"), one_cv2_thread():
        looks = (item for visit in turns() for item in visit.looks)
        readers = reading_workers(path_of(int(left[0])), workers) if len(left) else workers
        with closing(ordered_map(views.look, looks, readers)) as looked:
            tasks = views.at_hand(turns(), looked)
            compared = _Comparison(path_of)
            with closing(ordered_map(compared.of, _cut(tasks), workers)) as found:
                for places, verdicts in found:
                    rows[places] = verdicts.rows
                    advance(len(places))
    return Verified(Verdicts(rows), dict(sorted(views.failures.items())))


_Pair = tuple[Visit, View | None, View | None]


@dataclass(slots=True)
class _Views:
    """The pictures that are held, and what could not be read."""

    path_of: PathOf
    held: dict[int, View | None] = field(default_factory=dict)
    failures: dict[int, str] = field(default_factory=dict)

    def look(self, item: int) -> View | str:
        """The view of an item, or why there is none."""
        try:
            return look(self.path_of(item))
        except UnreadableImageError as error:
            return str(error)

    def at_hand(self, turns: Iterator[Visit], looked: Iterator[View | str]) -> Iterator[_Pair]:
        """The views of pair after pair, taken from those that are looked at in this order."""
        for visit in turns:
            for item in visit.looks:
                view = next(looked)
                self.held[item] = None if isinstance(view, str) else view
                if isinstance(view, str):
                    self.failures.setdefault(item, view)
            yield visit, self.held[visit.left], self.held[visit.right]
            for item in visit.drops:
                del self.held[item]


@dataclass(slots=True)
class _Comparison:
    """Compares views, and pixels where they may be equal."""

    path_of: PathOf
    digests: dict[int, bytes | None] = field(default_factory=dict)

    def of(self, pairs: list[_Pair]) -> tuple[list[int], Verdicts]:
        """The places of pairs, and their verdicts."""
        verdicts = [self._verdict(visit, *views) for visit, *views in pairs]
        return [visit.pair for visit, *_ in pairs], Verdicts.of(verdicts)

    def _verdict(self, visit: Visit, left: View | None, right: View | None) -> Verdict:
        if left is None or right is None:
            return _UNKNOWN
        verdict = compare(left, right)
        if _may_be_identical(verdict, left, right):
            digest = self._digest(visit.left)
            if digest is not None and digest == self._digest(visit.right):
                return IDENTICAL
        return verdict

    def _digest(self, item: int) -> bytes | None:
        """The digest of an item's pixels; None where they cannot all be decoded."""
        if item not in self.digests:
            try:
                self.digests[item] = pixel_digest(self.path_of(item))
            except UnreadableImageError:
                self.digests[item] = None
        return self.digests[item]


def _cut(pairs: Iterator[_Pair]) -> Iterator[list[_Pair]]:
    while some := list(islice(pairs, _VISITS_AT_ONCE)):
        yield some


def _may_be_identical(verdict: Verdict, left: View, right: View) -> bool:
    """Whether it is worth to decode all pixels of two pictures.

    Equal pixels give equal views, except where a large JPEG is decoded at reduced size.
    """
    if left.size != right.size:
        return False
    if np.array_equal(left.grey, right.grey):
        return True
    if min(left.size) < REDUCTION.above or verdict.matrix is None:
        return False
    width, height = left.size
    corners = np.array([(x, y, 1) for x in (0, width) for y in (0, height)])
    moved = np.abs(corners @ np.array(verdict.matrix).T - corners[:, :2]).max()
    is_copy = verdict.relation is Relation.COPY and verdict.score >= _SURE
    return is_copy and bool(moved <= _SHIFT * max(left.size))
