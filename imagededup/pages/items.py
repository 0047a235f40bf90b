"""What a page shows: pictures, pairs and groups of them, in sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from imagededup.sources.addresses import path_in
from imagededup.sources.file_states import FileState

__all__ = [
    "BarSection",
    "FactSection",
    "GroupSection",
    "MayGo",
    "NamedPicture",
    "PagePicture",
    "PageSection",
    "PairSection",
    "PictureGroup",
    "PictureLink",
    "PicturePair",
    "PictureSection",
    "TableSection",
]

Box = tuple[float, float, float, float]
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]


class MayGo(StrEnum):
    """Which picture of two a rule may mark for removal, because the other one stays."""

    EITHER = "either"
    LEFT = "left"
    RIGHT = "right"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture of a page. Its file is looked at only when the page is written.

    Attributes:
        name: What it is called: a path within `folder`, or an absolute path.
        folder: Where the file lies; None where only a name is known.
        states: What the name and the file that it leads to were like when they were compared;
            None takes what they are like when the page is written.
        stays: Whether the page lets nobody mark it, such as a picture of a reference collection.
    """

    name: str
    folder: Path | None = None
    states: tuple[FileState, FileState] | None = None
    stays: bool = False

    @property
    def path(self) -> Path | None:
        """Where its file lies, if it is known."""
        if self.folder is None:
            return None
        return path_in(self.folder, self.name)


@dataclass(frozen=True, slots=True)
class PicturePair:
    """Two pictures side by side.

    Attributes:
        left: One picture.
        right: The other one.
        score: How alike they are; None where nothing says so.
        relation: What they are to each other, a word that one can filter by, such as 'copy'.
        detail: More about the two, a few words.
        may_go: Which one a rule may mark.
        matrix: The affine map from pixels (x, y) of the left picture to those of the right one, by
            which the page lays one on the other.
        region: A box in the right picture that holds what differs: left, top, right, bottom, as
            shares of its width and height.
    """

    left: PagePicture
    right: PagePicture
    score: float | None = None
    relation: str = ""
    detail: str = ""
    may_go: MayGo = MayGo.EITHER
    matrix: Affine | None = None
    region: Box | None = None


@dataclass(frozen=True, slots=True)
class PictureLink:
    """Two pictures of a group that match directly.

    Attributes:
        left: The place of the one in the group.
        right: The place of the other.
        score: How alike they are.
        relation: What they are to each other.
        may_go: Which one a rule may mark.
    """

    left: int
    right: int
    score: float
    relation: str = ""
    may_go: MayGo = MayGo.EITHER


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Pictures that belong together, the one that stands for them first.

    Attributes:
        pictures: All of them.
        links: Which match directly; the page states the range of their scores, and for how many of
            all pairs there is one. A picture can only be marked for one that it matches.
        same: A number for every picture, equal where their codes are equal, so that a
            thousand of them need no links; a link between two stands for all that equal them.
            Empty where every picture is its own.
        same_score: The score of two such pictures.
        same_relation: What they are to each other; empty where only their codes are equal.
        title: What the group is called; empty for its number.
        notes: A few words for every picture, such as a distance; or none at all.
        left_out: How many more pictures the group has than are shown.
    """

    pictures: Sequence[PagePicture]
    links: Sequence[PictureLink] = ()
    same: Sequence[int] = ()
    same_score: float | None = None
    same_relation: str = ""
    title: str = ""
    notes: Sequence[str] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A single picture with what is to be said of it.

    Attributes:
        picture: The picture.
        caption: What is said of it, such as 'blur 12.3'.
        value: A number to filter and sort by; None for none.
    """

    picture: PagePicture
    caption: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class PairSection:
    """Pairs to look at.

    Attributes:
        title: Its heading.
        pairs: In the order in which they are shown.
        text: A sentence or two below the heading.
        score_name: What the scores are called: 'distance', 'similarity', 'score'.
        can_mark: Whether pictures can be marked for removal.
    """

    title: str
    pairs: Sequence[PicturePair]
    text: str = ""
    score_name: str = "score"
    can_mark: bool = True


@dataclass(frozen=True, slots=True)
class GroupSection:
    """Groups to look at; the attributes are those of `PairSection`."""

    title: str
    groups: Sequence[PictureGroup]
    text: str = ""
    score_name: str = "score"
    can_mark: bool = True


@dataclass(frozen=True, slots=True)
class PictureSection:
    """Single pictures to look at.

    Attributes:
        title: Its heading.
        pictures: In the order in which they are shown.
        text: A sentence or two below the heading.
        value_name: What the values are called, such as 'brightness'.
    """

    title: str
    pictures: Sequence[NamedPicture]
    text: str = ""
    value_name: str = ""


@dataclass(frozen=True, slots=True)
class FactSection:
    """A few numbers with their names, in large type.

    Attributes:
        title: Its heading.
        facts: A value as it is read, and what it is of: `("27", "images")`.
        text: A sentence or two below the heading.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    text: str = ""


@dataclass(frozen=True, slots=True)
class BarSection:
    """How often something occurs, as bars.

    Attributes:
        title: Its heading.
        bars: What is counted, and how many there are of it.
        text: A sentence or two below the heading.
    """

    title: str
    bars: Sequence[tuple[str, int]]
    text: str = ""


@dataclass(frozen=True, slots=True)
class TableSection:
    """Rows of text, such as broken files with their reasons.

    Attributes:
        title: Its heading.
        header: The names of the columns.
        rows: As many texts each.
        text: A sentence or two below the heading.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""


PageSection = PairSection | GroupSection | PictureSection | FactSection | BarSection | TableSection
