"""Which pictures a step of the training compares with each other."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def draw_pictures(
    step: int, members: Sequence[Array], batch: int, kinds: int, random: np.random.Generator
) -> Array:
    """Return different pictures of all kinds, or at odd steps of a few.

    Args:
        step: Number of the step.
        members: The numbers of the pictures of each kind.
        batch: Pictures to draw at most.
        kinds: Kinds to draw from at odd steps; 0 draws from all at every step.
        random: Source of randomness.
    """
    if kinds and step % 2:
        chosen = random.permutation(len(members))[:kinds]
        members = [random.permutation(members[kind]) for kind in chosen]
        return np.concatenate(members)[:batch]
    everything = np.concatenate(members)
    size = min(batch, len(everything))
    return everything[random.choice(len(everything), size, replace=False)]
