"""The duplicates of a result as groups and pairs to look at."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imagededup.methods.on_pages import group_section, pair_section
from imagededup.methods.results import Duplicates
from imagededup.methods.verified import with_relations
from imagededup.pages import PageSection
from imagededup.search.matches import Matches, Pairs
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdicts

__all__ = ["duplicate_sections"]

_ALIKE = (Relation.IDENTICAL, Relation.COPY)
_NEAR = tuple(relation for relation in Relation if relation not in _ALIKE)
_NEAR_TEXT = "One image is a part or a variant of the other; of two groups of copies the best pair."


def duplicate_sections(found: Duplicates, most: int) -> Sequence[PageSection]:
    """The groups of a result, largest first.

    Of verified ones the groups are identical images and copies; pairs of which one image is a part
    or a variant of the other follow, best first. With a reference collection all are pairs.

    Args:
        found: The result.
        most: How many groups or pairs a section has at most; its text says how many there are.
    """
    if found.reference_names is not None:
        return [pair_section(found, most, "Duplicates in the other collection")]
    if found.verdicts is None:
        return [group_section(found, most, "Duplicates")]
    matches, verdicts = with_relations(found.matches, found.verdicts, _ALIKE)
    alike = replace(found, matches=matches, verdicts=verdicts)
    near = pair_section(_near(found, found.verdicts, alike), most, "Near duplicates")
    text = f"{_NEAR_TEXT} {near.text}".rstrip()
    return [group_section(alike, most, "Duplicates"), replace(near, text=text)]


def _near(found: Duplicates, verdicts: Verdicts, alike: Duplicates) -> Duplicates:
    """The pairs that are neither identical nor copies, the best one of any two groups of copies."""
    every, groups = found.matches.pairs, found.matches.groups
    codes, first = np.unique(groups, return_index=True)
    apart = np.arange(len(groups)) + len(codes)  # no image but the first has its code any more
    apart[first] = codes
    pairs = np.flatnonzero(verdicts.among(_NEAR))
    pairs = pairs[np.argsort(-every.score[pairs], kind="stable")]
    component = alike.matches.components()
    of_pair = [
        component[first[np.searchsorted(codes, side[pairs])]] for side in (every.left, every.right)
    ]
    best = np.unique(np.sort(of_pair, axis=0), axis=1, return_index=True)[1]
    pairs = np.sort(pairs[best])
    chosen = Pairs(every.left[pairs], every.right[pairs], every.score[pairs])
    matches = Matches(apart, None, chosen, 1.0, descending=True)
    matches, verdicts = with_relations(matches, verdicts.take(pairs), _NEAR)
    return replace(found, matches=matches, verdicts=verdicts)
