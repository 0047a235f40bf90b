"""How long a page of many pairs takes to write, how large it is, and how it scrolls in Chromium.

Run `python benchmarks/pages.py FOLDER` with a folder of photographs. Crops of them are written,
two files a pair, all different. It needs Chromium and `pip install -e '.[dev]'`.
"""

import argparse
import resource
import shutil
import tempfile
import time
from itertools import count, cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from imagededup.errors import UnreadableImageError
from imagededup.images.decode import load_image
from imagededup.pages import PagePicture, PairSection, PicturePair, write_page
from imagededup.sources.listing import list_images

LONGEST_SIDE = 900
KEPT = 0.8
SECONDS = 4.0

_SCROLL = """async (seconds) => {
    const frames = [];
    let last = performance.now();
    const end = last + 1000 * seconds;
    while (performance.now() < end) {
        scrollBy(0, 150);
        if (scrollY + innerHeight >= document.documentElement.scrollHeight - 5) {
            document.querySelector(".pager button:nth-of-type(3)").click();
            scrollTo(0, 0);
        }
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - last);
        last = performance.now();
    }
    return frames;
}"""

_FILTER = """(() => {
    const begin = performance.now();
    lists.current.form.elements.from.value = "0.5";
    lists.current.draw();
    return performance.now() - begin;
})()"""


def main() -> None:
    """Write the files and the page, and open it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        crops = Path(work) / "crops"
        crops.mkdir()
        write_crops(arguments.folder, crops, 2 * arguments.pairs)
        page = written(crops, arguments.pairs, Path(work) / "page.html")
        for width in (1280, 390):
            look(page, width)


def write_crops(folder: Path, target: Path, wanted: int) -> None:
    """Crops of photographs at random places, as JPEG."""
    photographs = []
    for name in list_images(folder).names:
        try:
            pixels = load_image(folder / name)
        except UnreadableImageError:
            continue
        image = Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        photographs.append(image)
    generator = np.random.default_rng(0)
    for number, image in islice(zip(count(), cycle(photographs), strict=False), wanted):
        width, height = (int(KEPT * side) for side in image.size)
        left, top = generator.integers(0, (image.width - width + 1, image.height - height + 1))
        crop = image.crop((left, top, left + width, top + height))
        crop.save(target / f"{number:06}.jpg", quality=80)


def written(crops: Path, count_of_pairs: int, target: Path) -> Path:
    """Write the page, and print what that took."""
    pictures = [PagePicture(f"{number:06}.jpg", crops) for number in range(2 * count_of_pairs)]
    pairs = [
        PicturePair(pictures[2 * number], pictures[2 * number + 1], 1 - number / count_of_pairs)
        for number in range(count_of_pairs)
    ]
    begin, processor = time.perf_counter(), time.process_time()
    page = write_page(target, "Pairs", [PairSection("Pairs", pairs)])
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{page}: {wall:.1f} s, {processor:.1f} s of processor time, {memory:.0f} MiB")
    return page.path


def look(path: Path, width: int) -> None:
    """Open the page, scroll and filter, and print how long that takes."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        begin = time.perf_counter()
        page.goto(path.as_uri(), wait_until="commit")
        page.wait_for_selector(".item img[src]")
        first = time.perf_counter() - begin
        page.wait_for_load_state("load")
        whole = time.perf_counter() - begin
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        frames = np.array(page.evaluate(_SCROLL, SECONDS))
        filtered = page.evaluate(_FILTER)
        browser.close()
    median, slow = np.percentile(frames, (50, 99))
    print(
        f"{width} pixels: first paint {paint:.0f} ms, first picture {first:.2f} s, whole file "
        f"{whole:.2f} s; scrolling, a frame {median:.0f} ms, one in a hundred {slow:.0f} ms; "
        f"filter {filtered:.0f} ms"
    )


if __name__ == "__main__":
    main()
