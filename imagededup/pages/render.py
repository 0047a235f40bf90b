"""From data to HTML: the template, with style and script inside, and a policy against requests."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagededup.pages.items import (
    BarSection,
    FactSection,
    GroupSection,
    PageSection,
    PairSection,
    PictureSection,
    TableSection,
)
from imagededup.utils.sizes import bytes_in_words
from imagededup.utils.text import counted, shown

if TYPE_CHECKING:
    from jinja2 import Environment

    from imagededup.pages.embed import PageData

__all__ = ["Neighbours", "render"]

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("data.js", "marks.js", "draw.js", "lists.js", "viewer.js", "main.js")
_STILL = {FactSection: "facts", BarSection: "bars", TableSection: "table"}
_SIZE_MARK = "\0size\0"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The files of a page of several.

    Attributes:
        number: Which one this is, from 1.
        addresses: Of all of them, seen from this one.
    """

    number: int
    addresses: Sequence[str]


def render(
    title: str,
    text: str,
    sections: Sequence[PageSection],
    content: str,
    data: "PageData",
    neighbours: Neighbours,
) -> Iterator[str]:
    """The text of a page, in parts, so that not all of its pictures need be held.

    Args:
        title: Its heading.
        text: Below the heading.
        sections: What it shows.
        content: Their data as JSON that is safe within HTML.
        data: The small copies that go with them.
        neighbours: Its place among the files of the page.
    """
    head, tail = _shell(title, text, sections, content, data, neighbours)
    size = len(head.encode()) + len(tail.encode()) + data.encoded_size()
    yield head.replace(_SIZE_MARK, bytes_in_words(size))
    yield from data.encoded_thumbnails()
    yield tail


def _shell(
    title: str,
    text: str,
    sections: Sequence[PageSection],
    content: str,
    data: "PageData",
    neighbours: Neighbours,
) -> tuple[str, str]:
    """What stands before the small copies, and what behind."""
    from markupsafe import Markup

    style, script = _style(), _script()
    views = [_view(number, section) for number, section in enumerate(sections)]
    page = (
        _environment()
        .get_template("page.html")
        .render(
            title=title,
            text=text,
            sections=views,
            tabs=_tabs(views),
            pictures=counted(data.picture_count, "picture"),
            content=Markup(content),
            style=Markup(style),
            script=Markup(script),
            style_hash=_digest(style),
            script_hash=_digest(script),
            size=Markup(_SIZE_MARK),
            neighbours=neighbours,
        )
    )
    head, _, tail = page.partition("<!-- thumbnails -->")
    return head, tail


def _view(number: int, section: PageSection) -> dict[str, Any]:
    """What the template asks of a section; those without items stand together."""
    kind = _STILL.get(type(section), "")
    view: dict[str, Any] = {"title": section.title, "text": section.text, "kind": kind}
    view["tab"] = "overview" if kind else f"section-{number}"
    match section:
        case PairSection():
            view |= {"shows": "pairs", "count": len(section.pairs)}
        case GroupSection():
            view |= {"shows": "groups", "count": len(section.groups)}
        case PictureSection():
            view |= {"shows": "pictures", "count": len(section.pictures)}
        case FactSection():
            view["facts"] = section.facts
        case BarSection():
            most = max((count for _, count in section.bars), default=0) or 1
            view["bars"] = [
                {"label": label, "count": count, "share": round(100 * count / most, 2)}
                for label, count in section.bars
            ]
        case TableSection():
            view |= {"header": section.header, "rows": section.rows}
    return view


def _tabs(views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One for the sections without items, and one for each with items."""
    tabs = {
        view["tab"]: {
            "id": view["tab"],
            "title": "Overview" if view["kind"] else view["title"],
            "count": view.get("count"),
        }
        for view in views
    }
    return list(tabs.values())


def _visible(value: Any) -> Any:  # noqa: ANN401 - whatever a template prints
    """Characters that cannot be seen, in names above all, as escapes; markup stays as it is."""
    return shown(value) if type(value) is str else value


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    return "\n".join((_TEMPLATES / name).read_text(encoding="utf-8") for name in _SCRIPTS)


def _digest(text: str) -> str:
    """The name of an inline style or script for the page's policy."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
