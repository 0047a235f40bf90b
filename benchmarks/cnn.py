"""Speed and memory of the CNN, beside the PyPI package fastdup, against targets.

    python benchmarks/cnn.py photographs --fastdup-python PYTHON

Both extract features only (fastdup: run_mode=1), each in processes of its own, fastdup's with the
interpreter given. Timed are the call (here with the loading of the model) and the whole process;
the best of `--repeat` runs in turns counts.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from photographs import list_photographs, write_large
from timing import report

OURS = """
import resource, sys, time
from imagededup.methods import CNN
begin = time.perf_counter()
CNN(verbose=False).encode_images(sys.argv[1])
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
FASTDUP = """
import resource, sys, tempfile, time, fastdup
with tempfile.TemporaryDirectory() as work:
    begin = time.perf_counter()
    fastdup.run(input_dir=sys.argv[1], work_dir=work, run_mode=1)
    print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


class Run(NamedTuple):
    """What one process took."""

    call_seconds: float
    process_seconds: float
    peak_mebibytes: float


def run(python: str, script: str, folder: Path) -> Run:
    """Run a script on a folder in a process of its own."""
    environment = {**os.environ, "SENTRY_OPT_OUT": "1"}
    begin = time.perf_counter()
    printed = subprocess.run(
        [python, "-c", script, folder], check=True, capture_output=True, text=True, env=environment
    ).stdout
    whole = time.perf_counter() - begin
    call, peak = printed.splitlines()[-1].split()
    return Run(float(call), whole, float(peak))


def best(runs: Sequence[Run]) -> Run:
    """The best of each column."""
    return Run(*(min(column) for column in zip(*runs, strict=True)))


def compare(name: str, folder: Path, python: str | None, target: float, repeat: int) -> None:
    """Time both on a folder, in turns."""
    ours, theirs = [], []
    for _ in range(repeat):
        ours.append(run(sys.executable, OURS, folder))
        if python is not None:
            theirs.append(run(python, FASTDUP, folder))
    print(
        f"{name}: call {best(ours).call_seconds:.2f} s, process {best(ours).process_seconds:.2f} s"
    )
    if python is None:
        return
    call, process, _ = (peer / own for peer, own in zip(best(theirs), best(ours), strict=True))
    print(f"  fastdup: {best(theirs).call_seconds:.2f} s, {best(theirs).process_seconds:.2f} s")
    report(f"{name}, call, times as fast as fastdup", call, target, "x", at_least=True)
    print(f"{name}, process, times as fast as fastdup {process:.2f}")


def copy_photographs(paths: list[Path], count: int, folder: Path) -> None:
    """Copy photographs, again and again until there are enough."""
    for number, path in enumerate(islice(cycle(paths), count)):
        shutil.copyfile(path, folder / f"{number:06}{path.suffix}")


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of photographs")
    parser.add_argument("--count", type=int, default=1000, help="photographs to encode")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement")
    parser.add_argument("--fastdup-python", help="interpreter that has fastdup")
    arguments = parser.parse_args()
    paths = list_photographs(arguments.folder)
    options = arguments.fastdup_python, arguments.repeat
    with tempfile.TemporaryDirectory() as temporary:
        small, large, many = (Path(temporary) / name for name in ("small", "large", "many"))
        for folder in (small, large, many):
            folder.mkdir()
        copy_photographs(paths, arguments.count, small)
        compare(f"{arguments.count} photographs", small, options[0], 3, options[1])
        write_large(paths, large)
        copies = list_photographs(large)
        compare(f"{len(copies)} of 12 megapixels", large, options[0], 8, options[1])
        copy_photographs(copies, 4 * len(copies), large)
        compare(f"{5 * len(copies)} of 12 megapixels", large, options[0], 8, options[1])
        copy_photographs(paths, 5 * arguments.count, many)
        for name, folder in (
            (f"{arguments.count} photographs", small),
            ("five times as many", many),
        ):
            peak = run(sys.executable, OURS, folder).peak_mebibytes
            report(f"peak memory, {name}", peak, 500, "MiB")


if __name__ == "__main__":
    main()
