"""The duplicates of a result as groups and pairs to look at."""

from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from imagededup.images.folders import ImageFolder
from imagededup.methods.results import Duplicates
from imagededup.methods.verified import with_relations
from imagededup.pages import (
    GroupSection,
    MayGo,
    PagePicture,
    PairSection,
    PictureGroup,
    PictureLink,
    PicturePair,
)
from imagededup.utils.text import counted
from imagededup.verification.relation import REMOVABLE, Relation
from imagededup.verification.verdict import Verdict, Verdicts

__all__ = ["duplicate_sections", "picture_of"]

_MOST_PICTURES = 200
"""How many pictures of a group are shown."""

_ALIKE = (Relation.IDENTICAL, Relation.COPY)
_NEAR = tuple(relation for relation in Relation if relation not in _ALIKE)

Indices = NDArray[np.int64]


def duplicate_sections(found: Duplicates, most: int) -> list[GroupSection | PairSection]:
    """The groups of a result, largest first.

    Of verified ones the groups are identical images and copies; pairs of which one image is a part
    or a variant of the other follow, best first. With a reference collection a group is an image
    with its duplicates there.

    Args:
        found: The result.
        most: How many groups or pairs a section has at most; its text says how many there are.
    """
    if found.reference_names is not None:
        return [_against(found, most)]
    if found.verdicts is None:
        return [_section("Duplicates", found, most)]
    matches, verdicts = with_relations(found.matches, found.verdicts, _ALIKE)
    alike = replace(found, matches=matches, verdicts=verdicts)
    return [_section("Duplicates", alike, most), _near(found, found.verdicts, alike, most)]


def picture_of(folder: ImageFolder | None, name: str, stays: bool = False) -> PagePicture:
    """A picture of a folder, with what its file was like when it was listed."""
    if folder is None:
        return PagePicture(name, stays=stays)
    return PagePicture(name, folder.root, folder.state(name), stays)


def _section(title: str, found: Duplicates, most: int) -> GroupSection:
    components = _Components.of(found)
    numbers = components.numbers[:most].tolist()
    groups = [components.group(found, number) for number in numbers]
    said = _said(len(components.numbers), "group", most)
    return GroupSection(title, groups, said, found.score_name)


def _near(found: Duplicates, verdicts: Verdicts, alike: Duplicates, most: int) -> PairSection:
    """Pairs that are neither identical nor copies, the best one of any two groups of copies."""
    every = found.matches.pairs
    codes, first = np.unique(found.matches.groups, return_index=True)
    pairs = np.flatnonzero(verdicts.among(_NEAR))
    pairs = pairs[np.argsort(-every.score[pairs], kind="stable")]
    of_item = alike.matches.components()
    two = np.sort(
        [of_item[first[np.searchsorted(codes, side[pairs])]] for side in (every.left, every.right)],
        axis=0,
    )
    pairs = pairs[np.sort(np.unique(two, axis=1, return_index=True)[1])]
    left, right = (
        first[np.searchsorted(codes, side[pairs[:most]])] for side in (every.left, every.right)
    )
    shown = [
        _pair(found, verdicts[pair], one, other)
        for pair, one, other in zip(pairs.tolist(), left.tolist(), right.tolist(), strict=False)
    ]
    text = (
        "Pairs of which one image is a part or a variant of the other, best first; of two groups "
        f"of copies the best pair. {_said(len(pairs), 'pair', most)}"
    )
    return PairSection("Near duplicates", shown, text, found.score_name)


def _pair(found: Duplicates, verdict: Verdict, left: int, right: int) -> PicturePair:
    relation, may_go = _judged(verdict)
    return PicturePair(
        picture_of(found.folder, found.names[left]),
        picture_of(found.folder, found.names[right]),
        verdict.score,
        relation,
        may_go=may_go,
        matrix=verdict.matrix,
        region=verdict.region,
    )


def _said(count: int, noun: str, most: int) -> str:
    shown = f", of which the first {most:,} are shown" if count > most else ""
    return f"{counted(count, noun)}{shown}."


