"""Whether a page runs or loads anything that the names of files have brought into it."""

import json
from html.parser import HTMLParser
from pathlib import Path

__all__ = ["strange_parts"]

_OWN_SCRIPTS = ("application/json", "text/javascript", "module", "")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.strange: list[str] = []
        self.data: list[str] = []
        self._within = ""

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self._within = "json" if attributes.get("type") == "application/json" else tag
        for name, value in attrs:
            if name.startswith("on") or "alert(" in (value or ""):
                is_text = name in (
                    "title",
                    "alt",
                    "href",
                    "data-name",
                    "src",
                    "value",
                    "aria-label",
                )
                if name.startswith("on") or not is_text:
                    self.strange.append(f"<{tag} {name}={value!r}>")
            if name in ("src", "href") and str(value).startswith(("http", "//", "javascript")):
                self.strange.append(f"<{tag} {name}={value!r}>")

    def handle_data(self, data):
        if self._within == "json":
            self.data.append(data)

    def handle_endtag(self, tag):
        self._within = ""


def strange_parts(path: Path) -> list[str]:
    """What does not belong there: handlers, addresses, and characters that turn the text around."""
    page = path.read_text(encoding="utf-8")  # which must be possible
    reader = _Reader()
    reader.feed(page)
    for data in reader.data:
        json.loads(data)
    characters = {character for character in "\x1b\x07\u202e\0" if character in page}
    return reader.strange + sorted(map(repr, characters))
