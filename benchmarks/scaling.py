"""How long collections of a million to a thousand million images take, and what they cost.

    python benchmarks/scaling.py                       # writes the tables into docs/scaling.md
    python benchmarks/scaling.py --measure photographs # measures the rates of this machine first

The rates of one core are in `rates.json`, each with the command that measured it. Machines, prices
and what is not measured are the tables below: change them and run it again.
"""

import argparse
import json
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scaling_inputs import Collection, Inputs
from scaling_model import Assumptions, Machine, Rates
from scaling_tables import tables

HERE = Path(__file__).parent
RATES = HERE / "rates.json"
PAGE = HERE.parent / "docs" / "scaling.md"
COMMAND = "python benchmarks/scaling.py --measure"

# List prices of Linux on demand; AWS in us-east-1, Google in us-central1. Check them.
PRICES_AS_OF = "September 2026"
MACHINES = {
    #                          threads, cores, GiB, Gbit/s of disk and network, dollars an hour
    "c6i.8xlarge": Machine(32, 16, 64, 10, 12.5, 1.36),
    "c7i.8xlarge": Machine(32, 16, 64, 10, 12.5, 1.428),
    "c7a.8xlarge": Machine(32, 32, 64, 10, 12.5, 1.64224),
    "m7i.8xlarge": Machine(32, 16, 128, 10, 12.5, 1.6128),
    "r7i.8xlarge": Machine(32, 16, 256, 10, 12.5, 2.1168),
    "c7a.48xlarge": Machine(192, 192, 384, 40, 50, 9.85344),
    "g6.8xlarge": Machine(32, 16, 128, 16, 25, 2.0144, has_gpu=True),
    "n2-standard-32": Machine(32, 16, 128, 9.6, 32, 1.5539),
}
PEER_MACHINE = "n2-standard-32"
"""What fastdup's '32 core Google cloud machine, with 128GB RAM' most likely was."""

CLUSTER_MACHINE = "r7i.8xlarge"
CLUSTERS = {10**6: 1, 10**7: 4, 10**8: 16, 10**9: 64}
"""Machines of a cluster, by images."""

ASSUMED = Assumptions(
    second_thread=0.25,
    latency=0.03,
    read_ahead=16,
    requests_per_read=2,
    dollars_per_get=0.4e-6,
    dollars_per_put=5e-6,
    near_copies=0.1,
    false_pairs=1e-6,
    rounds=4,
    name_bytes=60,
    lock=0.03,
)
LARGE_BYTES = 4e6
"""Of a photograph of 12 megapixels as a camera writes it; those measured are smoother."""

# Images, dollars, dollars on spot machines, seconds and identical pairs as fastdup's first README
# gives them; then the gigabytes of the files, rounded, the larger one where there are two sizes.
COLLECTIONS = {
    "imagenet21k-resized": Collection(11_582_724, 4.98, 1.24, 11_561, 1_194_059, 250),
    "imdb-wiki": Collection(514_883, 0.65, 0.16, 1_509, 187_965, 272),
    "places365-standard": Collection(2_168_460, 1.01, 0.25, 2_349, 93_109, 126),
    "herbarium-2022-fgvc9": Collection(1_050_179, 0.69, 0.17, 1_598, 33_115, 160),
    "landmark-recognition-2021": Collection(1_590_815, 0.96, 0.24, 2_236, 2_613, 105),
    "visualgenome": Collection(108_079, 0.05, 0.01, 124, 223, 15),
    "iwildcam2021-fgvc9": Collection(261_428, 0.29, 0.07, 682, 54, 100),
    "coco": Collection(163_957, 0.09, 0.02, 218, 54, 25),
    "sku110k": Collection(11_743, 0.03, 0.01, 77, 7, 13.6),
}


def main() -> None:
    """Measure if that is asked for, and write the page or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", type=Path, metavar="FOLDER", help="of photographs")
    parser.add_argument("--check", action="store_true", help="only say whether the page is current")
    arguments = parser.parse_args()
    if arguments.measure is not None:
        measure(arguments.measure)
    text = PAGE.read_text(encoding="utf-8")
    current = with_tables(text, tables(inputs()))
    if not arguments.check:
        PAGE.write_text(current, encoding="utf-8")
    elif current != text:
        sys.exit("docs/scaling.md is not current: run python benchmarks/scaling.py")


def inputs() -> Inputs:
    """All that the tables are made of."""
    stored: dict[str, Any] = json.loads(RATES.read_text(encoding="utf-8"))
    return Inputs(
        MACHINES,
        PRICES_AS_OF,
        Rates({name: row["value"] for name, row in stored.items()}),
        stored,
        ASSUMED,
        COLLECTIONS,
        PEER_MACHINE,
        CLUSTER_MACHINE,
        CLUSTERS,
        LARGE_BYTES,
    )


def measure(photographs: Path) -> None:
    """Replace the rates that are measured here; others keep their own date and command."""
    from scaling_measure import measured_rates

    stored: dict[str, Any] = json.loads(RATES.read_text(encoding="utf-8")) if RATES.exists() else {}
    where = {"command": f"{COMMAND} photographs", "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    where["cpu"] = processor()
    try:
        for name, value, what in measured_rates(photographs):
            print(f"{name:26s} {value:12.6g} {what}", flush=True)
            stored[name] = {"value": float(f"{value:.4g}"), "what": what, **where}
    finally:
        RATES.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def processor() -> str:
    """The name of the processor, and how many of its threads may be used."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    name = found[1] if found else "unknown"
    return f"{name}, {len(os.sched_getaffinity(0))} threads"


def with_tables(text: str, named: dict[str, str]) -> str:
    """A page with what stands between its markers replaced."""
    for name, table in named.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"docs/scaling.md must have the markers of the table {name!r} once")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{table}\n\n{end}{rest.partition(end)[2]}"
    return text


if __name__ == "__main__":
    main()
