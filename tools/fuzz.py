"""Search for files that break a reader: coverage-guided, by atheris (the extra `fuzz`).

    python tools/fuzz.py --seconds 60               the time is shared by all targets
    python tools/fuzz.py --target images --seconds 600 --keep found
    python tools/fuzz.py --target images --replay found/crash-...

`tests/fuzz/targets.py` says what is read. A finding is any exception that is no `ImageDedupError`,
a crash, ten seconds for one file, or 2 GiB; its file is kept and named, and the exit code is 1.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

_SECONDS_PER_FILE = 10
_MEBIBYTES = 2048
_INSTRUMENTED = ["imagededup", "PIL", "tarfile", "zipfile", "json", "csv"]


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=60, help="in all")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time")
    parser.add_argument("--target", action="append", help="one of them; may be given several times")
    parser.add_argument("--keep", type=Path, default=Path("fuzz_findings"))
    parser.add_argument("--replay", type=Path, help="read this file once")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.worker:
        return _work(*chosen.worker, chosen.seconds)
    from tests.fuzz.targets import TARGETS

    names = chosen.target or list(TARGETS)
    if chosen.replay:
        return _replay(names[0], chosen.replay)
    share = max(1, chosen.seconds * chosen.jobs // len(names))
    chosen.keep.mkdir(exist_ok=True)
    with ThreadPoolExecutor(chosen.jobs) as executor:
        results = list(executor.map(lambda name: _run(name, share, chosen.keep), names))
    if not any(chosen.keep.iterdir()):
        chosen.keep.rmdir()
    return int(not all(results))


def _run(name: str, seconds: int, keep: Path) -> bool:
    """Have a process of its own try one target; whether nothing was found."""
    command = [sys.executable, __file__, "--seconds", str(seconds), "--worker", name, str(keep)]
    process = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    said = process.stderr
    runs = re.findall(r"^#(\d+)\s", said, re.MULTILINE)
    covered = re.findall(r"\bcov: (\d+)", said)
    print(
        f"{name}: {int(runs[-1]) if runs else 0:,} files, coverage {covered[-1] if covered else 0}"
    )
    if process.returncode == 0:
        return True
    print(_end(process.stdout), _end(said), f"exit code {process.returncode}", sep="\n", flush=True)
    return False


def _end(said: str) -> str:
    """The end of what atheris or libFuzzer says, without figures and contents of files."""
    lines = [line for line in said.splitlines() if not re.match(r"#\d+|INFO|WARNING|0x", line)]
    return "\n".join(line[:200] for line in lines[-30:])


def _work(name: str, keep: str, seconds: int) -> int:
    import atheris

    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryDirectory() as corpus:
        with atheris.instrument_imports(include=_INSTRUMENTED, enable_loader_override=False):
            from tests.fuzz.targets import TARGETS, read

            target = TARGETS[name]
            for number, seed in enumerate(target.seeds()):
                (Path(corpus) / f"seed{number}").write_bytes(seed)
                read(target, Path(place), seed)  # which imports the reader
        options = [
            f"-max_total_time={seconds}",
            f"-timeout={_SECONDS_PER_FILE}",
            f"-rss_limit_mb={_MEBIBYTES}",
            f"-max_len={target.longest}",
            f"-artifact_prefix={keep}/{name.replace(' ', '_')}-",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], lambda data: read(target, Path(place), data))
        atheris.Fuzz()
    return 0


def _replay(name: str, path: Path) -> int:
    from tests.fuzz.targets import TARGETS, read

    with tempfile.TemporaryDirectory() as place:
        read(TARGETS[name], Path(place), path.read_bytes())
    print(f"{name}: nothing found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