@dataclass(frozen=True, slots=True)
class _Components:
    """The connected components of a result.

    Attributes:
        numbers: Those to show, largest first, equals by the first name.
        items: All items by component, ascending within it.
        item_start: Where the items of a component begin, and where the last one ends.
        pairs: All pairs by component.
        pair_start: The same of the pairs.
    """

    numbers: Indices
    items: Indices
    item_start: Indices
    pairs: Indices
    pair_start: Indices

    @classmethod
    def of(cls, found: Duplicates) -> "_Components":
        """The components of two items or more."""
        matches = found.matches
        of_item = matches.components()
        count = int(of_item.max(initial=-1)) + 1
        of_group = np.zeros(int(matches.groups.max(initial=-1)) + 1, np.int64)
        of_group[matches.groups] = of_item
        of_pair = of_group[matches.pairs.left]
        sizes, pairs = (np.bincount(some, minlength=count) for some in (of_item, of_pair))
        first = np.unique(of_item, return_index=True)[1]
        order = np.lexsort((first, -sizes))
        return cls(
            order[sizes[order] > 1],
            np.argsort(of_item, kind="stable"),
            np.concatenate([[0], np.cumsum(sizes)]),
            np.argsort(of_pair, kind="stable"),
            np.concatenate([[0], np.cumsum(pairs)]),
        )

    def group(self, found: Duplicates, number: int) -> PictureGroup:
        """A component as a group of pictures."""
        items = self.items[self.item_start[number] : self.item_start[number + 1]]
        shown = items[:_MOST_PICTURES]
        codes = found.matches.groups[shown]
        names = [found.names[item] for item in shown.tolist()]
        pairs = self.pairs[self.pair_start[number] : self.pair_start[number + 1]]
        return PictureGroup(
            [picture_of(found.folder, name) for name in names],
            _links(found, pairs, codes),
            np.unique(codes, return_inverse=True)[1].tolist(),
            float(found.matches.identical),
            left_out=len(items) - len(shown),
        )


def _links(found: Duplicates, pairs: Indices, codes: Indices) -> list[PictureLink]:
    """Pairs of codes as links between the first pictures that have them."""
    shown, place = np.unique(codes, return_index=True)
    every = found.matches.pairs
    both = np.isin(every.left[pairs], shown) & np.isin(every.right[pairs], shown)
    chosen = pairs[both]
    left, right = (
        place[np.searchsorted(shown, side[chosen])] for side in (every.left, every.right)
    )
    return [
        PictureLink(one, other, score, *_relation(found, pair))
        for one, other, score, pair in zip(
            left.tolist(),
            right.tolist(),
            every.score[chosen].tolist(),
            chosen.tolist(),
            strict=True,
        )
    ]


def _relation(found: Duplicates, pair: int) -> tuple[str, MayGo]:
    """How the codes of a pair are related, and which one may go."""
    return _judged(None if found.verdicts is None else found.verdicts[pair])


def _judged(verdict: Verdict | None) -> tuple[str, MayGo]:
    """The relation, and which picture may go: of a part and its whole the part."""
    if verdict is None:
        return "", MayGo.EITHER
    if verdict.relation is Relation.PART:
        is_left = verdict.left_covered > verdict.right_covered
        return verdict.relation.value, MayGo.LEFT if is_left else MayGo.RIGHT
    may_go = MayGo.EITHER if verdict.relation in REMOVABLE else MayGo.NEITHER
    return verdict.relation.value, may_go


def _against(found: Duplicates, most: int) -> GroupSection:
    """Images with their duplicates in the reference collection, which all stay."""
    entries = ((name, others) for name, others in found.entries(scores=True) if others)
    groups = [_with_references(found, *entry) for entry in islice(entries, most)]
    said = _said(len(found), "group", most)
    return GroupSection("Duplicates in the other collection", groups, said, found.score_name)


def _with_references(found: Duplicates, name: str, others: list[tuple[str, float]]) -> PictureGroup:
    shown = others[: _MOST_PICTURES - 1]
    pictures = [picture_of(found.reference_folder, other, stays=True) for other, _ in shown]
    links = [
        PictureLink(0, place, score, *_judged(found.verdict(name, other)))
        for place, (other, score) in enumerate(shown, 1)
    ]
    return PictureGroup(
        [picture_of(found.folder, name), *pictures],
        links,
        title=name,
        left_out=len(others) - len(shown),
    )
