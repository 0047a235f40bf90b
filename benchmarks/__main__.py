"""This package beside PyPI's imagededup and fastdup: tables, pictures, and every target.

    python -m benchmarks --photographs photographs --page docs/benchmarks.md --readme README.md

The peers run in environments of their own, which are made with venv and pip where there are none.
All run on the same files, in turns and on the same cores. `--from` makes the page once more from
what `--output` has stored. `--quick` tries everything out with tiny inputs, without the peers
unless their interpreters are named.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # the scripts beside this one, and the package

from comparison import report as reports  # noqa: E402
from comparison.cells import Turns, measure  # noqa: E402
from comparison.environments import PEERS, interpreter  # noqa: E402
from comparison.measurements import GROUPS, QUICK, Sizes, Workplace, pictures  # noqa: E402
from comparison.page import write_page  # noqa: E402
from comparison.processes import OURS, Limits  # noqa: E402
from comparison.readme import write_readme  # noqa: E402
from comparison.tables import NAMES, markdown, seconds_text, title  # noqa: E402

FLOORS = "floor"
_MOST = 1_000_000
_CACHE = Path("~/.cache/imagededup-benchmarks")


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for, and write what was measured."""
    options = parse(arguments)
    stored = [reports.read(path) for path in options.source or ()]
    report = reports.merge(stored) if stored else run(options)
    print(markdown(report))
    if options.output is not None:
        reports.write(report, options.output)  # of `--from`, too
    if options.page is not None:
        write_page(report, options.page)
    if options.readme is not None:
        write_readme(report, options.readme)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.split("\n")[0]
    )
    add = parser.add_argument
    add("--photographs", type=Path, help="folder of JPEGs of about 420 pixels; or they are drawn")
    add("--descriptors", type=Path, help=".npy file of real descriptors; or the photographs' are")
    known = [FLOORS, *GROUPS]
    add("--only", help=f"groups, with commas between them: {','.join(known)}")
    add("--output", type=Path, help="JSON file to store the figures in")
    add("--page", type=Path, help="Markdown page to write the tables into, with pictures beside it")
    add("--readme", type=Path, help="README whose table quotes some of the figures")
    shown = "stored files to show instead of measuring; of the same work the last one counts"
    add("--from", dest="source", type=Path, nargs="+", help=shown)
    add("--environments", type=Path, default=_CACHE, help="folder of the peers' environments")
    for peer in PEERS:
        add(f"--{peer}-python", help=f"interpreter that has {NAMES[peer]}")
    add("--without", default="", help="peers to leave out, with a comma between them")
    add("--cores", help="cores for all, such as 0,1; by default those of this process")
    add("--repeat", type=int, default=3, help="most runs of each")
    add("--patience-s", type=float, default=10, help="seconds after which none is run again")
    add("--limit-s", type=float, default=120, help="most seconds of a peer's run")
    add("--limit-gib", type=float, default=_memory() * 0.6, help="most memory of a run")
    add("--most", type=int, default=_MOST, help="most hashes, descriptors and entries of maps")
    add("--work", type=Path, help="folder for inputs; by default a temporary one")
    add("--quick", action="store_true", help="tiny inputs, one run of each")
    options = parser.parse_args(arguments)
    options.groups = known if options.only is None else options.only.split(",")
    if unknown := set(options.groups) - set(known):
        parser.error(f"--only must be some of {','.join(known)}, got {','.join(sorted(unknown))}")
    return options


def run(options: argparse.Namespace) -> reports.Report:
    """Measure group after group."""
    if options.cores is not None:
        os.sched_setaffinity(0, set(map(int, options.cores.split(","))))
    sizes = (QUICK if options.quick else Sizes()).up_to(options.most)
    report = reports.Report(reports.machine(), command(options), sizes.shown)
    limits = Limits(options.limit_s, options.limit_gib)
    turns = Turns(
        interpreters(options), limits, 1 if options.quick else options.repeat, options.patience_s
    )
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        place = Workplace(Path(folder), sizes, options.photographs, options.descriptors)
        if FLOORS in options.groups:
            report.floors.extend(floors(place))
        for group in [group for group in GROUPS if group in options.groups]:
            for measurement in GROUPS[group](place):
                for cell in measure(measurement, turns, report.cells):
                    report.cells.append(cell)
                    took = cell.failed or seconds_text(cell.seconds)
                    elapsed = time.perf_counter() - begin
                    print(f"{elapsed:4.0f} s  {NAMES[cell.package]}: {title(cell)}: {took}")
                    sys.stdout.flush()
                if options.output is not None:
                    reports.write(report, options.output)
    return report


def floors(place: Workplace) -> Iterator[reports.Floor]:
    """The share of the floor, for small and for large photographs."""
    from comparison.floors import floors as measured

    return measured([(unit, folder) for _, unit, folder in pictures(place)])


def command(options: argparse.Namespace) -> str:
    """How it was called, without the places of files."""
    words = ["python -m benchmarks"]
    words += ["--photographs photographs"] * (options.photographs is not None)
    words += ["--descriptors descriptors.npy"] * (options.descriptors is not None)
    words += [f"--most {options.most}"] * (options.most < _MOST)
    words += ["--quick"] * options.quick
    return " ".join([*words, "--page docs/benchmarks.md"])


def interpreters(options: argparse.Namespace) -> dict[str, str | Path]:
    """Those of the packages that are measured; a peer that cannot be installed is left out."""
    found: dict[str, str | Path] = {OURS: sys.executable}
    for peer in PEERS:
        given = getattr(options, f"{peer}_python")
        if given is not None:
            found[peer] = given
        elif not options.quick and peer not in options.without.split(","):
            try:
                found[peer] = interpreter(peer, options.environments.expanduser())
            except (subprocess.CalledProcessError, OSError) as error:
                print(f"{NAMES[peer]} is left out: {error}", file=sys.stderr)
    return found


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


if __name__ == "__main__":
    main()
