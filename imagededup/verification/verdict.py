"""What verification says of a pair, and of many pairs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imagededup.verification.relation import Relation

__all__ = ["Verdict", "Verdicts"]

Box = tuple[float, float, float, float]
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]

_RELATIONS = tuple(Relation)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the left picture of a pair is related to the right one.

    Attributes:
        relation: What they are to each other.
        score: Probability that one is an edited copy of the other, 0 to 1.
        matrix: The affine map from pixels (x, y) of the left picture to those of the right one, two
            rows of three; None where there is none.
        rotation: How far the left picture is turned to lie on the right one, degrees, -180 to 180,
            positive clockwise; after mirroring.
        scale: Length in the right picture by length in the left one.
        mirrored: Whether the left picture is mirrored, left to right, to lie on the right one.
        left_covered: The share of the left picture that the right one shows, 0 to 1.
        right_covered: The share of the right picture that the left one shows, 0 to 1.
        differing: The share of the common part in which they differ, 0 to 1.
        region: The smallest box in the right picture that holds what differs: left, top, right,
            bottom, as shares of its width and height; None where nothing differs.
    """

    relation: Relation
    score: float
    matrix: Affine | None = None
    rotation: float = 0.0
    scale: float = 1.0
    mirrored: bool = False
    left_covered: float = 0.0
    right_covered: float = 0.0
    differing: float = 0.0
    region: Box | None = None

    @property
    def left_is_part(self) -> bool:
        """Whether the left picture is a part of the right one."""
        return self.relation is Relation.PART and self.left_covered >= self.right_covered

    @property
    def right_is_part(self) -> bool:
        """Whether the right picture is a part of the left one."""
        return self.relation is Relation.PART and self.left_covered < self.right_covered


_ROW = np.dtype(
    [
        ("relation", np.uint8),
        ("score", np.float32),
        ("matrix", np.float32, (2, 3)),
        ("rotation", np.float32),
        ("scale", np.float32),
        ("mirrored", np.bool_),
        ("left_covered", np.float32),
        ("right_covered", np.float32),
        ("differing", np.float32),
        ("region", np.float32, (4,)),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """The verdicts of many pairs, 64 bytes or so each.

    Attributes:
        rows: A structured array with the fields of `Verdict`; the relation as its place in
            `Relation`, and NaN for a matrix or a region that is None.
    """

    rows: NDArray[Any]

    @classmethod
    def of(cls, verdicts: Sequence[Verdict]) -> Self:
        """Put verdicts into an array."""
        rows = np.zeros(len(verdicts), _ROW)
        for row, verdict in zip(rows, verdicts, strict=True):
            for name in _ROW.names or ():
                value = getattr(verdict, name)
                row[name] = np.nan if value is None else value if name != "relation" else 0
            row["relation"] = _RELATIONS.index(verdict.relation)
        return cls(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Verdict:
        values = dict(zip(_ROW.names or (), self.rows[place].item(), strict=True))
        matrix, region = self.rows["matrix"][place], self.rows["region"][place]
        values["relation"] = _RELATIONS[values["relation"]]
        values["matrix"] = None if np.isnan(matrix).any() else tuple(map(tuple, matrix.tolist()))
        values["region"] = None if np.isnan(region).any() else tuple(region.tolist())
        return Verdict(**values)

    def take(self, places: NDArray[Any]) -> "Verdicts":
        """Some of them, by place or by mask."""
        return Verdicts(self.rows[places])

    def among(self, relations: Sequence[Relation]) -> NDArray[np.bool_]:
        """Which have one of some relations, of shape (n,)."""
        codes = [_RELATIONS.index(relation) for relation in relations]
        return np.isin(self.rows["relation"], codes)
