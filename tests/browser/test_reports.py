"""Reports and galleries in a real browser."""

import csv

import pytest

from imagededup import fastdup
from imagededup.cli import run
from tests.browser.conftest import HOSTILE

SIZES = [(1280, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def report(folder):
    """The report on a folder with hostile names, broken files and a folder within."""
    path = folder.parent / "report.html"
    assert run(["report", str(folder), "-r", "-o", str(path), "--force"]) == 0
    return path


@pytest.fixture(scope="module")
def galleries(folder):
    """A gallery of each kind."""
    work = folder.parent / "work"
    options = {"threshold": 0.7, "turi_param": "ccthreshold=0.9", "nn_provider": "turi"}
    assert fastdup.run(str(folder), str(work), **options) == 0
    with (work / "similarity.csv").open("a", errors="surrogateescape", newline="") as file:
        csv.writer(file).writerow([folder / "gone.png", folder / HOSTILE, 0.9])
    calls = (
        fastdup.create_duplicates_gallery,
        fastdup.create_similarity_gallery,
        fastdup.create_outliers_gallery,
        fastdup.create_components_gallery,
        fastdup.create_stats_gallery,
    )
    return [call(work, folder.parent / "galleries").path for call in calls]


def check_page(tab, width):
    """Look at every section, and say how many pictures there were."""
    tabs = tab.locator(".tabs a")
    pictures = 0
    for number in range(max(tabs.count(), 1)):
        if tabs.count():
            tabs.nth(number).click()
        loaded, failed = tab.load_all()
        pictures += loaded
        assert failed == 0
        if width < 700:  # where tabs and captions are cramped
            assert tab.violations() == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate("typeof hacked") == "undefined"
    assert tab.problems == []
    assert tab.left == []
    return pictures


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_report_opens_clean(opened, report, width, scheme):
    with opened(report, width, scheme) as tab:
        assert check_page(tab, width) >= 3
        tab.show("Overview")
        assert "not an image, or of an unknown format" in tab.text("main")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_galleries_open_clean(opened, galleries, width, scheme):
    for path in galleries:
        with opened(path, width, scheme) as tab:
            assert check_page(tab, width) > 0 or path.stem == "outliers"


def test_from_a_report_to_removal(opened, report, folder, tmp_path, command):
    with opened(report) as tab:
        tab.locator(".tabs a").nth(1).click()
        tab.locator(".section:not([hidden]) [data-mark]").nth(1).click()
        (name,) = tab.marked()
        with tab.expect_download() as download:
            tab.locator("#save").click()
        marked = tmp_path / "marked.jsonl"
        download.value.save_as(marked)
    code, out, _ = command("remove", "--list", marked)
    assert (code, name in out) == (0, True)
    assert (folder / name).exists()
