"""Compiled functions run whatever has become of the cache of machine code."""

import importlib.util
import os
import shutil
import subprocess
import sys

import numba
import pytest

SOURCE = """
from imagededup.utils.jit import compiled

@compiled
def add(left, right):
    return left + right
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of the cache."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def new_process(tmp_path, cache):
    """What a process gets that imports the function: it has nothing but the cache."""
    path = tmp_path / "arithmetic.py"
    path.write_text(SOURCE)
    os.utime(path, (1, 1))

    def load():
        specification = importlib.util.spec_from_file_location("arithmetic", path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        return module.add

    return load


def files(cache):
    return sorted(path for path in cache.rglob("*") if path.suffix in (".nbi", ".nbc"))


def hits(function):
    return sum(function.dispatcher.stats.cache_hits.values())


def test_the_cache_is_used(cache, new_process):
    assert new_process()(2, 3) == 5
    assert [path.suffix for path in files(cache)] == [".nbc", ".nbi"]
    again = new_process()
    assert again(2, 3) == 5
    assert hits(again) == 1


@pytest.mark.parametrize("damage", ["empty", "half", "nonsense", "version only", "folder"])
@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damaged_files(cache, new_process, suffix, damage):
    new_process()(2, 3)
    (path,) = [path for path in files(cache) if path.suffix == suffix]
    content = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        damaged = {"empty": b"", "half": content[: len(content) // 2], "nonsense": b"\0\1" * 50}
        path.write_bytes(damaged.get(damage, content[:20]))
    assert new_process()(2, 3) == 5
    assert new_process()(2.5, 3) == 5.5
    if damage != "folder":  # it has been mended
        again = new_process()
        assert again(2, 3) == 5
        assert hits(again) == 1


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_removed_files(cache, new_process, suffix):
    new_process()(2, 3)
    for path in files(cache):
        if path.suffix == suffix:
            path.unlink()
    assert new_process()(2, 3) == 5


def test_the_folder_vanishes_before_the_call(cache, new_process):
    add = new_process()
    assert add.dispatcher.stats.cache_path.startswith(str(cache))
    shutil.rmtree(cache)
    cache.write_text("a file where the folder was")
    assert add(2, 3) == 5


def test_no_folder_can_be_written(cache, new_process, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", forbidden)
    add = new_process()
    assert add(2, 3) == 5
    assert hits(add) == 0
    assert files(cache) == []


def test_a_read_only_folder(cache, new_process):
    new_process()(2, 3)
    folders = [cache, *(path for path in cache.iterdir() if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert new_process()(2, 3) == 5
        assert new_process()(2.5, 3) == 5.5
    finally:
        for folder in folders:
            folder.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk(tmp_path):
    """No file may become longer than 4 KB: writes fail as they do where the disk is full."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    (tmp_path / "arithmetic.py").write_text(f"{limit}\n{SOURCE}\nprint(add(2, 3))")
    run = subprocess.run(
        [sys.executable, tmp_path / "arithmetic.py"],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert (run.stdout, run.stderr) == ("5\n", "")
    assert [path.suffix for path in files(tmp_path)] == [".nbi"]


def test_without_compilation(tmp_path):
    code = "from imagededup.utils.jit import compiled; print(compiled(lambda x: x + 1)(2))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout == "3\n"
