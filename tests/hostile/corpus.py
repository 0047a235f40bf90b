"""A folder of hostile and broken files among readable ones, and what must be found in it."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.broken_files import make_broken_files, make_special_files
from tests.hostile.archives import archives
from tests.hostile.formats import FORMATS, damaged, encoded, picture
from tests.hostile.traps import animations, bombs, giants, odd_metadata

__all__ = ["Corpus", "make_corpus"]

_FEW_COLOURS = ("1", "F", "I;16", "L", "P")  # an embedding need not hold such a copy for one
_TWO_COLOURS = {"tiff_group4", "xbm", "msp"}  # dithered: nor need a hash
_WRONG_ENDINGS = ("jpg", "png", "txt", "mp4.bak", "json", "heic", "exe", "")
_NAMES = (
    "line\nbreak.jpg",
    "carriage\rreturn.jpg",
    "\x1b[2J\x1b]0;owned\x07 escapes.jpg",
    "right \u202egpj.exe",
    "<img src=x onerror=alert(1)>.jpg",
    '"><svg onload=alert(1)>.jpg',
    "'-alert(1)-'.jpg",
    "<!--.jpg",
    "{{7*7}}{% raw %}.jpg",
    "&lt;b&gt;&amp;.jpg",
    '=HYPERLINK("x").jpg',
    "@SUM(1).jpg",
    "+1.jpg",
    "-rf.jpg",
    "a,b;c\t.jpg",
    "%00%2e%2e#?.jpg",
    "n" * 251 + ".jpg",
    os.fsdecode(b"latin-1 \xe9 \xff.jpg"),
    "\ufeff\u2028\u2029.jpg",
    "con.jpg.",
    " .jpg",
)


@dataclass(slots=True)
class Corpus:
    """What was written, and what is known of it.

    Attributes:
        folder: Where.
        scenes: The picture of each file that may be readable, by name.
        whole: Files that are undamaged.
        bad: Files that cannot be read.
        pale: Undamaged files that have lost their colours.
        kinds: How many files of each kind there are.
    """

    folder: Path
    scenes: dict[str, object] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)
    bad: set[str] = field(default_factory=set)
    pale: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, content: bytes, scene: object, whole: bool = False) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.kinds[path.parent.name] += 1
        self.scenes[name] = scene
        if whole:
            self.whole.add(name)

    def copies(self) -> set[frozenset[str]]:
        """The pairs of undamaged files of one picture: each must be found."""
        by_scene: dict[object, list[str]] = {}
        for name in sorted(self.whole):
            by_scene.setdefault(self.scenes[name], []).append(name)
        groups = by_scene.values()
        return {frozenset((a, b)) for group in groups for a in group for b in group if a < b}

    def is_true(self, one: str, other: str) -> bool:
        """Whether two files may be called duplicates: they show one picture, whole or in part."""
        return self.scenes.get(one, one) == self.scenes.get(other, other)


def make_corpus(folder: Path, every: int = 1) -> Corpus:
    """Write the corpus; with `every`, one of so many damaged files of every third format."""
    folder.mkdir()
    corpus = Corpus(folder)
    _formats(corpus, every)
    for number, ending in enumerate(_WRONG_ENDINGS, 800):
        data = encoded(picture(number), "png") or b""
        corpus.add(f"endings/{number}.{ending}".rstrip("."), data, number, True)
        corpus.add(f"endings/{number}_copy.png", data, number, True)
    name_picture = encoded(picture(930), "jpeg") or b""
    for name in _NAMES:
        corpus.add(f"names/{name}", name_picture, 930, True)
    for name, content in odd_metadata():
        corpus.add(f"metadata/{name}", content, 920, True)
    for name, content in animations():
        corpus.add(f"animations/{name}", content, 910, True)
    if every == 1:
        _expensive(corpus)
    _broken(corpus)
    return corpus


def _formats(corpus: Corpus, every: int) -> None:
    for number, kind in enumerate(FORMATS):
        if every > 1 and number % 3:
            continue
        data = encoded(picture(number), kind)
        if data is None:
            continue
        is_near = kind not in _TWO_COLOURS
        whole = f"whole/{kind}.{FORMATS[kind][0]}"
        corpus.add(whole, data, number, is_near)
        if FORMATS[kind][2] in _FEW_COLOURS:
            corpus.pale.add(whole)
        corpus.add(
            f"whole/{kind}_copy.png", encoded(picture(number), "png") or b"", number, is_near
        )
        for place, (name, content) in enumerate(damaged(kind, data)):
            if (place + number) % every == 0:
                corpus.add(f"damaged/{name}", content, number)


def _expensive(corpus: Corpus) -> None:
    """What takes a second or more, or a gigabyte."""
    for name, content in bombs():
        corpus.add(f"bombs/{name}", content, name)
    for name, content in giants():
        corpus.add(f"giants/{name}", content, "black")
    for name, content in archives():
        scene = f"cut {name.endswith('zip')}" if name.startswith("cut") else name
        corpus.add(f"archives/{name}", content, scene)
        for member in ("a.jpg", "a\n\x1b[2J\u202e.jpg"):
            corpus.scenes[f"archives/{name}/{member}"] = scene
    photo = encoded(picture(940), "jpeg") or b""
    for name, content in {"photo.jpg": photo, "zeros.png": b"", "zeros.tar": b""}.items():
        corpus.add(f"sparse/{name}", content, name)
        os.truncate(corpus.folder / "sparse" / name, 9 * 2**30)
        if name != "zeros.tar":
            corpus.bad.add(f"sparse/{name}")


def _broken(corpus: Corpus) -> None:
    names = make_broken_files(corpus.folder / "broken")
    corpus.bad |= {f"broken/{name}" for name in names}
    corpus.kinds["broken"] += len(names)
    make_special_files(corpus.folder / "special")
    corpus.kinds["special"] += len(list((corpus.folder / "special").iterdir()))
