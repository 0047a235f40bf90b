"""From the maps of duplicates that users give to relations of numbered images.

The duplicates of an image are images of the same collection, or of a reference collection.
"""

from collections.abc import Iterable

import numpy as np

from imagededup.errors import InvalidValueError
from imagededup.evaluation.entries import (
    AnyMap,
    Entries,
    check_loops,
    list_first,
    number_names,
    read_entries,
    read_names,
)
from imagededup.evaluation.errors import InvalidMapError
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import DuplicateRelation, Indices, Scores
from imagededup.evaluation.scores import read_scores
from imagededup.methods.results import Duplicates
from imagededup.search.matches import concatenate

__all__ = [
    "AnyMap",
    "Retrieved",
    "is_of_two_collections",
    "read_ground_truth",
    "read_maps",
    "truth_entries",
]

Retrieved = AnyMap | Duplicates
"""A map of what was retrieved, or the result of `search`."""


def read_maps(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    score_name: ScoreName = ScoreName.AUTO,
    references: Iterable[str] | None = None,
) -> tuple[DuplicateRelation, DuplicateRelation]:
    """The relations of a ground truth and of what was retrieved for the same images.

    Args:
        ground_truth_map: For every image all its duplicates, as lists, tuples or sets; within one
            collection in both directions.
        retrieved_map: The same images with lists or tuples of what was retrieved.
        score_name: What the scores are.
        references: The names of the reference collection. By default those of a result of two
            collections; for maps of which no value is a key, all values.

    Raises:
        InvalidTypeError: Not maps of names to names, or to tuples of name and score.
        InvalidMapError: The maps do not go together or cannot be evaluated.
        InvalidValueError: `score_name` contradicts a result.
    """
    true = truth_entries(ground_truth_map)
    if isinstance(retrieved_map, Duplicates):
        others = _references_of(retrieved_map, true, references)
        truth = _truth(true, others)
        return truth, _result_relation(retrieved_map, truth, score_name)
    retrieved = read_entries("retrieved_map", retrieved_map, (list, tuple))
    if references is not None:
        others = read_names("references", references)
    elif is_of_two_collections(true) and set(retrieved.found).isdisjoint(true.names):
        others = sorted({*true.found, *retrieved.found})
    else:
        others = None
    truth = _truth(true, others)
    return truth, _map_relation(retrieved, truth, score_name)


def read_ground_truth(
    mapping: AnyMap, name: str = "ground_truth_map", references: list[str] | None = None
) -> DuplicateRelation:
    """The relation of a ground truth, in the order of the names; scores are not read.

    Args:
        mapping: As in `read_maps`.
        name: What the argument is called in errors.
        references: The names of the reference collection, sorted, where there is one.

    Raises:
        InvalidTypeError: Not a map of names to names, or to tuples of name and score.
        InvalidMapError: The map is empty, or a value is none of the names that it may be; within
            one collection an image is given for itself, or a duplicate lacks its opposite.
    """
    return _truth(truth_entries(mapping, name), references, name)


def truth_entries(mapping: AnyMap, name: str = "ground_truth_map") -> Entries:
    """The entries of a ground truth, which may be sets."""
    return read_entries(name, mapping, (list, tuple, set, frozenset))


def is_of_two_collections(truth: Entries) -> bool:
    """Whether a ground truth has values, and none of them is a key.

    Within one collection every value is a key.
    """
    return bool(truth.found) and set(truth.found).isdisjoint(truth.names)


def _truth(
    entries: Entries, references: list[str] | None, name: str = "ground_truth_map"
) -> DuplicateRelation:
    item = _number(name, entries, references)
    width = len(entries.names if references is None else references)
    keys = np.unique(entries.query * width + item)
    relation = DuplicateRelation(entries.names, keys // width, keys % width, references=references)
    if references is None:
        _check_symmetry(name, relation)
    return relation


def _map_relation(
    entries: Entries, truth: DuplicateRelation, score_name: ScoreName
) -> DuplicateRelation:
    """What was retrieved, in the order of the ranks.

    The ranks are those of the scores where there are any, equals as they stand in the list. Of a
    name that is repeated for an image the best place counts. One direction may lack the other.
    """
    name = "retrieved_map"
    _check_same_keys(name, entries.names, truth.names)
    item = _number(name, entries, truth.references)
    given, query = entries.scores, entries.query
    scores = None if given is None else read_scores(name, given, score_name)
    order = np.arange(len(query)) if scores is None else np.lexsort((scores.cost, query))
    _, first = np.unique((query * len(truth.items) + item)[order], return_index=True)
    rows = order[np.sort(first)]
    found_scores = None if scores is None else scores[rows]
    return DuplicateRelation(truth.names, query[rows], item[rows], found_scores, truth.references)


def _result_relation(
    found: Duplicates, truth: DuplicateRelation, score_name: ScoreName
) -> DuplicateRelation:
    """The same of a result, whose pairs come from the arrays; for unreadable images nothing."""
    if score_name not in (ScoreName.AUTO, found.score_name):
        raise InvalidValueError(
            f"score_name must be {found.score_name!r} for this result, got {score_name.value!r}"
        )
    _check_same_keys(
        "retrieved_map", _with_unreadable(found, found.names, truth.names), truth.names
    )
    others = found.names if found.reference_names is None else found.reference_names
    query = number_names("retrieved_map", found.names, truth.names, "keys")
    item = number_names("retrieved_map", others, truth.items, "references")
    kind = np.float64 if found.matches.descending else np.int64
    pairs = concatenate(list(found.matches.pair_blocks()), kind)
    scores = Scores(pairs.score.astype(kind), found.matches.descending)
    return DuplicateRelation(
        truth.names, query[pairs.left], item[pairs.right], scores, truth.references
    )


def _references_of(
    found: Duplicates, truth: Entries, references: Iterable[str] | None
) -> list[str] | None:
    if found.reference_names is None:
        if references is not None:
            raise InvalidValueError(
                "references must be None: retrieved_map is a result of one collection"
            )
        return None
    if references is not None:
        return read_names("references", references)
    return _with_unreadable(found, found.reference_names, truth.found)


def _with_unreadable(found: Duplicates, names: list[str], wanted: Iterable[str]) -> list[str]:
    """Names and, of the files that could not be read, those that are wanted, sorted."""
    unreadable = {failure.name for failure in found.failures}
    return sorted({*names, *unreadable.intersection(wanted)})


def _number(name: str, entries: Entries, references: list[str] | None) -> Indices:
    """The numbers of the names of the entries."""
    if references is not None:
        return number_names(name, entries.found, references, "references")
    item = number_names(name, entries.found, entries.names, "key")
    check_loops(name, entries, item)
    return item


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


def _check_symmetry(name: str, relation: DuplicateRelation) -> None:
    names, size = relation.names, len(relation.names)
    lonely = np.setdiff1d(relation.keys, relation.item * size + relation.query).tolist()
    if lonely:
        listed = list_first(f"{names[key // size]!r} -> {names[key % size]!r}" for key in lonely)
        raise InvalidMapError(
            f"{name} must be symmetric; duplicates that lack the opposite direction: {listed}"
        )
