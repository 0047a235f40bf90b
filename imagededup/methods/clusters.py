"""Groups of duplicates with a representative."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imagededup.search.matches import connected_components

__all__ = ["Cluster", "clusters_of"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Images connected by being duplicates of each other, directly or through others.

    Attributes:
        representative: The image that is preferred among them.
        members: All names, the representative too, sorted.
    """

    representative: str
    members: tuple[str, ...]


def clusters_of(duplicate_map: Mapping[str, Sequence[Any]]) -> list[Cluster]:
    """Connected components of a dictionary of duplicates, for instance one that was stored.

    Args:
        duplicate_map: Names with the names of their duplicates, or with tuples of name and score.

    Returns:
        Clusters of two images or more, sorted by their first name, which represents them.

    Examples:
        >>> clusters_of({"a": ["b"], "b": ["a"], "c": []})
        [Cluster(representative='a', members=('a', 'b'))]
    """
    edges = [
        (name, entry[0] if isinstance(entry, tuple) else entry)
        for name, entries in duplicate_map.items()
        for entry in entries
    ]
    names = sorted({*duplicate_map, *(right for _, right in edges)})
    place = {name: item for item, name in enumerate(names)}
    left = np.array([place[name] for name, _ in edges], np.int64)
    right = np.array([place[name] for _, name in edges], np.int64)
    members: dict[int, list[str]] = {}
    components = connected_components(left, right, len(names)).tolist()
    for name, label in zip(names, components, strict=True):
        members.setdefault(label, []).append(name)
    return [Cluster(group[0], tuple(group)) for group in members.values() if len(group) > 1]
