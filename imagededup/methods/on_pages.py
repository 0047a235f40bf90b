"""What a search found as sections of a page, its groups and its pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagededup.pages.items import (
    FactSection,
    GroupSection,
    MayGo,
    PagePicture,
    PageSection,
    PairSection,
    PictureGroup,
    PictureLink,
    PicturePair,
    TableSection,
)
from imagededup.search.matches import Matches, Pairs, concatenate
from imagededup.sources.folders import ImageFolder
from imagededup.verification.relation import REMOVABLE, Relation
from imagededup.verification.verdict import Verdict

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates

__all__ = ["group_section", "pair_section", "picture_of", "result_sections", "result_title"]

_MOST_MEMBERS = 300
"""How many pictures of a group are shown: their links grow with the square."""

_SMALLEST_TURN = 1.0  # degrees
_SMALLEST_SCALING = 0.01

Indices = NDArray[np.int64]


def result_title(found: "Duplicates") -> str:
    """What a page of a result is called: after the folders."""
    if found.folder is None:
        return "Duplicates"
    others = found.reference_folder
    against = "" if others is None else f" that {_named(others)} has"
    return f"Duplicates in {_named(found.folder)}{against}"


def result_sections(found: "Duplicates", most: int) -> list[PageSection]:
    """A summary, the groups of one collection, the pairs, and the files that could not be read.

    Args:
        found: The result.
        most: How many groups, and how many pairs; what is left out is counted.
    """
    sections: list[PageSection] = [FactSection("Summary", list(_facts(found)))]
    if found.failures:
        rows = [(failure.name, failure.reason) for failure in found.failures]
        sections.append(TableSection("Files that could not be read", ("file", "reason"), rows))
    if found.reference_names is None:
        sections.append(group_section(found, most))
    return [*sections, pair_section(found, most)]


def group_section(found: "Duplicates", most: int, title: str = "Groups") -> GroupSection:
    """The groups of one collection, largest first, equals by name.

    Args:
        found: The result.
        most: How many groups; the text of the section counts what is left out.
        title: Its heading.
    """
    components = _Components.of(found)
    count = len(components.numbers)
    groups = [components.group(found, number) for number in components.numbers[:most].tolist()]
    text = f"The {most:,} largest of {count:,} groups." if count > most else ""
    return GroupSection(title, groups, text, found.score_name)


def pair_section(found: "Duplicates", most: int, title: str = "Pairs") -> PairSection:
    """The pairs, best first, then by name.

    Where there are more than `most`, images with equal codes are only paired with their first.

    Args:
        found: The result.
        most: How many pairs; the text of the section counts what is left out.
        title: Its heading.
    """
    total = found.pair_count
    if total > most:
        pairs = _fewer_pairs(found.matches)
    else:
        blocks = list(found.matches.pair_blocks(both_directions=False))
        pairs = concatenate(blocks, found.matches.pairs.score.dtype)
    sign = -1 if found.matches.descending else 1
    order = np.lexsort((pairs.right, pairs.left, sign * pairs.score))[:most]
    rows = zip(*(c[order].tolist() for c in (pairs.left, pairs.right, pairs.score)), strict=True)
    text = f"The best {len(order):,} of {total:,} pairs." if len(order) < total else ""
    return PairSection(title, [_pair(found, *row) for row in rows], text, found.score_name)


def picture_of(folder: ImageFolder | None, name: str, stays: bool = False) -> PagePicture:
    """A picture of a folder, with what its file was like when it was listed.

    One that is no file of its own cannot be marked to go.
    """
    if folder is None:
        return PagePicture(name, stays=stays)
    if not folder.is_file(name):
        return PagePicture(name, folder.root, stays=True)
    return PagePicture(name, folder.root, folder.state(name), stays)


def judged(verdict: Verdict | None) -> tuple[str, MayGo]:
    """A relation, and which picture may go by a rule: of a part and its whole the part."""
    if verdict is None:
        return "", MayGo.EITHER
    if verdict.relation is Relation.PART:
        return verdict.relation.value, MayGo.LEFT if verdict.left_is_part else MayGo.RIGHT
    may_go = MayGo.EITHER if verdict.relation in REMOVABLE else MayGo.NEITHER
    return verdict.relation.value, may_go


def _named(folder: ImageFolder) -> str:
    return str(folder) if folder.places else folder.root.name or str(folder)


def _facts(found: "Duplicates") -> Iterator[tuple[str, str]]:
    yield f"{len(found.names):,}", "images"
    if found.reference_names is None:
        yield f"{len(found):,}", "groups of duplicates"
    else:
        yield f"{len(found.reference_names):,}", "images of the other collection"
        yield f"{len(found):,}", "images with a duplicate there"
    yield f"{found.pair_count:,}", "pairs"
    yield f"{len(found.to_remove()):,}", "can be removed"
    if found.failures:
        yield f"{len(found.failures):,}", "could not be read"


def _pair(found: "Duplicates", left: int, right: int, score: float) -> PicturePair:
    across = found.reference_names is not None
    name, other = found.names[left], (found.reference_names or found.names)[right]
    verdict = found.verdict(name, other)
    relation, may_go = judged(verdict)
    return PicturePair(
        picture_of(found.folder, name),
        picture_of(found.reference_folder if across else found.folder, other, stays=across),
        score,
        relation,
        "" if verdict is None else ", ".join(_details(verdict)),
        may_go,
        None if verdict is None else verdict.matrix,
        None if verdict is None else verdict.region,
    )


def _details(verdict: Verdict) -> Iterator[str]:
    """What else is to be said of a pair, from the left picture to the right one."""
    if verdict.mirrored:
        yield "mirrored"
    if abs(verdict.rotation) >= _SMALLEST_TURN:
        yield f"turned by {abs(verdict.rotation):.0f}°"
    if verdict.scale and abs(verdict.scale - 1) >= _SMALLEST_SCALING:
        yield f"scaled to {verdict.scale:.0%}".replace("%", " %")
    if verdict.relation is Relation.PART:
        side, share = ("left", verdict.right_covered)
        if verdict.right_is_part:
            side, share = ("right", verdict.left_covered)
        yield f"the {side} one is {share:.0%} of the other".replace("%", " %")
    if verdict.relation is Relation.VARIANT:
        yield f"{verdict.differing:.1%} differs".replace("%", " %")


def _fewer_pairs(matches: Matches) -> Pairs:
    """A pair for each pair of groups, of their first items, and the first of a group with the rest.

    With a reference collection the rest is that of the items, and the first that of the references.
    """
    across = matches.reference_groups is not None
    targets = matches.groups if matches.reference_groups is None else matches.reference_groups
    first, target = _first_items(matches.groups), _first_items(targets)
    items = np.arange(len(matches.groups))
    own = np.full(len(items), -1) if len(target) == 0 else _at(target, matches.groups)
    with_first = (own >= 0) if across else (own >= 0) & (own != items)
    ends = (items, own) if across else (own, items)
    equal = Pairs(
        ends[0][with_first],
        ends[1][with_first],
        np.full(int(with_first.sum()), matches.identical, matches.pairs.score.dtype),
    )
    left, right = _at(first, matches.pairs.left), _at(target, matches.pairs.right)
    if not across:
        left, right = np.minimum(left, right), np.maximum(left, right)
    return concatenate([equal, Pairs(left, right, matches.pairs.score)], matches.pairs.score.dtype)


def _first_items(groups: Indices) -> Indices:
    """The first item of every group; -1 where it has none."""
    first = np.full(int(groups.max(initial=-1)) + 1, -1)
    first[groups[::-1]] = np.arange(len(groups))[::-1]
    return first


def _at(first: Indices, groups: Indices) -> Indices:
    """The first items of some groups; -1 for a group that has none."""
    known = groups < len(first)
    return np.where(known, first[np.where(known, groups, 0)], -1)


@dataclass(frozen=True, slots=True)
class _Components:
    """The connected components of a result.

    Attributes:
        numbers: Those of two items or more, largest first, equals by the first name.
        items: All items by component, ascending within it.
        item_start: Where the items of a component begin, and where the last one ends.
        pairs: All pairs of groups by component.
        pair_start: The same of the pairs.
    """

    numbers: Indices
    items: Indices
    item_start: Indices
    pairs: Indices
    pair_start: Indices

    @classmethod
    def of(cls, found: "Duplicates") -> "_Components":
        matches = found.matches
        of_item = matches.components()
        count = int(of_item.max(initial=-1)) + 1
        of_group = np.zeros(int(matches.groups.max(initial=-1)) + 1, np.int64)
        of_group[matches.groups] = of_item
        of_pair = of_group[matches.pairs.left]
        sizes, pairs = (np.bincount(some, minlength=count) for some in (of_item, of_pair))
        chosen = np.flatnonzero(sizes > 1)
        items = np.argsort(of_item, kind="stable")
        item_start = np.concatenate([[0], np.cumsum(sizes)])
        first = items[item_start[chosen]]
        return cls(
            chosen[np.lexsort((first, -sizes[chosen]))],
            items,
            item_start,
            np.argsort(of_pair, kind="stable"),
            np.concatenate([[0], np.cumsum(pairs)]),
        )

    def group(self, found: "Duplicates", number: int) -> PictureGroup:
        """A component as a group of pictures."""
        items = self.items[self.item_start[number] : self.item_start[number + 1]]
        shown = items[:_MOST_MEMBERS]
        codes = found.matches.groups[shown]
        pairs = self.pairs[self.pair_start[number] : self.pair_start[number + 1]]
        return PictureGroup(
            [picture_of(found.folder, found.names[item]) for item in shown.tolist()],
            _links(found, pairs, codes),
            np.unique(codes, return_inverse=True)[1].tolist(),
            float(found.matches.identical) if found.matches.descending else 0,
            "" if found.verdicts is None else Relation.IDENTICAL.value,
            left_out=len(items) - len(shown),
        )


def _links(found: "Duplicates", pairs: Indices, codes: Indices) -> Sequence[PictureLink]:
    """Pairs of codes as links between the first pictures that have them."""
    shown, place = np.unique(codes, return_index=True)
    every = found.matches.pairs
    chosen = pairs[np.isin(every.left[pairs], shown) & np.isin(every.right[pairs], shown)]
    left, right = (
        place[np.searchsorted(shown, side[chosen])] for side in (every.left, every.right)
    )
    columns = left.tolist(), right.tolist(), every.score[chosen].tolist(), chosen.tolist()
    return [
        PictureLink(
            one, other, score, *judged(None if found.verdicts is None else found.verdicts[pair])
        )
        for one, other, score, pair in zip(*columns, strict=True)
    ]
