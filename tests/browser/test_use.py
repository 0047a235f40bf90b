"""Pages in a real browser: filter, pages, comparison, keys, marks and the list."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from imagededup.methods.results import Duplicates
from imagededup.search.matches import Matches, Pairs
from imagededup.sources.listing import list_images
from imagededup.verification.relation import REMOVABLE, Relation
from imagededup.verification.verdict import Verdict, Verdicts
from tests.browser.conftest import BYTES, HOSTILE, TURNED
from tests.conftest import photograph


def count(tab):
    return tab.text(".section:not([hidden]) .count")


def saved(tab):
    """The list that the page saves, as rows."""
    with tab.expect_download() as download:
        tab.locator("#save").click()
    assert download.value.suggested_filename == "marked.jsonl"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


class TestFilter:
    def test_by_score_with_a_live_count(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            assert count(tab) == "5 pairs"
            assert tab.locator(".section:not([hidden]) .count").get_attribute("role") == "status"
            form = tab.locator(".section:not([hidden]) .tools")
            assert form.locator("[name=from]").get_attribute("placeholder") == "0.500"
            form.locator("[name=from]").fill("0.75")
            assert count(tab) == "3 of 5 pairs"
            form.locator("[name=to]").fill("0.98")
            assert (count(tab), len(tab.names())) == ("2 of 5 pairs", 2)
            form.locator("[name=to]").fill("0.1")
            assert count(tab) == "0 of 5 pairs"
            assert tab.text(".section:not([hidden]) .empty") == "Nothing passes the filter."

    def test_by_relation_and_name(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            form = tab.locator(".section:not([hidden]) .tools")
            labels = form.locator(".relations label").all_inner_texts()
            assert labels == ["copy 3", "part 1", "variant 1"]
            form.locator("[value=copy]").uncheck()
            assert tab.names() == [["large.png", "crop.png"], [HOSTILE, "other.png"]]
            form.locator("[name=name]").fill("CROP")
            assert tab.names() == [["large.png", "crop.png"]]

    def test_order(self, opened, many):
        with opened(many) as tab:
            form = tab.locator(".section:not([hidden]) .tools")
            titles = ".section:not([hidden]) .item h3"
            assert count(tab) == "1,000 pairs"
            form.locator("[name=order]").select_option("best")
            assert tab.text(titles) == "distance 0"
            form.locator("[name=order]").select_option("worst")
            assert tab.text(titles) == "distance 10"
            form.locator("[name=to]").fill("3")
            assert tab.text(titles) == "distance 3"


class TestPages:
    def test_turning(self, opened, many):
        with opened(many) as tab:
            pager = tab.locator(".section:not([hidden]) .pager")
            assert "1 – 48 of 1,000" in pager.inner_text()
            assert len(tab.names()) == 48
            first = tab.names()
            pager.get_by_text("Next").click()
            assert "49 – 96 of 1,000" in pager.inner_text()
            assert not {tuple(pair) for pair in first} & {tuple(pair) for pair in tab.names()}
            pager.get_by_text("Last").click()
            assert "961 – 1,000 of 1,000" in pager.inner_text()
            tab.locator(".section:not([hidden]) [name=from]").fill("8")
            assert pager.inner_text().count("1 – 48 of 2") == 1
            assert tab.load_all() == [96, 0]
            assert tab.problems == []

    def test_keys_go_over_their_ends(self, opened, many):
        with opened(many) as tab:
            place = "((e) => [...e.parentElement.children].indexOf(e))(document.activeElement)"
            tab.locator(".section:not([hidden]) .item").last.focus()
            assert tab.evaluate(place) == 47
            tab.press("j")
            assert tab.evaluate(place) == 0
            assert "49 – 96" in tab.text(".section:not([hidden]) .pager")
            tab.press("k")
            assert tab.evaluate(place) == 47
            assert "1 – 48" in tab.text(".section:not([hidden]) .pager")

    def test_pictures_are_drawn_when_they_are_scrolled_to(self, opened, many):
        with opened(many) as tab:
            undrawn = "document.querySelectorAll('.section:not([hidden]) img:not([src])').length"
            assert tab.evaluate(undrawn) > 40
            tab.load_all()
            assert tab.evaluate(undrawn) == 0

    def test_large_groups_are_shown_in_parts(self, opened, many):
        with opened(many) as tab:
            tab.show("Groups")
            assert len(tab.names()[0]) == 24
            tab.get_by_text("Show 36 more of 36").click()
            assert len(tab.names()[0]) == 60
            assert "60 pictures · distance 0 – 4 · 59 of 1,770" in tab.text(
                ".section:not([hidden]) .item-top"
            )


class TestComparison:
    def clips(self, tab):
        return tab.evaluate(
            "['over', 'base'].map((id) => document.getElementById(id).style.clipPath)"
        )

    def test_slider(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.locator(".section:not([hidden]) .frame").first.click()
            assert tab.text("#viewer-title") == "copy · score 0.990"
            middle = self.clips(tab)
            tab.press("ArrowRight")
            assert self.clips(tab) != middle
            box = tab.locator("#stage").bounding_box()
            tab.mouse.move(box["x"] + 5, box["y"] + 50)
            tab.mouse.down()
            tab.mouse.up()
            assert tab.locator("#slider").input_value() == "0"
            facts = tab.locator("#viewer-facts figcaption").all_inner_texts()
            assert facts[0].startswith("large.png\n640 × 480")
            assert "changed 2020-09-1" in facts[0]

    def test_a_crop_lies_where_it_was_cut(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.locator(".section:not([hidden]) .item").nth(1).get_by_text("Compare").click()
            boxes = tab.evaluate(
                "['over', 'base'].map((id) => document.querySelector(`#${id} img`))"
                ".map((image) => image.getBoundingClientRect().toJSON())"
            )
            whole, part = boxes
            scale = whole["width"] / 640
            assert part["width"] == pytest.approx(400 * scale, abs=1)
            assert part["x"] - whole["x"] == pytest.approx(160 * scale, abs=1)
            assert part["y"] - whole["y"] == pytest.approx(120 * scale, abs=1)
            assert tab.text("#viewer-note") == "Laid on each other as they match."

    def test_blink_difference_and_side_by_side(self, opened, page):
        seen = "['over', 'base'].map((id) => getComputedStyle($(id)).visibility)"
        with opened(page) as tab:
            tab.show("Pairs")
            tab.press("j", " ", " ")
            assert tab.evaluate(seen) == ["hidden", "visible"]
            tab.press(" ")
            assert tab.evaluate(seen) == ["visible", "hidden"]
            tab.press("3")
            assert tab.evaluate(seen) == ["visible", "visible"]
            blend = "getComputedStyle(document.getElementById('over')).mixBlendMode"
            assert tab.evaluate(blend) == "difference"
            tab.press("4")
            boxes = [tab.locator(f"#{name}").bounding_box() for name in ("over", "base")]
            assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
            assert tab.locator("[data-mode=beside]").get_attribute("aria-pressed") == "true"

    def test_what_differs_is_framed(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.locator(".section:not([hidden]) .item").nth(2).get_by_text("Compare").click()
            tab.press("4")
            frame, base = (tab.locator(f"#{name}").bounding_box() for name in ("region", "base"))
            image = tab.locator("#base img").bounding_box()
            assert frame["width"] == pytest.approx(image["width"] / 2, abs=2)
            assert frame["x"] == pytest.approx(image["x"], abs=2)
            assert base["width"] >= image["width"]

    def test_the_way_through_pairs_and_members(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.press("j", " ", "j")
            assert tab.text("#viewer-title") == "part · score 0.970"
            tab.press("k", "k")
            assert tab.text("#viewer-title") == "copy · score 0.990"
            assert tab.locator("#viewer-back").is_disabled()
            tab.press("j", "Escape")
            tab.wait_for_function("document.activeElement.dataset.place === '1'")
            tab.show("Groups")
            tab.locator(".section:not([hidden]) .frame").nth(2).click()
            assert tab.text("#viewer-title") == "part, score 0.970 · Group 1 · 3 of 3"
            tab.press("ArrowLeft")
            assert tab.text("#viewer-title") == "copy, score 0.990 · Group 1 · 2 of 3"
            assert tab.problems == []

    def test_a_single_picture(self, opened, page):
        with opened(page) as tab:
            tab.show("Darkest")
            tab.locator(".section:not([hidden]) .frame").click()
            assert tab.text("#viewer-title") == "mean 3.5"
            assert tab.locator("#base img").bounding_box()["height"] > 300
            assert not tab.locator("#over").is_visible()


class TestKeys:
    def test_walk_choose_and_mark(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.press("j", "j", "x")
            assert tab.marked() == ["crop.png"]
            tab.press("k", "ArrowLeft", "x")
            assert tab.marked() == ["large.png", "crop.png"]
            tab.press("x")
            assert tab.marked() == ["crop.png"]
            assert tab.text("#marked") == "1 marked"

    def test_help(self, opened, page):
        with opened(page) as tab:
            tab.press("?")
            assert tab.locator("#help").is_visible()
            tab.press("j", "Escape")
            assert not tab.locator("#help").is_visible()

    def test_letters_in_fields_are_letters(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            field = tab.locator(".section:not([hidden]) [name=name]")
            field.click()
            tab.press("x", "j", "?")
            assert field.input_value() == "xj?"
            assert tab.text("#marked") == "Nothing marked"

    def test_space_presses_buttons(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.locator(".section:not([hidden]) [data-mark]").first.focus()
            tab.press(" ")
            assert tab.marked() == ["large.png"]
            assert not tab.locator("#viewer").is_visible()


class TestRules:
    def apply(self, tab, rule, folder=None):
        tab.locator("#rule-open").click()
        tab.locator("#rule-keep").select_option(rule)
        if folder is not None:
            tab.locator("#rule-folder").select_option(folder)
        tab.locator("#rule button[value=mark]").click()
        return sorted(tab.marked())

    def test_of_a_part_and_its_whole_the_part_goes(self, opened, page, folder):
        with opened(page) as tab:
            tab.show("Groups")
            assert self.apply(tab, "pixels") == ["crop.png", "old/small.jpg"]
            assert self.apply(tab, "oldest") == ["large.png"]  # the crop is older, but a part of it
            assert self.apply(tab, "folder", str(folder / "old")) == ["large.png"]
            assert self.apply(tab, "name") == ["crop.png", "old/small.jpg"]
            tab.get_by_text("Undo").click()
            assert tab.marked() == ["large.png"]

    def test_only_what_the_filter_shows(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.locator(".section:not([hidden]) [name=name]").fill("latin")
            tab.locator("#rule-open").click()
            assert tab.text("#rule-scope").startswith("Of the 1 pair that the filter shows")
            tab.press("Escape")
            assert self.apply(tab, "pixels") == [r"\u202egnp.two\nlines.png"]
            tab.locator(".section:not([hidden]) [name=name]").fill("")
            assert tab.text("#marked") == "1 marked"

    def test_variants_and_broken_files_are_not_marked(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            marked = self.apply(tab, "bytes")
            assert not {HOSTILE, "other.png", "broken.png", "missing.png"} & set(marked)
            assert len(marked) == 3

    def test_one_of_a_group_is_enough_for_all(self, opened, many):
        """Those that match the first one directly go for it."""
        with opened(many) as tab:
            tab.show("Groups")
            self.apply(tab, "name")
            assert tab.text("#marked") == "59 marked"
            assert {row["keep"] for row in saved(tab)} == {"00.png"}


class TestList:
    def test_each_line_names_what_stays(self, opened, page, folder):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.press("j", "x", "j", "j", "j", "x")
            rows = saved(tab)
            status = tab.text("#status")
        assert [(row["remove"], row["keep"]) for row in rows] == [
            ("old/small.jpg", "large.png"),
            (TURNED, BYTES),
        ]
        assert rows[0] | {"state": "", "keep_state": ""} == {
            "remove": "old/small.jpg",
            "folder": str(folder),
            "state": "",
            "keep": "large.png",
            "keep_folder": str(folder),
            "keep_state": "",
            "relation": "copy",
            "score": 0.99,
            "score_name": "score",
        }
        size = (folder / "large.png").stat().st_size
        assert rows[0]["keep_state"].split(":")[2] == str(size)
        assert status.startswith("2 files in marked.jsonl. Then imagededup remove --list")

    def test_the_last_of_its_kind_is_left_out(self, opened, page):
        with opened(page) as tab:
            tab.show("Groups")
            for place in range(3):
                tab.locator(".section:not([hidden]) [data-mark]").nth(place).click()
            warnings = tab.locator(".section:not([hidden]) .warning:visible")
            assert (
                warnings.all_inner_texts()
                == ["Nothing that matches it stays: left out of the list."] * 3
            )
            tab.locator("#save").click()
            assert "3 marked pictures left out" in tab.text("#status")
            tab.locator(".section:not([hidden]) [data-mark]").first.click()
            assert {row["remove"] for row in saved(tab)} == {"old/small.jpg", "crop.png"}

    def test_marks_last_and_are_shared_by_the_sections(self, opened, page):
        with opened(page) as tab:
            tab.show("Pairs")
            tab.press("j", "x")
            tab.show("Groups")
            assert tab.marked() == ["old/small.jpg"]
            tab.reload()
            assert tab.marked() == ["old/small.jpg"]
            tab.locator("#clear").click()
            tab.reload()
            assert tab.marked() == []

    def test_copied(self, opened, page):
        with opened(page, permissions=["clipboard-read", "clipboard-write"]) as tab:
            tab.show("Pairs")
            tab.press("j", "x")
            tab.locator("#copy").click()
            tab.get_by_text("1 file copied").wait_for()
            text = tab.evaluate("navigator.clipboard.readText()")
            assert json.loads(text)["remove"] == "old/small.jpg"

    def test_the_command_removes_what_was_marked(self, opened, page, folder, tmp_path, command):
        """From the page to the files, with names that are no UTF-8, by the copies of a folder."""
        with opened(page) as tab:
            tab.show("Pairs")
            tab.press("j", "x", "j", "j", "j", "ArrowLeft", "x")
            tab.locator("#save")
            with tab.expect_download() as download:
                tab.locator("#save").click()
            marked = tmp_path / "marked.jsonl"
            download.value.save_as(marked)
        code, out, _ = command("remove", "--list", marked)
        assert code == 0
        assert out.splitlines() == [
            r"would remove latin-1 \udce9.png (\u202egnp.two\nlines.png stays, copy, score 0.800)",
            "would remove old/small.jpg (large.png stays, copy, score 0.990)",
            "2 of 2 marked files would be removed; nothing was changed",
        ]
        target = tmp_path / "gone"
        code, out, _ = command("remove", "--list", marked, "--move-to", target)
        try:
            assert (code, out.splitlines()[-1]) == (0, "2 of 2 marked files moved")
            assert (target / BYTES).exists()
            assert not (folder / BYTES).exists()
        finally:  # the folder is that of all tests
            for name in (BYTES, "old/small.jpg"):
                shutil.move(target / name, folder / name)
        code, _, err = command("remove", "--list", marked)
        assert (code, err) == (0, "To act, add --move-to DIR, --trash or --delete --yes\n")
        os.utime(folder / "large.png")
        code, _, err = command("remove", "--list", marked)
        assert code == 1
        assert "was changed after the scan" in err


def random_result(folder, generator, sets=40, size=7):
    """Verified images in sets that do not match each other, without parts in a circle."""
    photograph(1, (16, 12)).save(folder / "one.png")
    names = [f"{number:02}{letter}.png" for number in range(sets) for letter in "abcdefg"]
    for name in names:
        os.link(folder / "one.png", folder / name)
    (folder / "one.png").unlink()
    groups = np.arange(len(names))
    groups[3::size] = groups[2::size]  # the third and the fourth of a set are identical
    extent = generator.permutation(len(names))  # of two parts the one that shows less goes
    verdicts = {}
    for left in np.unique(groups).tolist():
        for right in np.unique(groups).tolist():
            if left < right and left // size == right // size and generator.random() < 0.4:
                word = generator.choice(["copy", "part", "part", "variant"])
                covered = (1.0, 0.5) if extent[left] < extent[right] else (0.5, 1.0)
                score = float(np.round(generator.random(), 3))
                verdicts[left, right] = Verdict(
                    Relation(word), score, left_covered=covered[0], right_covered=covered[1]
                )
    left, right = np.array(list(verdicts)).T
    rows = Verdicts.of(list(verdicts.values()))
    pairs = Pairs(left, right, rows.rows["score"].copy())
    matches = Matches(groups, None, pairs, 1.0, descending=True)
    return Duplicates(names, matches, "score", list_images(folder), verdicts=rows)


def test_a_rule_marks_what_the_command_would_remove(opened, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    found = random_result(folder, np.random.default_rng(1))
    with opened(found.to_html(tmp_path / "page.html").path) as tab:
        tab.show("Groups")
        TestRules().apply(tab, "name")
        rows = saved(tab)
    removed = {row["remove"] for row in rows}
    assert sorted(removed) == found.to_remove("first")
    assert len(removed) > 50
    for row in rows:
        verdict = found.verdict(row["remove"], row["keep"])
        assert row["keep"] not in removed
        assert verdict.relation.value == row["relation"]
        assert verdict.relation in REMOVABLE
        assert not verdict.right_is_part
