"""The data of a page as JSON that is safe within HTML, whatever the names."""

import json
import math
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from numbers import Integral
from pathlib import Path
from typing import Any
from urllib.parse import quote

from imagededup.pages.frames import frame_file
from imagededup.pages.gathered import Gathered, whole_path
from imagededup.pages.items import (
    GroupSection,
    PagePicture,
    PageSection,
    PairSection,
    PictureGroup,
    PicturePair,
    PictureSection,
)
from imagededup.pages.looks import Look
from imagededup.sources.addresses import is_remote, parts_of, remote_address
from imagededup.sources.file_states import FileState
from imagededup.utils.text import shown

_OPENING = '<script type="application/json" class="thumbnails">'
_TOGETHER = 48
_CLOSING = "</script>\n"

__all__ = ["PageData", "file_address", "safe_json", "state_text"]


def safe_json(value: object) -> str:
    r"""JSON in ASCII that ends no element and begins none.

    Examples:
        >>> print(safe_json({"name": "</script>\u2028&"}))
        {"name":"\u003c/script\u003e\u2028\u0026"}
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def state_text(states: tuple[FileState, FileState] | None) -> str:
    """The states of a name and of its file as text, which numbers of JavaScript are too short for.

    Examples:
        >>> state_text((FileState(1, 2, 3, 4), FileState(1, 2, 3, 4)))
        '1:2:3:4'
    """
    if states is None:
        return ""
    own, file = (":".join(map(str, state)) for state in states)
    return own if own == file else f"{own}/{file}"


def shown_address(path: Path) -> str:
    """A path or a URL as text."""
    return remote_address(path) if is_remote(path) else str(path)


def file_address(path: Path, page_folder: Path) -> str:
    """The address of a file: relative where it lies below the folder of the page.

    Examples:
        >>> file_address(Path("/photos/a b:c.jpg"), Path("/photos"))
        './a%20b%3Ac.jpg'
        >>> file_address(Path("/photos/a.jpg"), Path("/pages"))
        'file:///photos/a.jpg'
    """
    if path.is_relative_to(page_folder):
        return "./" + quote(os.fsencode(path.relative_to(page_folder).as_posix()))
    text = path.as_posix()
    return ("file://" if text.startswith("/") else "file:///") + quote(os.fsencode(text), "/:")


class PageData:
    """What one file of a page shows, by numbers of its own.

    Args:
        everything: All pictures.
        page_folder: The folder of the file, absolute.
    """

    def __init__(self, everything: Gathered, page_folder: Path) -> None:
        self._everything = everything
        self._page_folder = page_folder
        self._numbers: dict[int, int] = {}
        self._folders: dict[str, int] = {}
        self._thumbnails: dict[int, int] = {}
        self._rows: list[list[Any]] = []

    @property
    def picture_count(self) -> int:
        """How many pictures the file shows."""
        return len(self._rows)

    def encoded_thumbnails(self) -> Iterator[str]:
        """The small copies in the order of their numbers, as elements with some of them each."""
        numbers = list(self._thumbnails)
        for begin in range(0, len(numbers), _TOGETHER):
            chunk = numbers[begin : begin + _TOGETHER]
            copies = (b64encode(self._everything.thumbnail(number)).decode() for number in chunk)
            yield f"{_OPENING}{safe_json(list(copies))}{_CLOSING}"

    def encoded_size(self) -> int:
        """How many characters `encoded_thumbnails` gives."""
        count = len(self._thumbnails)
        around = -(-count // _TOGETHER) * (len(_OPENING) + len(_CLOSING) + 1) + 3 * count
        sizes = map(self._everything.thumbnail_size, self._thumbnails)
        return around + sum(-(-size // 3) * 4 for size in sizes)

    def text(self, sections: Sequence[tuple[PageSection, Sequence[tuple[int, ...]]]]) -> str:
        """The JSON of sections.

        Args:
            sections: Each with the places of the pictures of its items among all.
        """
        values = [self._section(section, places) for section, places in sections]
        content = {
            "folders": list(self._folders),
            "pictures": self._rows,
            "sections": values,
            "together": _TOGETHER,
        }
        digest = blake2b(safe_json(content).encode(), digest_size=8).hexdigest()
        return safe_json({"id": digest, **content})

    def _section(self, section: PageSection, places: Sequence[tuple[int, ...]]) -> dict[str, Any]:
        numbers = [[self._number(place) for place in item] for item in places]
        match section:
            case PairSection():
                rows: list[Any] = [
                    _pair_row(pair, *own) for pair, own in zip(section.pairs, numbers, strict=True)
                ]
                kind, score, can_mark = "pairs", section.score_name, section.can_mark
            case GroupSection():
                rows = [
                    _group_row(group, own)
                    for group, own in zip(section.groups, numbers, strict=True)
                ]
                kind, score, can_mark = "groups", section.score_name, section.can_mark
            case PictureSection():
                rows = [
                    [own[0], shown(named.caption), _plain(named.value)]
                    for named, own in zip(section.pictures, numbers, strict=True)
                ]
                kind, score, can_mark = "pictures", section.value_name, False
            case _:
                return {"kind": "still"}
        ascending = score == "distance"
        return {
            "kind": kind,
            "score": score,
            "ascending": ascending,
            "canMark": can_mark,
            "items": rows,
        }

    def _number(self, place: int) -> int:
        if place not in self._numbers:
            self._numbers[place] = len(self._rows)
            self._rows.append(self._picture_row(place))
        return self._numbers[place]

    def _picture_row(self, place: int) -> list[Any]:
        picture, look = self._everything.pictures[place], self._everything.looks[place]
        number = self._everything.thumbnails[place]
        if number >= 0:
            number = self._thumbnails.setdefault(number, len(self._thumbnails))
        return [*self._named(picture), *_seen(look), number, int(picture.stays)]

    def _named(self, picture: PagePicture) -> list[Any]:
        """The name, as it is shown if that is another, the folder's number, and the address."""
        text = shown(picture.name)
        name = [picture.name, "" if text == picture.name else text]
        if picture.folder is None or picture.path is None:
            return [*name, -1, ""]
        place = shown_address(whole_path(picture.folder))
        folder = self._folders.setdefault(place, len(self._folders))
        return [*name, folder, self._link(picture.path)]

    def _link(self, path: Path) -> str:
        """Where a browser finds a picture; empty where it cannot look."""
        frames = self._everything.frames
        frame = None if frames is None else frame_file(whole_path(frames), whole_path(path))
        if frame is not None and frame.exists():
            return file_address(frame, self._page_folder)
        if is_remote(path):
            url = remote_address(path)
            is_web = url.startswith("http") and not parts_of(url)
            return quote(os.fsencode(url), "/:?&=%+@,;~") if is_web else ""
        whole = whole_path(path)
        if parts_of(str(whole)) and not whole.exists():
            return ""
        return file_address(whole, self._page_folder)


def _plain(score: float | None) -> float | None:
    """A number that JSON has; numpy's become Python's."""
    if score is None or not math.isfinite(score):
        return None
    return int(score) if isinstance(score, Integral) else float(score)


def _seen(look: Look) -> list[Any]:
    return [
        *(look.width, look.height, look.size, look.modified, look.taken),
        *(state_text(look.states), shown(look.reason)),
    ]


def _pair_row(pair: PicturePair, left: int, right: int) -> list[Any]:
    return [
        *(left, right, _plain(pair.score), shown(pair.relation), shown(pair.detail)),
        *(pair.may_go.value, pair.matrix or 0, pair.region or 0),
    ]


def _group_row(group: PictureGroup, numbers: Sequence[int]) -> list[Any]:
    links = [
        [link.left, link.right, _plain(link.score), shown(link.relation), link.may_go.value]
        for link in group.links
    ]
    return [
        *(numbers, links, list(group.same), _plain(group.same_score), shown(group.same_relation)),
        *(shown(group.title), [shown(note) for note in group.notes], group.left_out),
    ]
