import os
import signal
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from imagededup.cli import run

# A shell ignores SIGINT for jobs in the background, and so would the commands that are interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition, up to a deadline that is reached only where a test fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {condition}"
        time.sleep(0.001)


@pytest.fixture(scope="session", autouse=True)
def _homes_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Journals, trash and cache of the tests lie in temporary folders."""
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "IMAGEDEDUP_CACHE_DIR"):
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))


@pytest.fixture
def notebook_shell(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Stands in for IPython's shell in a notebook."""
    shell = SimpleNamespace(kernel=object(), execution_count=1)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return shell


def photograph(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A picture with the smooth, varied content of a photograph."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def textured(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A picture with the edges and corners of a photograph: shapes of many sizes and colours."""
    generator = np.random.default_rng(seed)
    image = photograph(seed, size)
    draw = ImageDraw.Draw(image)
    for extent in np.geomspace(size[0] / 3, size[0] / 40, 60):
        x, y = generator.uniform((0, 0), size)
        corners = (generator.uniform(-extent, extent, (5, 2)) / 2 + (x, y)).ravel().tolist()
        draw.polygon(corners, fill=tuple(generator.integers(0, 256, 3).tolist()))
    return image


@pytest.fixture
def photos(tmp_path):
    """Three pictures, edited copies of the first two, and a file that is no image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("beach", "city", "forest")):
        photograph(number).save(folder / f"{name}.png")
    photograph(0).save(folder / "beach_copy.png")
    photograph(0).resize((160, 120)).save(folder / "beach_small.jpg", quality=90)
    photograph(1).filter(ImageFilter.GaussianBlur(1)).save(folder / "city_blurred.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def command(capsys):
    """Run the command in this process: its exit code, standard output and standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
