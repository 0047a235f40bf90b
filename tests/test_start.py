"""A command on few images starts at once: it loads nothing that only many images need."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imagededup.fastdup import save_binary_feature
from imagededup.utils import jit

EXAMPLES = Path(__file__).parents[1] / "examples" / "photos"
HEAVY = {"cv2", "faiss", "jinja2", "llvmlite", "matplotlib", "numba", "pandas", "pywt", "ray"}
HEAVY |= {"scipy", "sklearn", "torch", "tqdm"}
OTHER_PARTS = {
    f"imagededup.{part}"
    for part in (
        *("distributed", "evaluation", "fastdup", "pages.items", "plots"),
        *("sources.archives", "sources.videos"),
    )
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs, one of them twice."""
    folder = tmp_path_factory.mktemp("few")
    files = sorted(EXAMPLES.glob("*.jpg"))[:12]
    for path in files:
        shutil.copy(path, folder)
    shutil.copy(files[0], folder / "again.jpg")
    return folder


def loaded(*arguments, **environment):
    """What a command prints and the modules that it has loaded at its end."""
    code = "import sys; from imagededup.cli import run; run(sys.argv[1:]); print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    *lines, modules = process.stdout.splitlines()
    return "\n".join(lines), set(modules.split())


@pytest.mark.parametrize("method", ["phash", "dhash", "cnn"])
def test_few_images_without_a_cache(folder, method):
    printed, modules = loaded("find", folder, "--method", method, "--no-cache", "--scores")
    assert "13 images, " in printed
    assert "again.jpg" in printed
    absent = HEAVY | OTHER_PARTS | {"sqlite3"} | ({"onnxruntime"} if method != "cnn" else set())
    assert not absent & modules


def test_few_images_with_a_cache(folder, tmp_path):
    for _ in range(2):  # codes are kept, and then taken from there
        printed, modules = loaded("find", folder, IMAGEDEDUP_CACHE_DIR=str(tmp_path))
        assert "again.jpg" in printed
        assert "sqlite3" in modules
        assert not (HEAVY | OTHER_PARTS | {"onnxruntime"}) & modules


def test_pairs_of_twelve_thousand_descriptors():
    code = """
import sys
import numpy as np
from imagededup.methods import CNN
rows = np.random.default_rng(0).random((12_000, 576), np.float32)
rows[1] = 2 * rows[0]
codes = dict(zip(map(str, range(len(rows))), rows))
found = CNN(verbose=False).find_duplicates(encoding_map=codes)
print(*sys.modules)
assert {name for name in found if found[name]} == {"0", "1"}
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(process.stdout.split())


def test_a_search_of_stored_features_loads_nothing_that_reads_images(tmp_path):
    save_binary_feature(tmp_path, ["/1.jpg", "/2.jpg"], np.eye(2, 576, dtype=np.float32))
    code = (
        "import sys; from imagededup.fastdup import run;"
        "run('.', sys.argv[1], run_mode=2); print(*sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True
    )
    modules = set(process.stdout.split())
    assert "imagededup.fastdup.phases" in modules
    assert not {"PIL", "imagededup.fastdup.extract", "imagededup.images"} & modules


@pytest.mark.parametrize("command", ["find", "cache"])
def test_a_command_loads_no_other(command):
    printed, modules = loaded(command, "--help")
    assert f"imagededup {command}" in printed
    assert not {"imagededup.commands.fastdup", "imagededup.commands.distributed"} & modules


class TestPatience:
    """When compiled code is worth its start, in a process that has not loaded numba."""

    @pytest.fixture(autouse=True)
    def new_process(self, monkeypatch):
        monkeypatch.delitem(sys.modules, "numba", raising=False)
        monkeypatch.setattr(jit, "_patience", jit._Patience(0.25))

    def test_lost_time_adds_up(self):
        assert [jit.worth_compiling(0.1) for _ in range(4)] == [False, False, True, True]
        assert jit.worth_compiling(0)

    def test_much_work_is_worth_it_at_once(self):
        assert jit.worth_compiling(0.3)

    def test_what_is_to_come_decides_and_counts_once(self):
        jit.expect_work(0.2)
        jit.expect_work(0.2)
        assert not jit.worth_compiling(0.1)
        jit.expect_work(0.2)
        assert jit.worth_compiling(0)

    def test_numba_is_there(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "numba", object())
        assert jit.worth_compiling(0)


@pytest.mark.parametrize(("side", "least", "most"), [(400, 200, 500), (1700, 1, 1)])
def test_when_images_are_resized_by_compiled_code(side, least, most):
    """After some of usual size, and at once where one is so large that Pillow's copy would tell."""
    code = (
        "import sys, numpy; from imagededup.images.resample import resize\n"
        f"pixels = numpy.zeros(({side}, {side}, 3), numpy.uint8)\n"
        "for count in range(1, 1000):\n"
        "    resize(pixels, (9, 8))\n"
        "    if 'numba' in sys.modules: break\n"
        "print(count)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert least <= int(process.stdout) <= most
