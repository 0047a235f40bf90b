"""How long whole commands on 100 photographs take, beside a target, and beside starting Python.

    python benchmarks/start.py photographs

The commands run in turns, each time in a new process. The first turn is not counted: it fills the
cache of codes, and the memory with what is read from disk.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from photographs import list_photographs
from timing import report, seconds_of

_TARGET = 1.0
_PHOTOGRAPHS = 100
_FIND = ["-m", "imagededup", "find"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what its processes took.

    Attributes:
        name: What it does.
        arguments: Of Python.
        wall: Seconds from start to end, of each process.
        processor: Seconds of processor time, likewise.
    """

    name: str
    arguments: list[str]
    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def run(self, environment: dict[str, str]) -> None:
        """Run it once more."""
        before = _processor_time()
        self.wall.append(seconds_of(lambda: self._run(environment)))
        self.processor.append(_processor_time() - before)

    def _run(self, environment: dict[str, str]) -> None:
        command = [sys.executable, *self.arguments]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photographs", type=Path, help="a folder of about 420 x 420 pixels each")
    parser.add_argument("--repeat", type=int, default=10, help="how many times (default 10)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photographs, cache = Path(folder, "photographs"), Path(folder, "cache")
        photographs.mkdir()
        for path in list_photographs(arguments.photographs)[:_PHOTOGRAPHS]:
            shutil.copy(path, photographs)
        commands = [
            Command("python -c pass", ["-c", "pass"]),
            Command("import numpy", ["-c", "import numpy"]),
            *(
                Command(
                    f"find, {method}, {option[2:]}",
                    [*_FIND, str(photographs), "-m", method, option],
                )
                for method in ("phash", "cnn")
                for option in ("--no-cache", "--cache")
            ),
        ]
        environment = os.environ | {"IMAGEDEDUP_CACHE_DIR": str(cache)}
        for _ in range(1 + arguments.repeat):
            for command in commands:
                command.run(environment)
    for command in commands:
        _print(command)


def _print(command: Command) -> None:
    wall, processor = command.wall[1:], command.processor[1:]
    print(
        f"{command.name}: least {min(wall):.3f} s, median {statistics.median(wall):.3f} s; "
        f"processor time {min(processor):.3f} s"
    )
    if "find" in command.name:
        report(f"{command.name}, median", statistics.median(wall), _TARGET, "s")


def _processor_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
