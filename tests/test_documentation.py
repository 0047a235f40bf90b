"""The Python code of README.md and of the guides runs, page by page, from top to bottom.

Code with a prompt is run as a doctest, which compares its results, too.
"""

import doctest
import re
from pathlib import Path

import matplotlib as mpl
import pytest
from PIL import ImageDraw, ImageOps

from imagededup import fastdup
from imagededup.evaluation import precision_recall_curve
from tests.conftest import photograph

CHECKOUT = Path(__file__).resolve().parents[1]
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
NEEDS_TORCH = "custom_models.md"  # tests/test_models.py runs what it shows
MARKS = {  # it starts Ray
    "distributed.md": [pytest.mark.long, pytest.mark.filterwarnings("ignore")]
}
NAMES = ("a.jpg", "b.jpg", "c.jpg", "temple.jpg", "temple_mirrored.jpg", "temple_text.jpg")
TRUTH = {**{name: [] for name in NAMES}, "a.jpg": ["b.jpg"], "b.jpg": ["a.jpg"]}
SCORES = {**TRUTH, "a.jpg": [("b.jpg", 2)], "b.jpg": [("a.jpg", 2)]}


def pages():
    """The pages that have code without a prompt."""
    for page in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]:
        blocks = CODE.findall(page.read_text(encoding="utf-8"))
        if any(">>>" not in block for block in blocks) and page.name != NEEDS_TORCH:
            yield pytest.param(page, id=page.name, marks=MARKS.get(page.name, ()))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders that the pages name, with a few small pictures."""
    root = tmp_path_factory.mktemp("documentation")
    pictures = {f"{name}.jpg": photograph(seed, (96, 72)) for seed, name in enumerate("ac")}
    pictures["b.jpg"] = pictures["a.jpg"].resize((80, 60))
    pictures["temple.jpg"] = photograph(5, (128, 96))
    pictures["temple_mirrored.jpg"] = ImageOps.mirror(pictures["temple.jpg"])
    pictures["temple_text.jpg"] = pictures["temple.jpg"].copy()
    ImageDraw.Draw(pictures["temple_text.jpg"]).text((10, 10), "temple", "white")
    for name in ("photos", "examples/photos", "new", "old", "archive"):
        folder = root / name
        folder.mkdir(parents=True)
        for file, picture in pictures.items():
            picture.save(folder / file, quality=95)
    fastdup.run(str(root / "photos"), str(root / "work"))  # a page may come before it makes one
    return root


@pytest.mark.parametrize("page", list(pages()))
def test_code_runs(page, folders, monkeypatch):
    monkeypatch.chdir(folders)
    mpl.use("agg")
    names = {"truth": TRUTH, "other_curve": precision_recall_curve(TRUTH, SCORES)}
    for block in CODE.findall(page.read_text(encoding="utf-8")):
        if ">>>" in block:
            block = "".join(each.source for each in doctest.DocTestParser().get_examples(block))
        exec(compile(block, page.name, "exec"), names)
