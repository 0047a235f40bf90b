"""The trained linear head: its parameters and the layout of the descriptor it gives.

A descriptor has 1024 numbers: `[p, b, w * r, w * b]`, normalised, with `p` the unit vector of 575
outputs, `r` that of another 447, and the constants `b` and `w`. The first 576 numbers, normalised,
are `[p, b] / sqrt(1 + b^2)`. In both lengths the constant `b` turns a cosine `x` without it into
`(x + b^2) / (1 + b^2)`: the order of pairs stays, and the documented thresholds fit.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

FULL_SIZE = 1024
SHORT_SIZE = 576
CONSTANT_PLACES = [SHORT_SIZE - 1, FULL_SIZE - 1]
CLIP = 6.0

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Head:
    """A linear map of standardised features.

    Attributes:
        mean: float32 (n,), subtracted from the features.
        deviation: float32 (n,), dividing them afterwards.
        weight: float32 (1024, n); the rows 575 and 1023 are zero, where the constants go.
        rest_weight: The length `w` of the second part, where the first has 1.
        offset: The constant `b`.
    """

    mean: Array
    deviation: Array
    weight: Array
    rest_weight: float
    offset: float

    @property
    def step(self) -> float:
        """The step in which standardised features are quantized, clipped at 6 deviations."""
        return CLIP / 127

    def calibration(self) -> tuple[Array, Array]:
        """Return the factors and the summands, float32 (1024,), that finish a descriptor."""
        gains = np.ones(FULL_SIZE)
        gains[SHORT_SIZE:] = self.rest_weight
        gains /= np.sqrt((1 + self.rest_weight**2) * (1 + self.offset**2))
        offsets = np.zeros(FULL_SIZE)
        offsets[CONSTANT_PLACES] = gains[CONSTANT_PLACES] * self.offset
        return gains.astype(np.float32), offsets.astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the head to a file."""
        np.savez(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head that `save` has written."""
        with np.load(path) as stored:
            return cls(
                mean=stored["mean"],
                deviation=stored["deviation"],
                weight=stored["weight"],
                rest_weight=float(stored["rest_weight"]),
                offset=float(stored["offset"]),
            )
