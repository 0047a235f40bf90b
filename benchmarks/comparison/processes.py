"""Processes of their own, under limits of time and memory, with what they took."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["OURS", "OVER", "Limits", "Run", "StoppedError", "call", "run_command"]

OURS = "ours"
OVER = "over "
"""How the reason begins of a process that went over a limit."""
CALLS = Path(__file__).with_name("calls.py")
CHECKOUT = Path(__file__).parents[2]
_INTERVAL = 0.05
_PYTHONS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class StoppedError(Exception):
    """A process that failed or that went over a limit; the text says which.

    Args:
        reason: For the table.
        limited: Whether it was a limit, so that smaller inputs would have passed.
    """

    def __init__(self, reason: str, limited: bool = False) -> None:
        super().__init__(reason)
        self.limited = limited


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may take."""

    seconds: float
    gibibytes: float


@dataclass(frozen=True, slots=True)
class Run:
    """What a call took, and its whole process: the imports and the inputs, too.

    Attributes:
        seconds: Of the call by the clock.
        processor: Seconds of all cores in the call.
        mebibytes: The most memory of the process with its children; pages that they share count
            once.
        process_seconds: Of the process by the clock.
        process_processor: Seconds of all cores in the process and its children.
        found: How much was found, to compare packages by.
    """

    seconds: float
    processor: float
    mebibytes: float
    process_seconds: float
    process_processor: float
    found: float | None = None


def call(
    python: str | Path, package: str, task: str, request: Mapping[str, Any], limits: Limits
) -> Run:
    """Measure a call of `calls.py` in a process of its own.

    Raises:
        StoppedError: The process failed, or went over a limit.
    """
    command = [python, "-P", CALLS, package, task, json.dumps(request)]
    whole, printed = _run(command, _environment(package), limits)
    try:
        inner = json.loads(printed.splitlines()[-1])
        return Run(
            seconds=inner["seconds"],
            processor=inner["processor"],
            mebibytes=max(inner["mebibytes"], whole.mebibytes),
            process_seconds=whole.process_seconds,
            process_processor=whole.process_processor,
            found=inner["found"],
        )
    except (IndexError, TypeError, KeyError, json.JSONDecodeError) as error:
        raise StoppedError("printed no result") from error


def run_command(arguments: Sequence[str | Path], limits: Limits) -> Run:
    """Measure our command in a process of its own.

    Raises:
        StoppedError: It failed, or went over a limit.
    """
    command = [sys.executable, "-m", "imagededup", *arguments]
    return _run(command, _environment(OURS), limits)[0]


def _environment(package: str) -> dict[str, str]:
    """Our checkout on the path for ours; for a peer nothing that could lead it to ours."""
    kept = {name: value for name, value in os.environ.items() if name not in _PYTHONS}
    if package == OURS:
        return {**kept, "PYTHONPATH": str(CHECKOUT)}
    return {**kept, "SENTRY_OPT_OUT": "1"}


def _run(
    command: Sequence[str | Path], environment: Mapping[str, str], limits: Limits
) -> tuple[Run, str]:
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        try:
            process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise StoppedError(f"cannot be run: {error}") from error
        watch = _Watch(process.pid, limits)
        watch.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - begin
        finally:
            watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        if watch.reason:
            raise StoppedError(watch.reason, limited=True)
        if process.returncode != 0:
            raise StoppedError(_last_line(_text(errors)) or f"exit code {process.returncode}")
        worked = usage.ru_utime + usage.ru_stime
        run = Run(seconds, worked, watch.peak / 2**20, seconds, worked)
        return run, _text(output)


def _text(file: Any) -> str:  # noqa: ANN401
    file.seek(0)
    return str(file.read().decode(errors="replace"))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:120] if lines else ""


class _Watch(threading.Thread):
    """Looks at the memory of a process and its children, and ends them at a limit."""

    def __init__(self, pid: int, limits: Limits) -> None:
        super().__init__(daemon=True)
        self.peak, self.reason = 0, ""
        self._pid, self._limits = pid, limits
        self._ended = threading.Event()

    def run(self) -> None:
        """Until the process has ended."""
        begin = time.monotonic()
        while not self._ended.wait(_INTERVAL):
            self.peak = max(self.peak, _memory(_family(self._pid)))
            if time.monotonic() - begin > self._limits.seconds:
                self._end(f"{OVER}{self._limits.seconds:g} s")
            elif self.peak > self._limits.gibibytes * 2**30:
                self._end(f"{OVER}{self._limits.gibibytes:.3g} GiB")

    def stop(self) -> None:
        """Look no more, and end what children are left."""
        self._ended.set()
        self.join()
        self._kill()

    def _end(self, reason: str) -> None:
        self.reason = reason
        self._kill()
        self._ended.set()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)


def _family(pid: int) -> list[int]:
    """A process and all that it has started."""
    members = [pid]
    for member in members:
        with suppress(OSError):
            for task in Path(f"/proc/{member}/task").iterdir():
                members += map(int, (task / "children").read_text().split())
    return members


def _memory(pids: Sequence[int]) -> int:
    """Bytes of some processes: the peak of one, the sum of several without counting twice."""
    if len(pids) == 1:
        return _kibibytes(pids[0], "status", "VmHWM") * 1024
    return sum(_kibibytes(pid, "smaps_rollup", "Pss") for pid in pids) * 1024


def _kibibytes(pid: int, file: str, field: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
    return 0
