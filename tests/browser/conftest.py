"""A real browser, started once, and pages that it opens from the disk."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagededup.pages import (
    BarSection,
    FactSection,
    GroupSection,
    MayGo,
    NamedPicture,
    PagePicture,
    PairSection,
    PictureGroup,
    PictureLink,
    PicturePair,
    PictureSection,
    TableSection,
    write_page,
)
from tests.conftest import textured

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = "<script>hacked=1<|script><img src=x onerror=hacked=1>.png"
BYTES = os.fsdecode(b"latin-1 \xe9.png")
TURNED = "\u202egnp.two\nlines.png"


@pytest.fixture(scope="session")
def chromium():
    """The browser; without one the tests are skipped."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


class Tab:
    """A page in the browser, with everything that it says and asks for."""

    def __init__(self, page):
        self.page = page
        self.problems, self.requests, self.left = [], [], []
        self._listeners = {
            "console": lambda message: self.problems.append(message.text),
            "pageerror": lambda error: self.problems.append(str(error)),
            "dialog": lambda dialog: self.problems.append(dialog.message),
            "request": lambda request: self.requests.append(request.url),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)
        page.route(lambda url: not url.startswith("file:"), self._refuse)
        page.set_default_timeout(10_000)

    def _refuse(self, route):
        self.left.append(route.request.url)
        route.abort()

    def leave(self):
        """Forget the page, as if it had never been open."""
        self.page.evaluate("localStorage.clear()")
        self.page.goto("about:blank")
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        self.page.unroute_all()

    def __getattr__(self, name):
        return getattr(self.page, name)

    def text(self, selector):
        return self.page.locator(selector).first.inner_text()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def show(self, title):
        self.page.locator(".tabs a", has_text=title).click()

    def violations(self):
        """What axe-core finds; without it the test is skipped."""
        package = pytest.importorskip("axe_playwright_python.base", reason="needs axe-core")
        script = Path(package.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
        return self.page.evaluate(
            f"""async () => {{
                if (!window.axe) {{ {script} }}
                const found = await axe.run({{resultTypes: ["violations"]}});
                return found.violations.map(
                    (one) => `${{one.id}}: ${{one.nodes.map((node) => node.html).join(" ")}}`);
            }}"""
        )

    def names(self):
        """The names of the pictures of every item that is shown."""
        return self.page.eval_on_selector_all(
            ".section:not([hidden]) .item",
            "items => items.map(i => [...i.querySelectorAll('.name')].map(n => n.title))",
        )

    def marked(self):
        return self.page.eval_on_selector_all(
            ".section:not([hidden]) .goes .name", "all => [...new Set(all.map(n => n.title))]"
        )

    def load_all(self):
        """Scroll through the items, and say how many pictures there are and how many failed."""
        return self.page.evaluate(
            """async () => {
                for (const image of document.querySelectorAll(".section:not([hidden]) img")) {
                    image.scrollIntoView();
                    while (!image.src) await new Promise(requestAnimationFrame);
                    await image.decode().catch(() => null);
                }
                const all = [...document.querySelectorAll(".section:not([hidden]) img")];
                return [all.length, all.filter((image) => !image.naturalWidth).length];
            }"""
        )


@pytest.fixture(scope="session")
def window(chromium):
    """A window for all tests that need none of their own, which takes twice the time."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def opened(chromium, window):
    """Open pages of the disk; whatever asks for anything else is refused."""

    @contextmanager
    def open_page(path, width=1280, scheme="light", **options):
        context = chromium.new_context(**options) if options else None
        page = context.new_page() if context else window
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        tab = Tab(page)
        try:
            tab.goto(Path(path).as_uri())
            yield tab
        finally:
            tab.leave()
            if context:
                context.close()

    return open_page


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Pictures: a large one, a smaller copy, a crop and others; names of all kinds; broken ones."""
    root = tmp_path_factory.mktemp("browser") / "photos"
    (root / "old").mkdir(parents=True)
    picture = textured(1, (640, 480))
    files = {
        "large.png": picture,
        "old/small.jpg": picture.resize((320, 240)),
        "crop.png": picture.crop((160, 120, 560, 420)),
        "other.png": textured(2),
        HOSTILE: textured(3),
        BYTES: textured(4),
        TURNED: textured(4),
    }
    for number, (name, image) in enumerate(files.items()):
        path = root / f"{number}{Path(name).suffix}"
        image.save(path)
        os.utime(path, (1_600_000_000 - 86_400 * number,) * 2)
        path.rename(root / name)
    (root / "broken.png").write_text("no image")
    return root


@pytest.fixture(scope="session")
def page(folder):
    """A page with every kind of section."""
    large, small, crop, other, hostile, raw, turned, broken, missing = (
        PagePicture(name, folder)
        for name in (
            *("large.png", "old/small.jpg", "crop.png", "other.png", HOSTILE, BYTES, TURNED),
            *("broken.png", "missing.png"),
        )
    )
    shift = ((1.0, 0.0, -160.0), (0.0, 1.0, -120.0))
    pairs = [
        PicturePair(large, small, 0.99, "copy", "scaled to 50 %"),
        PicturePair(large, crop, 0.97, "part", may_go=MayGo.RIGHT, matrix=shift),
        PicturePair(hostile, other, 0.5, "variant", HOSTILE, MayGo.NEITHER, region=(0, 0, 0.5, 1)),
        PicturePair(raw, turned, 0.8, "copy"),
        PicturePair(broken, missing, 0.7, "copy"),
    ]
    links = [
        PictureLink(0, 1, 0.99, "copy"),
        PictureLink(0, 2, 0.97, "part", MayGo.RIGHT),
    ]
    sections = [
        FactSection("Summary", [("9", "images"), ("5", "pairs")]),
        BarSection("Widths", [("up to 640 pixels", 7), (HOSTILE, 2)]),
        TableSection("Broken files", ("file", "reason"), [(TURNED, "no image")]),
        GroupSection("Groups", [PictureGroup([large, small, crop], links)]),
        PairSection("Pairs", pairs, "Side by side."),
        PictureSection("Darkest", [NamedPicture(raw, "mean 3.5", 3.5)], value_name="mean"),
    ]
    return write_page(folder.parent / "page.html", f"Photos {HOSTILE}", sections, text="All.").path


@pytest.fixture(scope="session")
def many(folder):
    """A page with a thousand pairs of distances, and a group of sixty."""
    for number in range(60):
        textured(number, (48, 36)).save(folder.parent / f"{number:02}.png")
    few = [PagePicture(f"{number:02}.png", folder.parent) for number in range(60)]
    pairs = [
        PicturePair(few[left], few[right], (left + right) % 11, "near" if left % 2 else "far")
        for left in range(60)
        for right in range(left + 1, 60)
    ][:1000]
    links = [PictureLink(0, place, place % 5) for place in range(1, 60)]
    sections = [
        PairSection("Pairs", pairs, score_name="distance"),
        GroupSection("Groups", [PictureGroup(few, links)], score_name="distance"),
    ]
    return write_page(folder.parent / "many.html", "Many", sections).path
