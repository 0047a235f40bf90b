"""What stands in which file of a page, so that none is too large."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from imagededup.pages.gathered import Gathered
from imagededup.pages.items import GroupSection, PageSection, PairSection, PictureSection

__all__ = ["Sheet", "SheetPart", "sheets"]

_ROW_BYTES = 320  # of a picture besides its small copy: names, dates, states
_ITEM_BYTES = 120
_CHROME_BYTES = 120_000  # what every file has: its styles and its script
_CONTINUED = "{} (continued)"

Places = Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A section, or a part of one, with the places of its items' pictures."""

    section: PageSection
    places: Places


Sheet = list[SheetPart]


def sheets(
    sections: Sequence[PageSection],
    places: Sequence[Places],
    everything: Gathered,
    most: int,
) -> Iterator[Sheet]:
    """Cut sections between their items.

    Args:
        sections: In order.
        places: For each section, for each of its items, where its pictures are among all.
        everything: All pictures.
        most: Bytes of a file; an item that is larger alone has a file of its own.

    Yields:
        What stands in one file.
    """
    scale = _Scale(everything, most)
    sheet: Sheet = []
    for section, items in zip(sections, places, strict=True):
        begin = 0
        for end, item in enumerate(items):
            if scale.takes(item):
                continue
            if end > begin:
                sheet.append(_part(section, items, begin, end))
            yield sheet
            sheet, begin = [], end
            scale = _Scale(everything, most)
            scale.takes(item)
        sheet.append(_part(section, items, begin, len(items)))
    yield sheet


class _Scale:
    """Weighs the items of a file; a picture that it has already weighs nothing."""

    def __init__(self, everything: Gathered, most: int) -> None:
        self._everything = everything
        self._left = most - _CHROME_BYTES
        self._pictures: set[int] = set()
        self._thumbnails: set[int] = set()

    def takes(self, item: tuple[int, ...]) -> bool:
        """Put an item on, unless it is too much for what is there already."""
        pictures = set(item) - self._pictures
        numbers = {self._everything.thumbnails[place] for place in pictures}
        copies = numbers - self._thumbnails - {-1}
        weight = _ITEM_BYTES + _ROW_BYTES * len(pictures)
        weight += sum(4 * self._everything.thumbnail_size(number) // 3 + 8 for number in copies)
        if weight > self._left and self._pictures:
            return False
        self._left -= weight
        self._pictures |= pictures
        self._thumbnails |= copies
        return True


def _part(section: PageSection, items: Places, begin: int, end: int) -> SheetPart:
    if begin == 0 and end == len(items):
        return SheetPart(section, items)
    title = _CONTINUED.format(section.title) if begin else section.title
    match section:
        case PairSection():
            part: PageSection = replace(section, title=title, pairs=section.pairs[begin:end])
        case GroupSection():
            part = replace(section, title=title, groups=section.groups[begin:end])
        case _:
            few = cast("PictureSection", section)
            part = replace(few, title=title, pictures=few.pictures[begin:end])
    return SheetPart(part, items[begin:end])
