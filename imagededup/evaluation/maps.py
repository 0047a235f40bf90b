"""Reading and checking the maps of duplicates that users give."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from imagededup.errors import InvalidTypeError
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import Indices, Relation
from imagededup.evaluation.scores import read_scores

__all__ = ["AnyMap", "list_first", "read_ground_truth", "read_retrieved"]

AnyMap = Mapping[str, Any]
"""Names with the names of their duplicates, or with tuples of name and score."""

_MOST_NAMED = 5


def read_ground_truth(mapping: AnyMap, name: str = "ground_truth_map") -> Relation:
    """The relation of a ground truth, in the order of the names; scores are not read.

    Args:
        mapping: For every image all its duplicates, in both directions, as lists, tuples or sets.
        name: What the argument is called in errors.

    Raises:
        InvalidTypeError: Not a map of names to names, or to tuples of name and score.
        InvalidMapError: The map is empty, a value is not a key, an image is given for itself, or a
            duplicate lacks its opposite direction.
    """
    names = _check_keys(name, mapping, (list, tuple, set, frozenset))
    query, found, _ = _flatten(name, mapping, names)
    item = _number(name, found, names)
    _check_loops(name, names, query, item)
    keys = np.unique(query * len(names) + item)
    relation = Relation(names, keys // len(names), keys % len(names))
    _check_symmetry(name, relation)
    return relation


def read_retrieved(
    mapping: AnyMap,
    names: list[str],
    score_name: ScoreName = ScoreName.AUTO,
    name: str = "retrieved_map",
) -> Relation:
    """The relation of a retrieved map, in the order of the ranks.

    The ranks are those of the scores where there are any, equals as they stand in the list. Of a
    name that is repeated for an image the best place counts. One direction may lack the other.

    Args:
        mapping: For every image a list or tuple of what was retrieved.
        names: The keys of the ground truth, sorted.
        score_name: What the scores are.
        name: What the argument is called in errors.

    Raises:
        InvalidTypeError: Not a map of names to names, or to tuples of name and score.
        InvalidMapError: The keys are others than `names`, a value is not a key, an image is given
            for itself, or the scores cannot be ranked.
    """
    own = _check_keys(name, mapping, (list, tuple))
    _check_same_keys(name, own, names)
    query, found, given = _flatten(name, mapping, names)
    item = _number(name, found, names)
    _check_loops(name, names, query, item)
    scores = None if given is None else read_scores(name, given, score_name)
    order = np.arange(len(query)) if scores is None else np.lexsort((scores.cost, query))
    _, first = np.unique((query * len(names) + item)[order], return_index=True)
    rows = order[np.sort(first)]
    return Relation(names, query[rows], item[rows], None if scores is None else scores[rows])


def list_first(offenders: Iterable[str]) -> str:
    """How many there are, and the first few.

    Examples:
        >>> list_first(["'a.jpg'", "'b.jpg'"])
        "2, first 'a.jpg', 'b.jpg'"
    """
    listed = list(offenders)
    more = ", ..." if len(listed) > _MOST_NAMED else ""
    return f"{len(listed)}, first {', '.join(listed[:_MOST_NAMED])}{more}"


def _check_keys(name: str, mapping: object, kinds: tuple[type, ...]) -> list[str]:
    """The keys, sorted, of a map whose values are of some kinds."""
    if not isinstance(mapping, Mapping):
        raise InvalidTypeError(f"{name} must be a dictionary, got {type(mapping).__name__}")
    if not mapping:
        raise InvalidMapError(f"{name} must hold at least one image, got an empty dictionary")
    for kind in set(map(type, mapping)):
        if not issubclass(kind, str):
            raise InvalidTypeError(f"the keys of {name} must be str, got {kind.__name__}")
    for kind in set(map(type, mapping.values())):
        if not issubclass(kind, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            key = next(key for key, value in mapping.items() if type(value) is kind)
            raise InvalidTypeError(
                f"the values of {name} must be of type {wanted}, got {kind.__name__} for {key!r}"
            )
    return sorted(mapping)


def _check_same_keys(name: str, own: list[str], names: list[str]) -> None:
    if own == names:
        return
    missing, additional = set(names).difference(own), set(own).difference(names)
    parts = []
    if missing:
        parts.append(f"lacks {list_first(map(repr, sorted(missing)))}")
    if additional:
        parts.append(f"has others: {list_first(map(repr, sorted(additional)))}")
    raise InvalidMapError(
        f"{name} must have the same keys as ground_truth_map; it {' and '.join(parts)}"
    )


def _flatten(
    name: str, mapping: AnyMap, names: list[str]
) -> tuple[Indices, list[str], list[Any] | None]:
    """The entries of all images one after the other: number of the image, name, and score."""
    values = [mapping[key] for key in names]
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    query = np.repeat(np.arange(len(values), dtype=np.int64), lengths)
    entries = list(chain.from_iterable(values))
    kinds = sorted(set(map(type, entries)), key=lambda kind: kind.__name__)
    if all(issubclass(kind, str) for kind in kinds):
        return query, entries, None
    if not all(issubclass(kind, tuple | list) for kind in kinds):
        got = " and ".join(kind.__name__ for kind in kinds)
        raise InvalidTypeError(
            f"{name} must hold either names or tuples of name and score, got entries of type {got}"
        )
    return query, *_split(name, entries)


def _split(name: str, entries: Sequence[Sequence[Any]]) -> tuple[list[str], list[Any]]:
    """Names and scores of entries."""
    if set(map(len, entries)) != {2}:
        wrong = next(entry for entry in entries if len(entry) != 2)
        raise InvalidTypeError(f"{name} must hold tuples of name and score, got {wrong!r}")
    found = [entry[0] for entry in entries]
    if not all(issubclass(kind, str) for kind in set(map(type, found))):
        wrong = next(entry for entry in entries if not isinstance(entry[0], str))
        raise InvalidTypeError(f"{name} must hold tuples of name and score, got {wrong!r}")
    return found, [entry[1] for entry in entries]


def _number(name: str, found: list[str], names: list[str]) -> Indices:
    """The numbers of names."""
    numbers = dict(zip(names, range(len(names)), strict=True))
    item = np.fromiter((numbers.get(one, -1) for one in found), np.int64, len(found))
    unknown = np.flatnonzero(item < 0)
    if len(unknown):
        listed = sorted({found[row] for row in unknown.tolist()})
        raise InvalidMapError(
            f"all values of {name} must be keys as well; values that are no key: "
            f"{list_first(map(repr, listed))}"
        )
    return item


def _check_loops(name: str, names: list[str], query: Indices, item: Indices) -> None:
    loops = np.unique(query[query == item]).tolist()
    if loops:
        listed = list_first(repr(names[loop]) for loop in loops)
        raise InvalidMapError(
            f"{name} must not give an image as a duplicate of itself; images that are: {listed}"
        )


def _check_symmetry(name: str, relation: Relation) -> None:
    names, size = relation.names, len(relation.names)
    lonely = np.setdiff1d(relation.keys, relation.item * size + relation.query).tolist()
    if lonely:
        listed = list_first(f"{names[key // size]!r} -> {names[key % size]!r}" for key in lonely)
        raise InvalidMapError(
            f"{name} must be symmetric; duplicates that lack the opposite direction: {listed}"
        )
