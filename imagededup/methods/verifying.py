"""From codes that propose to pairs that are verified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidTypeError, InvalidValueError
from imagededup.methods.encoding import EncodedImages
from imagededup.methods.plain import join_plain
from imagededup.methods.search_options import SearchRequest
from imagededup.methods.verified import with_relations
from imagededup.search.matches import Matches, Pairs
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.utils.options import whole_number
from imagededup.utils.progress import Progress
from imagededup.verification.candidates import Nearest, candidate_pairs
from imagededup.verification.identical import identical_groups, members_of_several
from imagededup.verification.relation import (
    ACTED_ON,
    RELATED,
    REMOVABLE,
    Relation,
    check_relations,
)
from imagededup.verification.verdict import Verdicts

__all__ = ["VerificationPlan", "VerifiedMatches", "plan_verification", "verify_matches"]

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class VerificationPlan:
    """How a search verifies.

    Attributes:
        candidates: With how many images each image is verified at most.
        relations: Which relations count.
    """

    candidates: int
    relations: tuple[Relation, ...]


@dataclass(frozen=True, slots=True)
class VerifiedMatches:
    """What verification leaves of a search.

    Attributes:
        matches: Groups of images with equal pixels, and verified pairs of them.
        verdicts: One for each of the pairs.
        failures: Files that could not be read again.
    """

    matches: Matches
    verdicts: Verdicts
    failures: list[Failure]


def plan_verification(request: SearchRequest, removals_by_rule: bool) -> VerificationPlan | None:
    """How to verify what a search finds; None if it is not verified.

    Args:
        request: The arguments.
        removals_by_rule: Whether 'auto' means that lists of images to remove are verified.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An argument has a value that is not allowed.
    """
    candidates = whole_number(request.candidates)
    if candidates is None:
        raise InvalidTypeError(f"candidates must be an int, got {_described(request.candidates)}")
    if candidates < 1:
        raise InvalidValueError(f"candidates must be 1 or more, got {candidates}")
    relations: tuple[Relation, ...] = REMOVABLE if request.lists_removals else RELATED
    if request.relations is not None:
        allowed = ACTED_ON if request.lists_removals else tuple(Relation)
        relations = check_relations(request.relations, allowed)
    if _verifies(request, removals_by_rule):
        return VerificationPlan(candidates, relations)
    if request.relations is not None:
        raise InvalidValueError("relations are of verified pairs: they need verify=True")
    return None


def verify_matches(
    queries: EncodedImages,
    references: EncodedImages | None,
    groups: Indices,
    nearest: Nearest,
    plan: VerificationPlan,
    workers: int,
    verbose: bool,
) -> VerifiedMatches:
    """Verify the pairs that codes propose.

    Args:
        queries: The images.
        references: Those that they are compared with, where there are any.
        groups: The groups of equal codes, of the images with structure, then of such references.
        nearest: Proposes items; places of the same images.
        plan: How to verify.
        workers: Number of threads; the result does not depend on it.
        verbose: Whether to show progress.
    """
    from imagededup.verification.collection import verify_pairs  # loads cv2

    files = _Files.of(queries, references)
    border = len(files.rows[0])
    several = len(members_of_several(groups))
    with Progress(several, "Comparing", "images", verbose) as progress:
        groups = identical_groups(groups, files.path, workers, progress.advance)
    found = candidate_pairs(
        groups, None if references is None else border, plan.candidates, nearest
    )
    with Progress(len(found.left), "Verifying", "pairs", verbose) as progress:
        verified = verify_pairs(*found.items(), files.path, workers, progress.advance)
    score = verified.verdicts.rows["score"].astype(np.float32)
    every = join_plain(
        Matches(
            groups[:border],
            None if references is None else groups[border:],
            Pairs(found.left, found.right, score),
            1.0,
            descending=True,
        ),
        queries,
        references,
    )
    failed = np.any(np.isin(np.stack(found.items()), list(verified.failures)), axis=0)
    matches, verdicts = with_relations(every, verified.verdicts, plan.relations, ~failed)
    failures = [Failure(files.name(item), why) for item, why in sorted(verified.failures.items())]
    return VerifiedMatches(matches, verdicts, failures)


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of the images with structure: those of the queries, then of the references."""

    collections: Sequence[EncodedImages]
    folders: Sequence[ImageFolder]
    rows: Sequence[Indices]

    @classmethod
    def of(cls, queries: EncodedImages, references: EncodedImages | None) -> "_Files":
        collections = [queries] if references is None else [queries, references]
        folders = [images.folder for images in collections if images.folder is not None]
        return cls(collections, folders, [images.structured_rows() for images in collections])

    def name(self, item: int) -> str:
        """The name of an item."""
        place, row = self._found(item)
        return self.collections[place].names[row]

    def path(self, item: int) -> Path:
        """The file of an item."""
        return self.folders[self._found(item)[0]].path(self.name(item))

    def _found(self, item: int) -> tuple[int, int]:
        """The collection, and the row in it."""
        border = len(self.rows[0])
        place = 0 if item < border else 1
        return place, int(self.rows[place][item - place * border])


def _verifies(request: SearchRequest, removals_by_rule: bool) -> bool:
    verify = request.verify
    if isinstance(verify, bool):
        if verify and (name := _without_files(request)):
            raise InvalidValueError(f"verify=True needs the image files, got codes as {name}")
        return verify
    if not isinstance(verify, str):
        raise InvalidTypeError(f"verify must be True, False or 'auto', got {_described(verify)}")
    if verify != "auto":
        raise InvalidValueError(f"verify must be True, False or 'auto', got {verify!r}")
    return removals_by_rule and request.lists_removals and _without_files(request) is None


def _without_files(request: SearchRequest) -> str | None:
    """Which argument gives codes alone, if any does."""
    for name, given in (("encoding_map", request.encoding_map), ("against", request.against)):
        known = isinstance(given, EncodedImages) and given.folder is not None
        if isinstance(given, Mapping | EncodedImages) and not known:
            return name
    return None


def _described(value: object) -> str:
    return f"{type(value).__name__} {value!r}"
