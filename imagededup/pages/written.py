"""A page that was written, and how a notebook shows it."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from imagededup.utils.sizes import bytes_in_words
from imagededup.utils.text import counted, shown

__all__ = ["MOST_BYTES", "WrittenPage"]

MOST_BYTES = 150_000_000
"""How large one file of a page gets, unless something else is asked for."""

_MOST_IN_NOTEBOOK = 20_000_000
_ALLOWED = "allow-scripts allow-downloads"
_FRAME = "width:100%;height:640px;border:1px solid #8884"


@dataclass(frozen=True, slots=True)
class WrittenPage:
    """Where a page is, and how large.

    Attributes:
        path: The page; the first one of several.
        files: All files, in order.
        size: Of all of them, in bytes.
        pictures: How many pictures they show.
        unreadable: Of how many of these there is a reason in place of a picture.
    """

    path: Path
    files: tuple[Path, ...]
    size: int
    pictures: int
    unreadable: int

    def __str__(self) -> str:
        pages = f"{counted(len(self.files), 'page')}, " if len(self.files) > 1 else ""
        unreadable = f", {self.unreadable:,} of them unreadable" if self.unreadable else ""
        return (
            f"{shown(str(self.path))} ({pages}{bytes_in_words(self.size)}, "
            f"{counted(self.pictures, 'picture')}{unreadable})"
        )

    def _repr_html_(self) -> str:
        """The page itself below the cell, in a frame of its own that may run its scripts."""
        said = f"<div>{escape(str(self))}</div>"
        try:
            if self.path.stat().st_size > _MOST_IN_NOTEBOOK:
                return said
            page = self.path.read_text(encoding="utf-8")
        except OSError:
            return said
        return (
            f'{said}<iframe sandbox="{_ALLOWED}" title="{escape(shown(self.path.name))}" '
            f'style="{_FRAME}" srcdoc="{escape(page)}"></iframe>'
        )
