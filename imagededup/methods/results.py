"""What a search found, and every form in which users see it."""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError, MissingPackageError
from imagededup.methods.clusters import Cluster, clusters_of
from imagededup.methods.keep import Keep, KeepRule, KeepType, check_keep, preference
from imagededup.methods.removing import Removable
from imagededup.methods.verified import DETAIL_HEADER, VerdictTable
from imagededup.pages.written import MOST_BYTES
from imagededup.search.matches import Matches, Pairs, concatenate
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.utils.files import write_csv
from imagededup.utils.text import counted
from imagededup.verification.relation import ACTED_ON, REMOVABLE, check_relations
from imagededup.verification.swap import swapped, swapped_files
from imagededup.verification.verdict import Verdict, Verdicts

if TYPE_CHECKING:
    import pandas

    from imagededup.pages.written import WrittenPage

__all__ = ["VERIFIED_SCORE", "Cluster", "DuplicateMap", "Duplicates", "Removal", "clusters_of"]

VERIFIED_SCORE = "score"
"""What the scores of verified pairs are called."""

DuplicateMap = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Removal:
    """An image that can go, because another stays.

    Attributes:
        name: The image that can go.
        duplicate_of: The nearest image that stays.
        score: The score of the two.
    """

    name: str
    duplicate_of: str
    score: float


