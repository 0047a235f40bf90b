"""Many runs of the command, each in a process of its own, at the cost of their work only."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Commands", "Ended", "why_no_mounts"]

CHECKOUT = Path(__file__).resolve().parents[2]


@cache
def why_no_mounts():
    """Why this process cannot mount; None if it can."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "needs unshare and mount"
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"]
    result = subprocess.run(trial, capture_output=True, check=False)
    return None if result.returncode == 0 else "needs the right to mount"


@dataclass(frozen=True)
class Ended:
    """What became of a run.

    Attributes:
        code: Its exit code; negative for a signal that killed it, -9 also where it hung.
        out: Standard output.
        err: Standard error.
        seconds: How long it took.
        megabytes: The most memory that it had.
    """

    code: int
    out: str
    err: str
    seconds: float = 0
    megabytes: int = 0


class Commands:
    """A process that forks for each run; a context manager.

    Args:
        mounts: Whether it has mounts of its own, which end with it.
        prefix: A command that starts it.
    """

    def __init__(self, mounts=False, prefix=()):
        command = [sys.executable, "-m", "tests.faults.server"]
        self._process = subprocess.Popen(
            [*prefix, *(["unshare", "-m"] if mounts else []), *command],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def warm(self, *runs):
        """Run commands within the process that forks, so that others need not import anew."""
        self._ask(warm=[list(map(str, run)) for run in runs])

    def run(self, *arguments, folder=CHECKOUT, **conditions):
        """Run `imagededup` with arguments; `server.py` says what the conditions may be."""
        return Ended(**self._ask(run=list(map(str, arguments)), folder=str(folder), **conditions))

    def shell(self, script):
        """What a shell prints that sees the mounts."""
        ended = Ended(**self._ask(shell=script))
        assert ended.code == 0, ended
        return ended.out

    def seen(self, path):
        """A path as these processes see it, mounts included."""
        return Path(f"/proc/{self._process.pid}/root{path}")

    def _ask(self, **request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())
