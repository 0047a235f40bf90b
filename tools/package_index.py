"""What a package index shows of the project: README and links, from one setting.

hatchling calls it as the metadata hook of `pyproject.toml`, where `repository` is the public
address of the repository, such as `https://host/owner/name`. The relative links of README.md lead
nowhere on an index: they are given that address, and become plain text while there is none.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?!https?:|#)(?P<path>[^)]+)\)")


def index_readme(text: str, repository: str) -> str:
    """Return README.md with links that work anywhere.

    Args:
        text: README.md.
        repository: Public address of the repository; empty if there is none, which removes the
            relative links and pictures.
    """

    def absolute(link: re.Match[str]) -> str:
        if not repository:
            return "" if link["image"] else link["text"]
        view = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['text']}]({repository}/{view}/HEAD/{link['path']})"

    return re.sub(r"\n{3,}", "\n\n", _LINK.sub(absolute, text))


class PackageIndexHook(MetadataHookInterface):
    """Sets the description and the addresses of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme` and `urls`."""
        repository = self.config["repository"].rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": index_readme(text, repository),
        }
        metadata["urls"] = {
            name: f"{repository}/{path}"
            for name, path in (
                ("Repository", ""),
                ("Documentation", "blob/HEAD/docs/index.md"),
                ("Changelog", "blob/HEAD/CHANGELOG.md"),
                ("Issues", "issues"),
            )
            if repository
        }