@dataclass(frozen=True, slots=True, repr=False)
class Duplicates:
    """The duplicates of a collection, or the images of it that duplicate a reference collection.

    Kept in a form that does not grow with the square of a group of identical images: clusters, the
    list to remove and the CSV file come from it directly.

    Attributes:
        names: The images that were compared, sorted.
        matches: Which of them match.
        score_name: What the scores are: 'distance', 'similarity', or 'score' of verified pairs.
        folder: The folder of the images, where there is one.
        reference_names: The images of the reference collection, sorted, where there is one.
        reference_folder: Its folder, where there is one.
        failures: Files that could not be read.
        verdicts: What verification says of each of the pairs of `matches`, whose groups are then
            the images with equal pixels; None where the codes alone decided.
    """

    names: list[str]
    matches: Matches
    score_name: str
    folder: ImageFolder | None = None
    reference_names: list[str] | None = None
    reference_folder: ImageFolder | None = None
    failures: list[Failure] = field(default_factory=list)
    verdicts: Verdicts | None = field(default=None, compare=False)

    @property
    def root(self) -> Path | None:
        """The path of the folder of the images, where there is one."""
        return self.folder.root if self.folder else None

    @property
    def reference_root(self) -> Path | None:
        """The path of the folder of the reference collection, where there is one."""
        return self.reference_folder.root if self.reference_folder else None

    @property
    def pair_count(self) -> int:
        """How many pairs of duplicates there are, each once; counted without making them."""
        return self.matches.pair_count()

    def __len__(self) -> int:
        """The number of groups; with a reference collection that of images with a duplicate."""
        matched = self._matched()
        if self.reference_names is not None:
            return len(matched)
        return len(np.unique(self.matches.components()[matched]))

    def __iter__(self) -> Iterator[Cluster]:
        """The groups, as `clusters` gives them.

        With a reference collection a group is an image, as the representative, with its duplicates
        of the reference collection as the members, best first.
        """
        if self.reference_names is None:
            yield from self.clusters()
            return
        for name, duplicates in self._matched_rows():
            yield Cluster(name, tuple(duplicates))

    def __repr__(self) -> str:
        images = counted(len(self.names), "image")
        if self.reference_names is None:
            found = counted(len(self), "group")
        else:
            found = f"{len(self):,} among {counted(len(self.reference_names), 'other')}"
        return f"Duplicates({images}, {found}, {self._kind()})"

    def _repr_html_(self) -> str:
        """The first groups with thumbnails, for notebooks."""
        from imagededup.plots.notebook import groups_html

        return groups_html(self)

    def to_pandas(self) -> "pandas.DataFrame":
        """`rows` as a table with the columns of `row_header`.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingPackageError("to_pandas needs pandas: pip install pandas") from error
        names, others = np.array(self.names, object), np.array(self._others(), object)
        found = concatenate(
            list(self.matches.pair_blocks(both_directions=False)), self.matches.pairs.score.dtype
        )
        columns = names[found.left], others[found.right], found.score, *self._details(found)
        return pandas.DataFrame(dict(zip(self.row_header, columns, strict=True)))

    def to_dict(self, scores: bool = False) -> DuplicateMap:
        """All images with the list of their duplicates, best first, then by name.

        Args:
            scores: Whether an entry is `(name, score)` instead of a name.
        """
        return dict(self.entries(scores))

    def entries(self, scores: bool = False) -> Iterator[tuple[str, list[Any]]]:
        """The entries of `to_dict` one after the other, so that not all pairs need be held."""
        matched = self._matched_rows(scores)
        name, duplicates = next(matched, (None, []))
        for image in self.names:
            if image != name:
                yield image, []
                continue
            yield image, duplicates
            name, duplicates = next(matched, (None, []))

    def verdict(self, name: str, other: str) -> Verdict | None:
        """What verification says of two images, `name` as the left one.

        Args:
            name: An image.
            other: Another one; one of the reference collection where there is one.

        Returns:
            None where they are no duplicates, or where the codes alone decided.

        Raises:
            InvalidValueError: There is no such image.
        """
        places = _place(self.names, name), _place(self._others(), other)
        if self.verdicts is None or (self.reference_names is None and name == other):
            return None
        found = VerdictTable(self.matches, self.verdicts).between(*places)
        if found is None:
            return None
        verdict, is_turned = found
        if not is_turned:
            return verdict
        if self.folder is None:
            return swapped(verdict)
        return swapped_files(verdict, self.folder.path(other), self.folder.path(name))

    def to_remove(
        self, keep: KeepType = "first", relations: Collection[str] | None = None
    ) -> list[str]:
        """Names to remove so that no two of the remaining images are duplicates.

        The images are walked in the order of preference: an image that is still there stays, and
        all its duplicates go. So every image that goes has a duplicate that stays. With a reference
        collection every image that has a duplicate there goes. Of a verified part and its whole the
        whole stays.

        Args:
            keep: 'first' walks by name, 'largest_resolution', 'largest_file' and 'oldest' by what
                they say, then by name; a function of the path (of the name where there is no
                folder) by its value, largest first.
            relations: Of which relations of verified pairs one image goes: 'identical', 'copy',
                'part', 'variant' or 'overlap'; None takes the first three.

        Returns:
            The names, sorted.
        """
        return [removal.name for removal in self.removals(keep, relations)]

    def removals(
        self, keep: KeepType = "first", relations: Collection[str] | None = None
    ) -> list[Removal]:
        """As `to_remove`, with the nearest image that stays for each that goes."""
        rule = check_keep(keep)
        removable = self._removable(relations)
        links = self.matches if removable is None else removable.towards_what_may_stay()
        if self.reference_names is None:
            matched = np.flatnonzero((removable.matches if removable else links).has_match())
            order = matched[self._preference(rule, matched)]
            walk = removable.walk if removable else links.independent
            kept = np.sort(walk(order))
            removed = np.setdiff1d(matched, kept, assume_unique=True)
        else:
            if rule is not Keep.FIRST:
                raise InvalidValueError("keep does not go with against: its images all stay")
            kept, removed = np.arange(len(self.reference_names)), np.flatnonzero(links.has_match())
        best = links.best_links(removed, kept)
        others = self._others()
        return [
            Removal(self.names[item], others[target], score)
            for item, target, score in zip(
                best.left.tolist(), best.right.tolist(), best.score.tolist(), strict=True
            )
        ]

    def clusters(self, keep: KeepType = "first") -> list[Cluster]:
        """Connected components of two images or more, sorted by their first name.

        Args:
            keep: What makes an image the representative, as in `to_remove`.
        """
        if self.reference_names is not None:
            raise InvalidValueError("clusters are of one collection: they do not go with against")
        matched = self._matched()
        if len(matched) == 0:
            return []
        order = matched[self._preference(check_keep(keep), matched)]
        component = self.matches.components()
        _, first = np.unique(component[order], return_index=True)
        members = matched[np.argsort(component[matched], kind="stable")]
        bounds = np.flatnonzero(np.diff(component[members])) + 1
        parts = zip(order[first].tolist(), np.split(members, bounds), strict=True)
        found = [
            Cluster(self.names[representative], tuple(self.names[item] for item in part.tolist()))
            for representative, part in parts
        ]
        return sorted(found, key=lambda cluster: cluster.members[0])

    def scores_to_representatives(self, clusters: list[Cluster]) -> dict[str, float]:
        """Scores of the members that match their representative directly, by name."""
        place = {name: item for item, name in enumerate(self.names)}
        targets = np.array(sorted(place[cluster.representative] for cluster in clusters), np.int64)
        members = np.array([place[name] for c in clusters for name in c.members], np.int64)
        best = self.matches.best_links(np.setdiff1d(members, targets), targets)
        return dict(zip((self.names[item] for item in best.left), best.score.tolist(), strict=True))

    @property
    def row_header(self) -> tuple[str, ...]:
        """What `rows` gives: image, duplicate and the name of the score; more of verified pairs.

        That is the relation, the rotation in degrees, the scale, whether it is mirrored, the shares
        of the image and of the duplicate that the other shows, and the share of the common part in
        which they differ; all from the image to the duplicate, as `Verdict` says.
        """
        details = DETAIL_HEADER if self.verdicts is not None else ()
        return "image", "duplicate", self.score_name, *details

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """What `row_header` names; within one collection each pair once."""
        others = self._others()
        for block in self.matches.pair_blocks(both_directions=False):
            columns = [block.left, block.right, block.score, *self._details(block)]
            for left, right, *rest in zip(*(column.tolist() for column in columns), strict=True):
                yield self.names[left], others[right], *rest

    def write_csv(self, path: str | PathLike[str]) -> None:
        """Write `rows` with the header `row_header`."""
        write_csv(path, self.row_header, self.rows())

    def to_html(
        self,
        path: str | PathLike[str],
        *,
        title: str = "",
        most: int = 10_000,
        picture_size: int | None = None,
        max_bytes: int = MOST_BYTES,
        num_workers: int | None = None,
        verbose: bool = True,
    ) -> "WrittenPage":
        """Write a page to look at before removing anything: the groups, and pairs side by side.

        It is one file that loads nothing and changes nothing. What is marked in it can be saved as
        a list that `imagededup remove --list` acts on.

        Args:
            path: The page, `.html`.
            title: Its heading; empty for one after the folders.
            most: How many groups, the largest, and how many pairs, the best, it shows; what is
                left out is counted.
            picture_size: The longer side of the small copies of the images in the page, 32 to 2048
                pixels; None takes 640 for up to 250 images, 448 up to 1,000, 256 up to 4,000 and
                176 above.
            max_bytes: How large a file gets, before there are several; a million or more.
            num_workers: How many threads decode; None for all cores.
            verbose: Whether to show a progress bar on a terminal or in a notebook.

        Returns:
            Where the page is, and how large. A notebook shows the page itself.

        Raises:
            InvalidTypeError: An argument has a wrong type.
            InvalidValueError: The path does not end in `.html`, or a number is not allowed.
            FileOperationError: The page cannot be written.
        """
        from imagededup.methods.on_pages import result_sections, result_title
        from imagededup.pages.write import check_number, write_page

        return write_page(
            path,
            title or result_title(self),
            result_sections(self, check_number("most", most, 1)),
            picture_size=picture_size,
            max_bytes=max_bytes,
            workers=num_workers,
            verbose=verbose,
        )

    def describe_score(self, score: float) -> str:
        """A score as people read it: `distance 3`, `similarity 0.987`."""
        digits = f"{score:.3f}" if self.matches.descending else f"{score:g}"
        return f"{self.score_name} {digits}"

    def describe_pair(self, name: str, other: str, score: float) -> str:
        """As `describe_score`, and what the other one is to an image: `copy, score 0.998`.

        Of the two sides of a part the larger is the `whole`.
        """
        verdict = self.verdict(name, other)
        described = self.describe_score(score)
        if verdict is None:
            return described
        return f"{'whole' if verdict.left_is_part else verdict.relation}, {described}"

    def _kind(self) -> str:
        """By what the images were compared; of verified pairs how many are related how."""
        if self.verdicts is None:
            return f"by {self.score_name}"
        counts = VerdictTable(self.matches, self.verdicts).counts()
        return "verified: " + (
            ", ".join(f"{n:,} {word}" for word, n in counts.items()) or "no pairs"
        )

    def _details(self, block: Pairs) -> list[NDArray[Any]]:
        """What verification says of some pairs, in columns."""
        if self.verdicts is None:
            return []
        verified = VerdictTable(self.matches, self.verdicts)
        return list(verified.details(block.left, block.right).values())

    def _removable(self, relations: Collection[str] | None) -> Removable | None:
        """The verified pairs of which one image may go; None where the codes alone decided."""
        if self.verdicts is None:
            if relations is not None:
                raise InvalidValueError("relations are of verified pairs: search with verify=True")
            return None
        chosen = REMOVABLE if relations is None else check_relations(relations, ACTED_ON)
        return Removable.of(self.matches, self.verdicts, chosen)

    def _matched_rows(self, scores: bool = False) -> Iterator[tuple[str, list[Any]]]:
        """Images that have duplicates, with these."""
        others = np.array(self._others(), dtype=object)
        for block in self.matches.pair_blocks():
            found = others[block.right].tolist()
            entries = list(zip(found, block.score.tolist(), strict=True)) if scores else found
            images, begins = np.unique(block.left, return_index=True)
            bounds = [*begins.tolist(), len(entries)]
            for image, begin, end in zip(images.tolist(), bounds[:-1], bounds[1:], strict=True):
                yield self.names[image], entries[begin:end]

    def _others(self) -> list[str]:
        return self.names if self.reference_names is None else self.reference_names

    def _preference(self, rule: KeepRule, items: NDArray[np.int64]) -> list[int]:
        return preference(rule, [self.names[item] for item in items.tolist()], self.root)

    def _matched(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.matches.has_match())


def _place(names: list[str], name: str) -> int:
    place = bisect_left(names, name)
    if names[place : place + 1] != [name]:
        raise InvalidValueError(f"{name!r} is not among the images that were compared")
    return place
