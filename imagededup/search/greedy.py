"""The greedy walk that decides which of the matching items stay, in compiled code."""

import numpy as np
from numpy.typing import NDArray

from imagededup.utils.jit import compiled

__all__ = ["independent_groups"]


@compiled
def independent_groups(
    walk: NDArray[np.int64], start: NDArray[np.int64], linked: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each group of a walk is kept: it is unless one kept before is linked to it.

    Args:
        walk: Groups in the order of the walk, each once.
        start: Group g is linked to the groups `linked[start[g] : start[g + 1]]`.
        linked: Groups, one entry a link.
    """
    kept = np.zeros(len(walk), np.bool_)
    excluded = np.zeros(len(start) - 1, np.bool_)
    for place in range(len(walk)):
        group = walk[place]
        if not excluded[group]:
            kept[place] = True
            for link in range(start[group], start[group + 1]):
                excluded[linked[link]] = True
    return kept
