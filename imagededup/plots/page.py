"""A page to look at, of a dictionary of duplicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.evaluation.entries import Entries, read_entries
from imagededup.methods.results import Duplicates
from imagededup.plots.inputs import Folders, check_folders
from imagededup.plots.numbers import check_numbers
from imagededup.search.matches import Matches, Pairs
from imagededup.sources.file_states import FileStates
from imagededup.sources.folders import ImageFolder

if TYPE_CHECKING:
    from imagededup.pages import WrittenPage

__all__ = ["gallery"]


def gallery(
    image_dir: str | PathLike[str] | None,
    duplicate_map: Mapping[str, Sequence[Any]] | Duplicates,
    path: str | PathLike[str],
    *,
    against: str | PathLike[str] | None = None,
    title: str = "",
    most: int = 10_000,
    picture_size: int | None = None,
    num_workers: int | None = None,
    verbose: bool = True,
) -> "WrittenPage":
    """Write an HTML page with the groups of duplicates, and with the pairs side by side.

    It is one file that loads nothing and changes nothing; a file that cannot be read is a box with
    the reason. What is marked in it can be saved as a list that `imagededup remove --list` acts on.

    Args:
        image_dir: The folder that was searched. None for that of a result of `search`.
        duplicate_map: Names with their duplicates, as `find_duplicates` returns them: lists of
            names, or of tuples of name and score. Whole numbers are labelled as distances, other
            numbers as similarities. Or the result of `search`.
        path: The page, `.html`.
        against: The folder of the duplicates, if it was another that was searched. Its images stay.
        title: The heading; empty for one after the folder.
        most: How many groups, the largest, and how many pairs, the best, are shown; what is left
            out is counted.
        picture_size: The longer side of the small copies in the page, 32 to 2048 pixels; None
            decides by their number.
        num_workers: How many threads decode; None for all cores.
        verbose: Whether to show a progress bar on a terminal or in a notebook.

    Returns:
        Where the page is, and how large. A notebook shows the page itself.

    Raises:
        InvalidTypeError: An argument has a wrong type, or the map another form.
        InvalidValueError: A folder does not exist or is not known, or the path is none of a page.
        FileOperationError: The page cannot be written.

    Examples:
        >>> import tempfile
        >>> found = {"temple.jpg": [("temple_copy.jpg", 0)], "temple_copy.jpg": [("temple.jpg", 0)]}
        >>> page = gallery("examples/photos", found, tempfile.mkdtemp() + "/temple.html")
        >>> page.pictures, page.unreadable
        (2, 0)
    """
    folders = check_folders(duplicate_map, image_dir, against)
    if isinstance(duplicate_map, Duplicates):
        found = _within(duplicate_map, folders, image_dir is not None, against is not None)
    else:
        found = _result(duplicate_map, folders, against is not None)
    return found.to_html(
        path,
        title=title,
        most=most,
        picture_size=picture_size,
        num_workers=num_workers,
        verbose=verbose,
    )


def _within(found: Duplicates, folders: Folders, images: bool, references: bool) -> Duplicates:
    """A result with the folders that are given in place of those that it knows."""
    if images:
        found = replace(found, folder=_listed(folders.images, found.names))
    if references and found.reference_names is not None:
        listed = _listed(folders.duplicates, found.reference_names)
        found = replace(found, reference_folder=listed)
    return found


def _result(
    duplicate_map: Mapping[str, Sequence[Any]], folders: Folders, across: bool
) -> Duplicates:
    """A dictionary of duplicates as a result."""
    entries = read_entries("duplicate_map", duplicate_map, (list, tuple))
    scores = _Scores.of(entries)
    if across:
        names, others = entries.names, sorted(set(entries.found))
        left, right = entries.query, _places(entries.found, others) + len(names)
    else:
        names, others = sorted({*entries.names, *entries.found}), []
        left, right = _places(entries.names, names)[entries.query], _places(entries.found, names)
        left, right = np.minimum(left, right), np.maximum(left, right)
    _, first = np.unique(left * (len(names) + len(others)) + right, return_index=True)
    first = first[left[first] != right[first]]
    pairs = Pairs(left[first], right[first], scores.values[first])
    groups = np.arange(len(names))
    references = np.arange(len(others)) + len(names) if across else None
    return Duplicates(
        names,
        Matches(groups, references, pairs, scores.identical, scores.descending),
        scores.name,
        _listed(folders.images, names),
        others if across else None,
        _listed(folders.duplicates, others) if across else None,
    )


def _listed(root: Path, names: list[str]) -> ImageFolder:
    return ImageFolder(root, names, [], FileStates.read(root, names))


def _places(some: Sequence[str], names: list[str]) -> NDArray[np.int64]:
    place = {name: number for number, name in enumerate(names)}
    return np.fromiter((place[name] for name in some), np.int64, len(some))


@dataclass(frozen=True, slots=True)
class _Scores:
    """The scores of a dictionary: distances if they are whole numbers; NaN where there are none."""

    values: NDArray[np.int64] | NDArray[np.float32]
    name: str

    @classmethod
    def of(cls, entries: Entries) -> "_Scores":
        if entries.scores is None:
            return cls(np.full(len(entries.found), np.nan, np.float32), "")
        numbers = check_numbers("the scores of duplicate_map", entries.scores)
        if all(isinstance(score, Integral) for score in entries.scores):
            return cls(numbers.astype(np.int64), "distance")
        return cls(numbers.astype(np.float32), "similarity")

    @property
    def identical(self) -> float:
        """The score of equal codes."""
        return 0 if self.name == "distance" else 1.0

    @property
    def descending(self) -> bool:
        """Whether the best score is the highest."""
        return self.name != "distance"
