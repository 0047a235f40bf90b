"""Write the list of the pictures that the embedded model is fitted on, with licences and credits.

    python tools/training_data.py TABLES imagededup/models

TABLES holds `SOURCES.tsv`, one row for each folder of pictures, and `attribution/` with the
captions of the books among them (`NAME.captions.tsv`) and the commits of the sources that come
from many repositories (`multi_repo_commits.tsv`). Rows that are only measured on are left out.
"""

import argparse
import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

LIST_NAME = "TRAINING_DATA.md"
CREDITS_NAME = "TRAINING_CREDITS.tsv"

_NOTICES = "training_notices.md"
_TRAINING_PART = "train"
_CAPTIONS = re.compile(r"attribution/(\S+)\.captions\.tsv")
# From the first bracket that speaks of a credit to the end; brackets may be nested.
_CREDIT = re.compile(r"\([^()]*\b(?:credits?|attribution|provided by)\b.*", re.IGNORECASE)
_COMMITS = "attribution/multi_repo_commits.tsv"
_LICENCES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-3.0": "https://creativecommons.org/licenses/by/3.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-SA-3.0": "https://creativecommons.org/licenses/by-sa/3.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "MIT": "https://spdx.org/licenses/MIT.html",
    "BSD-2-Clause": "https://spdx.org/licenses/BSD-2-Clause.html",
    "BSD-3-Clause": "https://spdx.org/licenses/BSD-3-Clause.html",
    "Unlicense": "https://unlicense.org/",
}
_INTRODUCTION = """\
# Pictures that the embedded model is fitted on

{pictures:,} pictures of {folders} sources. The head of `efficientnet_lite0_160.onnx` was trained on
them, and the ranges of its activations were measured on every twentieth. For that they were scaled
down and edited at random (cropped, turned, recoloured and so on). **No picture is part of the model
or of this package**, and no author of a picture endorses either.

`{credits}` beside this file has the credits of single pictures, where a source gives them (those of
a whole book, not only of the pictures taken from it), and the commits of the sources that come from
many repositories.

Licences: {licences}.

| kind | pictures | source | commit | licence | author, to be credited |
| --- | --- | --- | --- | --- | --- |
"""

Row = Mapping[str, str]


def read_sources(tables: Path) -> list[Row]:
    """Return the rows of SOURCES.tsv whose pictures are trained on."""
    with (tables / "SOURCES.tsv").open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["part"] == _TRAINING_PART]


def source_list(sources: Sequence[Row]) -> str:
    """Return the list as Markdown."""
    introduction = _INTRODUCTION.format(
        pictures=sum(int(row["count"]) for row in sources),
        folders=len(sources),
        credits=CREDITS_NAME,
        licences=", ".join(f"[{name}]({address})" for name, address in _LICENCES.items()),
    )
    notices = (Path(__file__).parent / _NOTICES).read_text(encoding="utf-8")
    return introduction + "".join(map(_line, sources)) + notices


def _line(row: Row) -> str:
    author = _CAPTIONS.sub(rf"`{CREDITS_NAME}` (\1)", row["attribution"])
    commit = row["commit"].replace(_COMMITS, f"`{CREDITS_NAME}`")
    cells = row["kind"], row["count"], row["repository"], commit, row["licence"], author
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def picture_credits(tables: Path, sources: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    """Yield source, file and credit of each credited picture, then source, files and commit."""
    for row in sources:
        for name in _CAPTIONS.findall(row["attribution"]):
            for picture, caption in _pairs(tables / "attribution" / f"{name}.captions.tsv"):
                if credit := _CREDIT.search(caption):
                    yield name, Path(picture).name, credit[0].strip()
    for line in _lines(tables / _COMMITS):
        repository, commit, path = line.split("\t")[:3]
        yield repository, path, commit


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    for line in _lines(path):
        picture, _, caption = line.partition("\t")
        yield picture, " ".join(caption.split())


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_training_data(tables: Path, folder: Path) -> None:
    """Write both files to a folder."""
    sources = read_sources(tables)
    (folder / LIST_NAME).write_text(source_list(sources), encoding="utf-8")
    rows = ["source\tfile\tcredit or commit", *map("\t".join, picture_credits(tables, sources))]
    (folder / CREDITS_NAME).write_text("\n".join(rows) + "\n", encoding="utf-8")


def main() -> None:
    """Read the tables and write the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", type=Path, help="folder of SOURCES.tsv and attribution/")
    parser.add_argument("folder", type=Path, help="folder to write the two files to")
    arguments = parser.parse_args()
    write_training_data(arguments.tables, arguments.folder)


if __name__ == "__main__":
    main()
