"""The rows of large tables that a gallery shows; never all of them at once."""

from collections.abc import Iterator
from heapq import nlargest, nsmallest
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from imagededup.fastdup.store.tables import read_columns
from imagededup.pages import MayGo

__all__ = ["TableRow", "best_pairs", "best_per_image", "nearest_of", "read_pairs"]

_ROWS_AT_ONCE = 65_536
_DETAILS = ("relation", "score", "from_covered", "to_covered")
_similarity = attrgetter("similarity")
_REPLACEABLE = ("", "identical", "copy")


class TableRow(NamedTuple):
    """Two images of a table such as similarity.csv or verified.csv.

    Attributes:
        left: The image of the column `from`.
        right: That of the column `to`.
        similarity: What the column `distance` says.
        relation: How the two are related; empty where they were not verified.
        score: The score of verified ones; NaN for others.
        may_go: Which one the other can stand for.
    """

    left: str
    right: str
    similarity: float
    relation: str
    score: float
    may_go: MayGo


def read_pairs(path: Path) -> Iterator[TableRow]:
    """The rows of a table with the columns from, to and distance, those without a number left out.

    Raises:
        InvalidValueError: There is no such file, or it is another one.
    """
    rows = read_columns(path, ("from", "to", "relation"), ("distance", *_DETAILS[1:]), _DETAILS)
    for (left, right, relation), (similarity, score, from_covered, to_covered) in rows:
        if similarity == similarity:
            may_go = _may_go(relation, from_covered, to_covered)
            yield TableRow(left, right, similarity, relation, score, may_go)


def best_pairs(path: Path, count: int, descending: bool) -> list[TableRow]:
    """The most similar pairs, or the least similar ones; a pair in both directions is one.

    Equal ones stand in the order of the table.
    """
    choose = nlargest if descending else nsmallest
    found: dict[frozenset[str], TableRow] = {}
    for row in choose(2 * count, read_pairs(path), key=_similarity):
        found.setdefault(frozenset((row.left, row.right)), row)
    return list(found.values())[:count]


def best_per_image(path: Path, count: int, descending: bool) -> list[TableRow]:
    """The images of the column `from` with the highest similarity, or the lowest; each once."""
    choose = nlargest if descending else nsmallest
    best: list[TableRow] = []
    rows = read_pairs(path)
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        of_image: dict[str, TableRow] = {}
        for row in choose(len(best) + len(chunk), [*best, *chunk], key=_similarity):
            of_image.setdefault(row.left, row)
        best = list(of_image.values())[:count]
    return best


def nearest_of(path: Path, images: list[str], most: int) -> dict[str, list[TableRow]]:
    """The nearest neighbours of some images, best first, in the order of the images."""
    nearest: dict[str, list[TableRow]] = {image: [] for image in images}
    for row in read_pairs(path):
        if row.left in nearest:
            rows = nearest[row.left]
            rows.append(row)
            if len(rows) >= 2 * most:
                nearest[row.left] = nlargest(most, rows, key=_similarity)
    return {image: nlargest(most, rows, key=_similarity) for image, rows in nearest.items()}


def _may_go(relation: str, from_covered: float, to_covered: float) -> MayGo:
    """Of a part and its whole the part; of variants and the like neither."""
    if relation in _REPLACEABLE:
        return MayGo.EITHER
    if relation != "part":
        return MayGo.NEITHER
    return MayGo.LEFT if from_covered > to_covered else MayGo.RIGHT
