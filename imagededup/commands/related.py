"""The duplicates of an image as the commands show them: with the score, verified with relation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imagededup.methods.results import Cluster, Duplicates
    from imagededup.search.matches import Pairs

__all__ = [
    "Related",
    "duplicates_of_each",
    "links_to_representatives",
    "links_to_the_best",
    "relation_counts",
]


@dataclass(frozen=True, slots=True)
class Related:
    """A duplicate of another image.

    Attributes:
        name: The duplicate.
        score: The score of the two; None where others only link them.
        relation: How the two are related; None where the codes alone decided.
        is_whole: Whether the other image is a part of this one.
    """

    name: str
    score: float | None
    relation: str | None = None
    is_whole: bool = False

    @property
    def word(self) -> str | None:
        """The relation as it is printed: of the two sides of `part`, the larger is `whole`."""
        return "whole" if self.is_whole else self.relation


def duplicates_of_each(found: "Duplicates") -> Iterator[tuple[str, list[Related]]]:
    """Every image with its duplicates, best first, as `entries` gives them."""
    if found.verdicts is None:
        for name, duplicates in found.entries(scores=True):
            yield name, [Related(other, score) for other, score in duplicates]
        return
    relations = chain.from_iterable(
        _relations(found, block.left, block.right) for block in found.matches.pair_blocks()
    )
    for name, duplicates in found.entries(scores=True):
        yield (
            name,
            [
                Related(other, score, relation, is_whole=is_part)
                for (other, score), (relation, is_part, _) in zip(
                    duplicates, relations, strict=False
                )
            ],
        )


def links_to_representatives(
    found: "Duplicates", clusters: "Sequence[Cluster]"
) -> dict[str, Related]:
    """The members of clusters that match their representative directly, by name."""
    import numpy as np

    place = {name: item for item, name in enumerate(found.names)}
    targets = np.array(sorted(place[cluster.representative] for cluster in clusters), np.int64)
    members = np.array([place[name] for c in clusters for name in c.members], np.int64)
    best = found.matches.best_links(np.setdiff1d(members, targets), targets)
    return {member.name: member for member in _seen_from_targets(found, best)}


def links_to_the_best(found: "Duplicates") -> Iterator[tuple[str, Related]]:
    """Images that have a duplicate in the reference collection, each behind the best of them."""
    import numpy as np

    references = found.reference_names or []
    matched = np.flatnonzero(found.matches.has_match())
    best = found.matches.best_links(matched, np.arange(len(references)))
    names = (references[target] for target in best.right.tolist())
    return zip(names, _seen_from_targets(found, best), strict=True)


def relation_counts(found: "Duplicates") -> dict[str, int]:
    """How many pairs have each relation that occurs; empty where the codes alone decided."""
    if found.verdicts is None:
        return {}
    from imagededup.methods.verified import VerdictTable

    counts = VerdictTable(found.matches, found.verdicts).counts()
    return {relation.value: count for relation, count in counts.items()}


def _seen_from_targets(found: "Duplicates", links: "Pairs") -> Iterator[Related]:
    """The items of links, as duplicates of their targets."""
    related = _relations(found, links.left, links.right)
    for item, score, (relation, _, is_whole) in zip(
        links.left.tolist(), links.score.tolist(), related, strict=True
    ):
        yield Related(found.names[item], score, relation, is_whole)


def _relations(
    found: "Duplicates", left: "NDArray[Any]", right: "NDArray[Any]"
) -> Iterator[tuple[str | None, bool, bool]]:
    """How items are related; whether the left one is a part of the right one; and the reverse."""
    if found.verdicts is None:
        return iter([(None, False, False)] * len(left))
    from imagededup.methods.verified import VerdictTable
    from imagededup.verification.relation import Relation

    details = VerdictTable(found.matches, found.verdicts).details(left, right)
    relation = details["relation"]
    of_left, of_right = details["image_covered"], details["duplicate_covered"]
    is_part = relation == Relation.PART.value
    columns = relation, is_part & (of_left > of_right), is_part & (of_left < of_right)
    return zip(*(column.tolist() for column in columns), strict=True)
