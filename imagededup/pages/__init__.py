"""HTML pages that a person looks at before acting: one file, pictures inside, no network.

A page is a title and sections; `write_page` looks at the files, each once, and writes it:

    write_page("report.html", "Duplicates", [
        FactSection("Summary", [("27", "images"), ("3", "groups")]),
        GroupSection("Groups", [PictureGroup([one, other], [PictureLink(0, 1, 0.98)])]),
        PairSection("Pairs", [PicturePair(one, other, 0.98, "copy")], score_name="similarity"),
        PictureSection("Darkest", [NamedPicture(one, "mean 12.3", 12.3)], value_name="mean"),
        BarSection("Widths", [("up to 640", 12), ("up to 1,280", 15)]),
        TableSection("Broken files", ("file", "reason"), [("a.jpg", "empty file")]),
    ])

A picture is `PagePicture(name, folder)`; nothing of it is read before. Pictures are equal by name
and folder, and stand in the page once, however many items show them. Pages know nothing of
searches: what they show is put together in `methods`, `plots`, `fastdup` and `commands`, which
import them when one is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imagededup.pages.items import (
        BarSection,
        FactSection,
        GroupSection,
        MayGo,
        NamedPicture,
        PagePicture,
        PageSection,
        PairSection,
        PictureGroup,
        PictureLink,
        PicturePair,
        PictureSection,
        TableSection,
    )
    from imagededup.pages.write import write_page
    from imagededup.pages.written import WrittenPage

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
    "WrittenPage",
    "write_page",
]

_MODULES = {"WrittenPage": "written", "write_page": "write"}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a name when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, 'items')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
