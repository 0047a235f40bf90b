"""Runs commands as children of one process, which has imported and compiled everything.

    python -m tests.faults.server

Reads a request a line and answers with a line, as JSON; `tests.faults.commands` has the other side.
"""

import contextlib
import io
import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

from imagededup.__main__ import main as imagededup

__all__ = ["serve"]


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write between the answers
    for line in sys.stdin:
        request = json.loads(line)
        if "shell" in request:
            done = subprocess.run(request["shell"], shell=True, capture_output=True, text=True)
            answer = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        elif "warm" in request:
            for arguments in request["warm"]:
                _run_here(arguments)
            answer = {}
        else:
            answer = _run(request)
        print(json.dumps(answer), file=answers, flush=True)


def _run_here(arguments: list[str]) -> None:
    from imagededup.cli import run

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        run(arguments)


def _run(request: dict) -> dict:
    """Fork, run the command in the child, and send it a signal at a moment if that is asked for."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.monotonic()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # till the child is ready for it
        child = os.fork()
        if child == 0:
            _child(request, out.fileno(), err.fileno())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        if "seconds" in request:
            time.sleep(request["seconds"])
            os.kill(child, request["signal"])
        status, used = _waited(child, request.get("patience", 300))
        answer = {"code": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - begun}
        answer["megabytes"] = used.ru_maxrss // 1024
        for name, file in (("out", out), ("err", err)):
            file.seek(0)
            answer[name] = file.read().decode(errors="backslashreplace")
        return answer


def _waited(child: int, patience: float) -> tuple[int, resource.struct_rusage]:
    """What became of a child; one that hangs is killed, and its code says so: -9."""
    deadline = time.monotonic() + patience
    while True:
        pid, status, used = os.wait4(child, os.WNOHANG)
        if pid:
            return status, used
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.002)


def _child(request: dict, out: int, err: int) -> None:
    code = 1
    try:
        _prepare(request, out, err)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        sys.argv = ["imagededup", *request["run"]]
        if "python" in request:
            exec(request["python"], {})  # of tests.faults.jobs
            code = 0
        else:
            imagededup()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:  # before the command has begun
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code if isinstance(code, int) else 0)


def _prepare(request: dict, out: int, err: int) -> None:
    """Become what a new process of the command is, within the limits that are asked for."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, 64)
    _become_output(request.get("output"))
    sys.stdin, sys.stderr = os.fdopen(0), os.fdopen(2, "w", closefd=False)
    sys.stdout = None if request.get("output") == "closed" else os.fdopen(1, "w", closefd=False)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # else their files are closed
    signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.getLogger("imagededup").handlers = []
    os.chdir(request["folder"])
    os.environ.update(request.get("environment", {}))
    for name, most in request.get("limits", {}).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))
    if "headroom" in request:  # MiB above what the process has already
        with Path("/proc/self/statm").open() as file:
            most = int(file.read().split()[0]) * resource.getpagesize()
        most += request["headroom"] * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if "event" in request:
        _signal_at_event(request["event"], request["signal"])


def _become_output(kind: str | None) -> None:
    """Put something else in the place of standard output, if that is asked for."""
    if kind == "left":  # a pipe that nobody reads any more
        reader, writer = os.pipe()
        os.dup2(writer, 1)
        os.close(reader)
        os.close(writer)
    elif kind == "closed":
        os.close(1)
    elif kind is not None:
        os.dup2(os.open(kind, os.O_WRONLY), 1)


def _signal_at_event(moment: int, kind: int) -> None:
    """Send this process a signal at one of the calls that Python reports: opening, renaming, ...

    A moment of 0 counts them only, and prints the number at the end.
    """
    seen = 0

    def count(event: str, _: object) -> None:
        nonlocal seen
        if event.startswith(("os.", "shutil.", "open", "fcntl.", "sqlite3.")):
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), kind)

    sys.addaudithook(count)
    if not moment:
        exit_ = os._exit
        os._exit = lambda code: (os.write(2, f"\n{seen}".encode()), exit_(code))


if __name__ == "__main__":
    serve()
