"""What the embedded model was fitted on: the list, its credits, the tool for them, and batches."""

import csv
import re
import runpy
from pathlib import Path

import numpy as np
import pytest

import imagededup

CHECKOUT = Path(__file__).parents[1]
MODELS = Path(imagededup.__file__).parent / "models"
TOOL = runpy.run_path(str(CHECKOUT / "tools" / "training_data.py"))

draw_pictures = runpy.run_path(str(CHECKOUT / "tools" / "batches.py"))["draw_pictures"]

COLUMNS = ["kind", "folder", "count", "repository", "commit", "path", "licence"]
COLUMNS += ["attribution", "part"]
BIRDS = "birds", "training/birds", "1200", "a/birds", "12ab", "x", "CC-BY-4.0", "A|B", "train"
BOOK = (
    *("art", "training/book", "34", "b/book", "34cd", "media", "CC-BY-4.0"),
    *("The Press, plus attribution/book.captions.tsv", "train"),
)
SERIES = (
    *("comics", "training/comics", "5", "c/part1..part2", "see attribution/multi_repo_commits.tsv"),
    *("x", "CC-BY-4.0", "D", "train"),
)
MEASURED = "welds", "measure/welds", "9", "d/welds", "56ef", "x", "unknown", "E", "measure"
CAPTIONS = """\
media/a.jpg\tTwo suns (one small) set. (credit: modification of “Suns” by F (G)/flickr)
media/b.jpg\tA drawing (uncoloured).

media/c.jpg\tCells. LM 40:1. (Micrograph provided by the H School)
"""


def listed_rows():
    """The rows of the shipped list, without those that only look like rows."""
    text = (MODELS / "TRAINING_DATA.md").read_text(encoding="utf-8")
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")][
        1:
    ]


class TestTool:
    def test_measured_rows_are_left_out_and_credits_are_kept(self, tmp_path):
        (tmp_path / "attribution").mkdir()
        rows = [COLUMNS, BIRDS, BOOK, SERIES, MEASURED]
        (tmp_path / "SOURCES.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
        (tmp_path / "attribution" / "book.captions.tsv").write_text(CAPTIONS, encoding="utf-8")
        (tmp_path / "attribution" / "multi_repo_commits.tsv").write_text("c/part1\t78\tgfx_*.png\n")
        TOOL["write_training_data"](tmp_path, tmp_path)
        written = (tmp_path / "TRAINING_DATA.md").read_text(encoding="utf-8")
        assert "1,239 pictures of 3 sources" in written
        assert "| birds | 1200 | a/birds | 12ab | CC-BY-4.0 | A\\|B |" in written
        assert "welds" not in written
        assert "attribution/" not in written
        assert (tmp_path / "TRAINING_CREDITS.tsv").read_text(encoding="utf-8").splitlines() == [
            "source\tfile\tcredit or commit",
            "book\ta.jpg\t(credit: modification of “Suns” by F (G)/flickr)",
            "book\tc.jpg\t(Micrograph provided by the H School)",
            "c/part1\tgfx_*.png\t78",
        ]


class TestShippedFiles:
    def test_every_source_has_a_free_licence(self):
        free = re.compile(
            r"CC-BY(-SA)?-[34]\.0|per map: CC-BY-4\.0|CC0|MIT|BSD-[23]-Clause|Apache-2\.0"
            r"|Unlicense|US public domain"
        )
        rows = listed_rows()
        assert len(rows) == 52 + 1  # and the line below the heading
        assert [row for row in rows[1:] if not free.match(row[4])] == []
        assert sum(int(row[1]) for row in rows[1:]) == 6351

    def test_every_named_file_of_credits_has_lines(self):
        text = (MODELS / "TRAINING_CREDITS.tsv").read_text(encoding="utf-8")
        rows = list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
        assert {len(row) for row in rows} == {3}
        named = re.findall(
            r"`TRAINING_CREDITS.tsv` \((\S+)\)", (MODELS / "TRAINING_DATA.md").read_text("utf-8")
        )
        assert len(named) == 11
        assert set(named) <= {row[0] for row in rows}

    def test_notice_and_card_name_them(self):
        for document in (CHECKOUT / "NOTICE", MODELS / "MODEL_CARD.md"):
            text = document.read_text(encoding="utf-8")
            assert "TRAINING_DATA.md" in text
            assert "TRAINING_CREDITS.tsv" in text
            assert "research use" not in text
            assert "unknown" not in text


class TestBatches:
    KINDS = [np.arange(first, first + 10) for first in range(0, 100, 10)]

    @pytest.mark.parametrize(
        ("step", "kinds", "expected", "drawn_kinds"),
        [(0, 2, 30, None), (1, 2, 20, 2), (3, 4, 30, 3), (1, 0, 30, None)],
    )
    def test_odd_steps_draw_from_a_few_kinds(self, step, kinds, expected, drawn_kinds):
        drawn = [
            draw_pictures(step, self.KINDS, 30, kinds, np.random.default_rng(7)) for _ in range(2)
        ]
        assert drawn[0].tolist() == drawn[1].tolist()
        assert len(set(drawn[0])) == expected
        different = len(set(drawn[0] // 10))
        assert different == drawn_kinds if drawn_kinds else different > 4
