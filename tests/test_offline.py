"""Nothing leaves the machine, and nothing is left on it but what was asked for."""

import ast
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.test_models import onnx_of_mean_colour

CHECKOUT = Path(__file__).resolve().parents[1]
SOURCES = sorted((CHECKOUT / "imagededup").rglob("*.py"))
MACHINE_CODE = {".nbi", ".nbc"}  # numba's cache, in the home where the package is not writable
WAIT = 200  # seconds; reached only where a test fails
LIBRARY = """
import sys
from imagededup import fastdup
from imagededup.methods import CNN, PHash
from imagededup.models import OnnxModel
folder, model, work_dir = sys.argv[1:]
assert CNN(verbose=False).find_duplicates(folder)["beach.png"]
assert CNN(False, OnnxModel(model, 8)).find_duplicates_to_remove(folder)
assert PHash(verbose=False).find_duplicates(folder)["beach.png"]
assert fastdup.run(folder, work_dir, model_path=model) == 0
"""


@cache
def without_network():
    """The command that runs another without a route to any network, where that is allowed."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and not subprocess.run([*command, "true"]).returncode:
            return command
    return []


@cache
def traced():
    """The command that writes down what another asks of the network, where that is allowed."""
    command = ["strace", "-f", "-qq", "-e", "trace=network", "-o"]
    if shutil.which("strace") and not subprocess.run([*command, os.devnull, "true"]).returncode:
        return command
    return []


class Alone:
    """Runs Python with a new home, and finds what it leaves there and what sockets it opens."""

    def __init__(self, folder):
        self.home, self.trace = folder / "home", folder / "trace"
        self.home.mkdir()
        folders = {"TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run"}
        folders |= {
            f"XDG_{kind.upper()}_HOME": kind for kind in ("cache", "config", "data", "state")
        }
        for name in folders.values():
            (self.home / name).mkdir()
        kept = {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE"}
        self.environment = {name: os.environ[name] for name in kept & os.environ.keys()}
        self.environment |= {"HOME": str(self.home), "PYTHONPATH": str(CHECKOUT)}
        self.environment |= {name: str(self.home / value) for name, value in folders.items()}

    def python(self, *arguments):
        trace = [*traced(), str(self.trace)] if traced() else []
        command = [*without_network(), *trace, sys.executable, *map(str, arguments)]
        run = subprocess.run(
            command, env=self.environment, cwd=self.home, capture_output=True, text=True,
            timeout=WAIT,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr

    def left_behind(self):
        files = (path for path in self.home.rglob("*") if not path.is_dir())
        return [str(path) for path in files if path.suffix not in MACHINE_CODE]

    def sockets(self):
        """Calls that open or use a socket, but for those within the machine."""
        if not traced():
            pytest.skip("strace is not installed, or not allowed to trace")
        lines = self.trace.read_text().splitlines()
        return [line for line in lines if re.search(r"\w\(", line) and "AF_UNIX" not in line]


@pytest.fixture
def alone(tmp_path):
    return Alone(tmp_path)


@pytest.fixture
def model(tmp_path):
    return onnx_of_mean_colour(tmp_path / "mean.onnx").path


def test_the_library(alone, photos, model, tmp_path):
    alone.python("-c", LIBRARY, photos, model, tmp_path / "work")
    assert alone.left_behind() == []
    assert alone.sockets() == []


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (("find", "{photos}", "--method", "cnn"), ["cache/imagededup/codes-1.1.sqlite"]),
        (("fastdup", "{photos}", "--work_dir={work}"), []),
    ],
    ids=["find", "fastdup"],
)
def test_the_command(alone, photos, tmp_path, arguments, left):
    given = (text.format(photos=photos, work=tmp_path / "work") for text in arguments)
    alone.python("-m", "imagededup", *given)
    assert alone.left_behind() == [str(alone.home / name) for name in left]
    assert alone.sockets() == []


def test_a_file_and_a_socket_would_be_noticed(alone):
    alone.python("-c", "import socket; socket.socket(); open('queue', 'w'); open('x.nbc', 'w')")
    assert alone.left_behind() == [str(alone.home / "queue")]
    call, *_ = alone.sockets()
    assert "socket(AF_INET" in call


def test_one_module_imports_onnxruntime_after_turning_its_telemetry_off():
    importing = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
            names += [getattr(node, "module", None), getattr(node, "value", None)]
            if any(isinstance(name, str) and name.split(".")[0] == "onnxruntime" for name in names):
                importing.setdefault(path.relative_to(CHECKOUT).as_posix(), []).append(node.lineno)
    assert list(importing) == ["imagededup/models/runtime.py"]
    lines = (CHECKOUT / "imagededup/models/runtime.py").read_text().splitlines()
    setting = next(line for line, text in enumerate(lines, 1) if text.strip().startswith("os.env"))
    assert setting < min(importing["imagededup/models/runtime.py"])
