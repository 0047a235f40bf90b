"""Runs that kill themselves when they remove or name a file, each one some steps later."""

import json
import os
import subprocess
import sys

# Children of one process, which imports and compiles once.
_SCRIPT = """
import json, os, shutil, signal, sys
from itertools import count
from pathlib import Path
import faiss, onnxruntime
from imagededup import fastdup

work, copies, steps, first, options = sys.argv[1:]

def run(number, folder):
    calls = count(1)
    def killing(function):
        def wrapped(*arguments, **named):
            if next(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)
        return wrapped
    Path.replace = killing(Path.replace)
    Path.unlink = killing(Path.unlink)
    fastdup.run(work_dir=folder, **json.loads(options))

if first != "null":
    fastdup.run(work_dir=shutil.copytree(work, copies + "-first"), **json.loads(first))
for number in count(1, int(steps)):
    folder = f"{copies}/{number}"
    shutil.copytree(work, folder)
    child = os.fork()
    if child == 0:
        run(number, folder)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        break
"""


def killed_runs(work, copies, *, steps=1, first=None, **options):
    """Run in copies of a work folder, killed at the first step, `steps` later, and so on.

    Args:
        work: The work folder.
        copies: The folder of the copies.
        steps: How much later each run is killed than the one before.
        first: Options of a run before all others, so that these compile nothing.
        options: Of the runs.

    Returns:
        The folders of the runs that were killed, named by the step, and that of the last, which
        was not.
    """
    given = [json.dumps(value, default=str) for value in (steps, first, options)]
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", _SCRIPT, str(work), str(copies), *given]
    subprocess.run(command, check=True, env=environment)
    *killed, whole = sorted(copies.iterdir(), key=lambda path: int(path.name))
    return killed, whole
