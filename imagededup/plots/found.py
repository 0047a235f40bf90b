"""What a result of `search` says of single images, without all its pairs being made."""

import numpy as np
from numpy.typing import NDArray

from imagededup.methods.results import Duplicates
from imagededup.search.matches import Matches, Pairs

__all__ = ["duplicate_counts", "duplicates_of", "score_counts"]

Counts = NDArray[np.int64]


def duplicates_of(found: Duplicates, image: int) -> list[tuple[str, float]]:
    """The names of an image's duplicates with their scores, best first, then by name.

    Args:
        found: The result.
        image: The place of the image in the result's names.

    Examples:
        >>> from imagededup.methods import PHash
        >>> hashes = {"a": "00000000000000ff", "b": "000000000000007f", "c": "00000000000000ff"}
        >>> duplicates_of(PHash().search(encoding_map=hashes), 0)
        [('c', 0), ('b', 1)]
    """
    matches, names = found.matches, found.reference_names
    group = matches.groups[image : image + 1]
    links = matches.links()
    own = (links.left == group) & (links.right != group)
    pairs = Pairs(links.left[own], links.right[own], links.score[own])
    targets = matches.groups if matches.reference_groups is None else matches.reference_groups
    of_one = Matches(group, targets, pairs, matches.identical, matches.descending)
    (block,) = of_one.pair_blocks()
    columns = block.right.tolist(), block.score.tolist()
    return [
        ((found.names if names is None else names)[item], score)
        for item, score in zip(*columns, strict=True)
        if names is not None or item != image
    ]


def duplicate_counts(found: Duplicates) -> Counts:
    """How many duplicates every image has, of shape (n,)."""
    matches = found.matches
    within = matches.reference_groups is None
    sizes = _sizes(found, matches.groups if within else matches.reference_groups)
    links = matches.links()
    counts = np.bincount(links.left, sizes[links.right], len(sizes)).astype(np.int64)
    return counts[matches.groups] - int(within)


def score_counts(found: Duplicates) -> tuple[NDArray[np.float64], Counts]:
    """Scores, and how many pairs have each; a score may come several times.

    Within one collection every pair counts once.
    """
    matches = found.matches
    left = _sizes(found, matches.groups)
    if matches.reference_groups is None:
        right, identical = left, left * (left - 1) // 2
    else:
        right = _sizes(found, matches.reference_groups)
        identical = left * right
    pairs = matches.pairs
    scores = np.append(pairs.score.astype(np.float64), float(matches.identical))
    counts = np.append(left[pairs.left] * right[pairs.right], identical.sum())
    return scores[counts > 0], counts[counts > 0]


def _sizes(found: Duplicates, groups: Counts | None) -> Counts:
    """How many items each group of the result has, in one of its collections."""
    every = [found.matches.groups, found.matches.reference_groups]
    count = 1 + max(int(some.max(initial=-1)) for some in every if some is not None)
    return np.bincount([] if groups is None else groups, minlength=count).astype(np.int64)
