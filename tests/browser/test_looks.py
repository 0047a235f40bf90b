"""Pages in a real browser: they open clean, load nothing, and anyone can use them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagededup.pages import PagePicture, PairSection, PicturePair, WrittenPage, write_page
from tests.browser.conftest import BYTES, HOSTILE

SECTIONS = ["Overview", "Groups", "Pairs", "Darkest"]
SIZES = [(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")]


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_every_section_opens_clean(opened, page, width, scheme):
    with opened(page, width, scheme) as tab:
        seen = {}
        for section in SECTIONS:
            tab.show(section)
            seen[section] = tab.load_all()
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert seen == {"Overview": [0, 0], "Groups": [3, 0], "Pairs": [8, 0], "Darkest": [1, 0]}
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(248, 247, 245)" if scheme == "light" else "rgb(21, 21, 20)")
        assert tab.problems == []
        assert [url for url in tab.requests if not url.startswith("data:")] == [page.as_uri()]


@pytest.mark.parametrize(
    ("width", "scheme", "sections"), [(1280, "light", SECTIONS), (390, "dark", ["Overview"])]
)
def test_axe_finds_nothing(opened, page, width, scheme, sections):
    with opened(page, width, scheme) as tab:
        found = []

        def check():
            found.extend(tab.violations())

        for section in sections:
            tab.show(section)
            tab.load_all()
            check()
        tab.show("Pairs")
        if width < 700:
            tab.locator("summary >> visible=true").click()
        tab.press("j", "x")
        check()
        for dialog in ("?", " "):
            tab.press(dialog)
            check()
            tab.press("Escape")
        tab.locator("#rule-open").click()
        check()
        assert found == []


def test_no_request_can_leave(opened, page):
    """Not even where a script asks for one."""
    with opened(page) as tab:
        tried = tab.evaluate(
            """async () => {
                const image = new Image();
                const failed = new Promise((done) => { image.onerror = () => done("refused"); });
                image.src = "https://example.org/a.png";
                const fetched = fetch("https://example.org/").then(() => "sent", () => "refused");
                return Promise.all([failed, fetched]);
            }"""
        )
        assert tried == ["refused", "refused"]
        assert tab.left == []
        assert len(tab.problems) >= 2  # the policy says so
        assert all("Content Security Policy" in problem for problem in tab.problems)


def test_hostile_names_are_text(opened, page):
    with opened(page) as tab:
        for section in SECTIONS:
            tab.show(section)
            tab.load_all()
            assert tab.evaluate("typeof hacked") == "undefined"
        assert HOSTILE in tab.text("h1")
        tab.show("Pairs")
        pairs = tab.names()
        assert pairs[2][0] == HOSTILE
        assert pairs[3] == [r"latin-1 \udce9.png", r"\u202egnp.two\nlines.png"]
        assert HOSTILE in tab.text(".section:not([hidden]) .item:nth-child(3) .item-top")
        tab.locator("article").nth(4).get_by_text("Compare").click()
        assert tab.evaluate("typeof hacked") == "undefined"
        assert tab.problems == []


def test_missing_and_broken_files_say_why(opened, page):
    with opened(page) as tab:
        tab.show("Pairs")
        boxes = tab.locator(".section:not([hidden]) .frame.none")
        assert boxes.all_inner_texts() == [
            "not an image, or of an unknown format",
            "no such file",
        ]
        item = tab.locator(".section:not([hidden]) .item").nth(4)
        assert item.locator("[data-mark]").count() == 0
        item.get_by_text("Compare").click()
        assert tab.text("#over") == "not an image, or of an unknown format"
        assert tab.text("#base") == "no such file"
        assert not tab.locator(".modes").is_visible()


def test_what_is_said_of_pictures_and_groups(opened, page):
    with opened(page, timezone_id="UTC") as tab:
        tab.show("Groups")
        top = tab.text(".section:not([hidden]) .item-top")
        assert "3 pictures · score 0.970 – 0.990 · 2 of 3 pairs match directly" in top
        captions = tab.locator(".section:not([hidden]) figcaption").all_inner_texts()
        assert captions[0].startswith("large.png\n640 × 480 · ")
        assert "2020-09-13" in captions[0]
        assert captions[1].startswith("old/small.jpg\ncopy, score 0.990\n320 × 240 · ")
        assert captions[2].startswith("crop.png\npart, score 0.970\n400 × 300 · ")


def test_links_open_the_files(opened, page, folder):
    with opened(page) as tab:
        tab.show("Pairs")
        links = tab.locator(".section:not([hidden]) a", has_text="Open file")
        addresses = links.evaluate_all("all => all.map((link) => link.href)")
        assert addresses[0] == (folder / "large.png").as_uri()
        assert addresses[6] == (folder / BYTES).as_uri()
        assert all(address.startswith("file:///") for address in addresses)
        with tab.context.expect_page() as other:
            links.first.click()
        assert other.value.evaluate("document.images[0].naturalWidth") == 640
        other.value.close()


def test_several_files_lead_to_each_other(opened, tmp_path):
    pictures = [PagePicture(f"{number}.bmp", tmp_path) for number in range(20)]
    for number, picture in enumerate(pictures):
        noise = np.random.default_rng(number).integers(0, 256, (360, 360, 3), np.uint8)
        Image.fromarray(noise).save(picture.path)
    pairs = [PicturePair(*pictures[place : place + 2], place) for place in range(0, 20, 2)]
    sections = [PairSection("Pairs", pairs)]
    written = write_page(tmp_path / "a b.html", "Much", sections, max_bytes=1_000_000)
    assert len(written.files) > 1
    assert written.files[1] == tmp_path / "a b_pages" / "page_2.html"
    assert all(file.stat().st_size <= 1_000_000 for file in written.files)
    assert written.size == sum(file.stat().st_size for file in written.files)
    seen = []
    with opened(written.path) as tab:
        for number, file in enumerate(written.files):
            tab.locator(".files a").nth(number).click()
            tab.wait_for_url(file.as_uri())
            assert tab.load_all()[1] == 0
            seen += tab.names()
        tab.locator(".files a").first.click()
        tab.wait_for_url(written.path.as_uri())
        assert tab.problems == []
    assert seen == [[pair.left.name, pair.right.name] for pair in pairs]


def test_the_page_works_within_a_notebook(opened, page, tmp_path):
    """There it is a document within a frame without an origin."""
    shown = WrittenPage(page, (page,), 0, 9, 2)._repr_html_()
    host = tmp_path / "notebook.html"
    host.write_text(f"<!doctype html><meta charset=utf-8><title>Notebook</title>{shown}")
    with opened(host) as tab:
        frame = tab.frame_locator("iframe")
        frame.locator(".tabs a", has_text="Pairs").click()
        frame.locator("[data-section='4'] [data-mark]").first.click()
        assert frame.locator("#marked").inner_text() == "1 marked"
        with tab.expect_download() as download:
            frame.locator("#save").click()
        assert Path(download.value.path()).read_text().count("\n") == 1
        assert tab.problems == []


def test_it_opens_wherever_it_is_moved(opened, page, tmp_path):
    shutil.copy(page, tmp_path / "mail.html")
    with opened(tmp_path / "mail.html") as tab:
        tab.show("Pairs")
        assert tab.load_all() == [8, 0]
        assert tab.problems == []


def test_the_address_names_the_section(opened, page):
    with opened(page) as tab:
        tab.show("Pairs")
        tab.locator(".skip").focus()
        tab.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "main"
        assert tab.text(".tabs a[aria-current]").startswith("Pairs")
        tab.goto(f"{page.as_uri()}#section-3")
        assert tab.text(".tabs a[aria-current]").startswith("Groups")


def test_nothing_is_offered_where_nothing_can_be_marked(opened, tmp_path):
    one, other = PagePicture("a.jpg"), PagePicture("b.jpg")
    sections = [PairSection("Pairs", [PicturePair(one, other, 1)], score_name="distance")]
    with opened(write_page(tmp_path / "codes.html", "Codes", sections).path) as tab:
        assert tab.locator(".frame.none").all_inner_texts() == ["no file is known"] * 2
        assert not tab.locator("#bar").is_visible()
        assert tab.locator("[data-mark]").count() == 0
        tab.press("j", "x")
        assert tab.marked() == []
        assert tab.problems == []
