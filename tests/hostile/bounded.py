"""Programs in a process of their own, with no more memory and time than they should need."""

import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MEMORY", "Ended", "bounded"]

MEMORY = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program has ended.

    Attributes:
        code: Its exit code; negative for a signal.
        out: What it wrote.
        err: What it wrote to the standard error.
        peak: The most memory that it held, in bytes.
        seconds: How long it took.
    """

    code: int
    out: str
    err: str
    peak: int
    seconds: float


def bounded(*arguments: object, seconds: float, folder: Path) -> Ended:
    """Run Python with arguments; more memory than `MEMORY` cannot be had, and time ends it."""
    begin = time.monotonic()
    written = [folder / "out.txt", folder / "err.txt"]
    with written[0].open("wb") as out, written[1].open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, *map(os.fspath, map(str, arguments))],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY)),
        )
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    texts = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in written]
    took = time.monotonic() - begin
    return Ended(process.returncode, *texts, usage.ru_maxrss * 1024, took)
