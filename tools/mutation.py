"""Change the package one token at a time, and see whether the tests notice.

    python tools/mutation.py --sample 200 --seed 1 [--only imagededup/methods] [--workspace FOLDER]

The checkout is copied to the workspace. One run of the tests there records which test runs which
line. Then each mutant of a random sample is put into the copy, and the tests that run its line are
run until one fails. The mutants are those of cosmic-ray and calls that lose a keyword argument; of
the many variants of one operator at one place at most one is drawn. `mutation.toml` lists what is
mutated, and the mutants that change nothing anyone can see. A later call with the same workspace
goes on from its record of tests; delete the folder to copy and record again.

Needs `pip install -e '.[dev,mutation]'` and Linux or macOS. Exits with 1 where a smaller share of
the mutants than `--least` is killed.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from coverage import CoverageData
from mutants import Mutant, sample_mutants

_CHECKOUT = Path(__file__).resolve().parents[1]
_SETTINGS = tomllib.loads((_CHECKOUT / "tools" / "mutation.toml").read_text(encoding="utf-8"))
_PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0"]


def copy_checkout(tree: Path) -> None:
    """Copy the files that git knows or would take up, and numba's machine code of them."""
    listing = ["git", "-C", str(_CHECKOUT), "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    machine_code = (_CHECKOUT / "imagededup").rglob("*.nb[ic]")
    names = [str(path.relative_to(_CHECKOUT)) for path in machine_code]
    for name in [*filter(None, listed.split("\0")), *names]:
        if (_CHECKOUT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(_CHECKOUT / name, tree / name)


def run_tests(tree: Path, arguments: list[str], timeout: float | None = None) -> int | None:
    """Run pytest in a copy of the checkout, and return its exit code; None if it took too long."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    with (tree / "pytest.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *_PYTEST, *arguments],
            cwd=tree,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class TestsOfLines:
    """Which tests run which lines, from a record by coverage.

    Args:
        record: The file that coverage wrote.
        tree: The copy of the checkout in which it was made.
    """

    def __init__(self, record: Path, tree: Path) -> None:
        self._data = CoverageData(str(record))
        self._data.read()
        self._tree = tree

    def of(self, mutant: Mutant) -> list[str]:
        """Return the ids of the tests to run for a mutant, as arguments of pytest.

        A line that is run at the import, by a fixture for several tests, or in other processes
        only, concerns the files of all tests that run its module, and those that start processes.
        """
        lines = self._data.contexts_by_lineno(str(self._tree / mutant.file))
        contexts: list[str] = []
        for line in range(mutant.line, mutant.first_line - 1, -1):
            contexts = lines.get(line, [])
            if contexts:
                break
        tests = {context.rpartition("|")[0] for context in contexts if context.endswith("|run")}
        shared = {context.partition("::")[0] for context in contexts if context.endswith("|setup")}
        if tests or shared:
            return sorted(
                {test for test in tests if test.partition("::")[0] not in shared} | shared
            )
        everyone = {context for names in lines.values() for context in names if context}
        files = {context.partition("::")[0] for context in everyone}
        return sorted(files | set(_SETTINGS["start_processes"]))


def judge(mutant: Mutant, tree: Path, tests: list[str], timeout: float) -> str:
    """Return 'killed', 'timed out', 'survived' or 'untested' for one mutant."""
    if not tests:
        return "untested"
    path = tree / mutant.file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.source, encoding="utf-8")
    try:
        (tree / "tests.txt").write_text("\n".join(tests), encoding="utf-8")
        code = run_tests(tree, ["-x", "@tests.txt"], timeout)
        return "timed out" if code is None else "killed" if code else "survived"
    finally:
        path.write_text(original, encoding="utf-8")


def prepare(workspace: Path, processes: int) -> list[Path]:
    """Copy the checkout and record the tests, unless done; return a copy for each process.

    Tests that fail without a mutant are written to `failing`, and left out later.
    """
    tree, record = workspace / "tree", workspace / "record"
    if not record.exists():
        shutil.rmtree(tree, ignore_errors=True)
        copy_checkout(tree)
        left_out = [f"--ignore={tests}" for tests in _SETTINGS["elsewhere"]]
        run_tests(tree, [*left_out, "--cov=imagededup", "--cov-context=test", "--cov-report="])
        log = (tree / "pytest.log").read_text(encoding="utf-8").splitlines()
        failing = [line.split()[1] for line in log if line.startswith(("FAILED ", "ERROR "))]
        (workspace / "failing").write_text("\n".join(failing), encoding="utf-8")
        (tree / ".coverage").rename(record)
    trees = [workspace / f"tree_{number}" for number in range(processes)]
    for copy in trees:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(tree, copy)
    return trees


def main() -> None:
    """Draw the sample, judge each mutant, and print those that survived and the score."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", type=int, default=200, help="number of mutants")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sample")
    parser.add_argument("--only", nargs="+", default=_SETTINGS["mutated"], help="files or folders")
    parser.add_argument(
        "--workspace", type=Path, default=Path(".mutation"), help="folder of copies"
    )
    parser.add_argument("--also", nargs="+", default=[], help="tests to run for every mutant")
    parser.add_argument("--processes", type=int, default=1, help="mutants judged at a time")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for a mutant")
    parser.add_argument("--least", type=float, default=0.85, help="share that must be killed")
    arguments = parser.parse_args()

    workspace = arguments.workspace.resolve()
    trees = prepare(workspace, arguments.processes)
    tests = TestsOfLines(workspace / "record", workspace / "tree")
    failing = (workspace / "failing").read_text(encoding="utf-8").split()
    for test in failing:
        print(f"left out, for it fails without a mutant: {test}")
    left_out = [f"--deselect={test}" for test in failing]
    equivalent = {(entry["file"], entry["line"]) for entry in _SETTINGS["equivalent"]}
    drawn = sample_mutants(workspace / "tree", arguments.only, arguments.sample, arguments.seed)
    mutants = [mutant for mutant in drawn if (mutant.file, mutant.changed) not in equivalent]
    free: SimpleQueue[Path] = SimpleQueue()
    for tree in trees:
        free.put(tree)

    def outcome(mutant: Mutant) -> str:
        tree = free.get()
        try:
            chosen = [*arguments.also, *tests.of(mutant)]
            found = judge(mutant, tree, chosen and [*left_out, *chosen], arguments.timeout)
        finally:
            free.put(tree)
        print(f"{found} {mutant}" if found != "killed" else f"killed {mutant.place}", flush=True)
        return found

    with ThreadPoolExecutor(arguments.processes) as pool:
        counts = Counter(pool.map(outcome, mutants))
    killed = counts["killed"] + counts["timed out"]
    score = killed / len(mutants)
    print(f"{killed} of {len(mutants)} mutants killed, {counts['timed out']} by time: {score:.1%}")
    print(f"{len(drawn) - len(mutants)} more are listed as equivalent")
    if score < arguments.least:
        sys.exit(1)


if __name__ == "__main__":
    main()
