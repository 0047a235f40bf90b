"""Take the pictures of pages for the documentation: `python tools/make_screenshots.py`.

It needs the packages of `pip install -e '.[dev]'` and a Chromium.
"""

import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from imagededup.methods import CNN

ROOT = Path(__file__).parents[1]
PHOTOS = ROOT / "examples" / "photos"
IMAGES = ROOT / "docs" / "images"
FEW = ("flower", "flower_grey", "portrait", "portrait_mirrored", "temple", "temple_cropped",
       "temple_text")  # fmt: skip
QUALITY = 82


def main() -> None:
    """Show pairs with one marked, two pictures under the slider, groups on a phone, a report."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        few = Path(folder) / "holiday"
        few.mkdir()
        for name in FEW:
            shutil.copy2(PHOTOS / f"{name}.jpg", few)
        photos = Path(shutil.copytree(PHOTOS, Path(folder) / "photos"))
        address, all_of_them = (
            CNN(verbose=False).search(each, verify=True).to_html(f"{each}.html").path.as_uri()
            for each in (few, photos)
        )
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = opened(browser, address, (1280, 800), "light")
        pairs(page)
        save(page, "page_pairs.webp")
        comparison(page)
        save(page, "page_compare.webp")
        page = opened(browser, all_of_them, (390, 844), "dark")
        groups(page)
        save(page, "page_phone.webp")
        report = Path(folder) / "report.html"
        words = [sys.executable, "-m", "imagededup", "report", "examples/photos", "-o", str(report)]
        subprocess.run(words, check=True, cwd=ROOT)
        reported(browser, report.as_uri())
        browser.close()


def reported(browser: Browser, address: str) -> None:
    """The report: its summary, its first group of duplicates, and the same on a phone."""
    page = opened(browser, address, (1280, 800), "light")
    save(page, "report_overview.webp")
    page.locator(".tabs a", has_text="Duplicates").first.click()
    loaded(page)
    save(page, "report.webp", height=625)
    page = opened(browser, address, (390, 844), "dark")
    page.locator(".tabs a", has_text="Near").first.click()
    loaded(page)
    save(page, "report_phone.webp")


def opened(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> Page:
    """A page at twice as many pixels."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=1.5,
        timezone_id="UTC",
    )
    page = context.new_page()
    page.goto(address)
    return page


def pairs(page: Page) -> None:
    """Pairs, of which one picture is marked."""
    page.locator(".tabs a", has_text="Pairs").click()
    page.keyboard.press("j")
    page.keyboard.press("x")
    loaded(page)


def comparison(page: Page) -> None:
    """A whole and its part, one on the other."""
    page.locator(".section:not([hidden]) .item", has_text="cropped").first.get_by_text(
        "Compare"
    ).click()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    loaded(page)


def groups(page: Page) -> None:
    """The groups, marked by a rule."""
    page.locator(".tabs a", has_text="Groups").click()
    page.locator("#rule-open").click()
    page.locator("#rule button[value=mark]").click()
    loaded(page)


def loaded(page: Page) -> None:
    """Wait for what is seen."""
    page.evaluate(
        "Promise.all([...document.querySelectorAll('img[src]')].map((image) => image.decode()))"
    )
    page.evaluate("document.fonts.ready")


def save(page: Page, name: str, height: int | None = None) -> None:
    """Save what is seen, or the upper part of it."""
    size = page.viewport_size or {"width": 0, "height": 0}
    width, seen = size["width"], size["height"]
    clip = {"x": 0, "y": 0, "width": width, "height": height or seen}
    image = Image.open(BytesIO(page.screenshot(clip=clip)))
    image.convert("RGB").save(IMAGES / name, "WEBP", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
