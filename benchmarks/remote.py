"""Reads of S3 objects at 50 ms latency: sixteen under way at once, and one after the other.

Run `python benchmarks/remote.py`; it needs `pip install -e '.[dev]'`. The server is moto's, in a
process of its own, behind a proxy that waits; nothing leaves the machine.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from timing import best_times, report

from imagededup import PHash
from imagededup.sources.read_ahead import IN_FLIGHT, reading_ahead
from imagededup.sources.remote import read_whole

sys.path.append(str(Path(__file__).parents[1]))
from tests.sources.servers import Proxy, server

SIZE = (120, 160, 3)
LATENCY = 0.05
TIMES_AS_FAST = 5.0


def read_each(addresses: list[str]) -> None:
    """One after the other."""
    for address in addresses:
        read_whole(address)


def read_ahead(addresses: list[str]) -> None:
    """As images are read."""
    with reading_ahead(addresses):
        read_each(addresses)


def use(url: str) -> None:
    """Read from this server, with credentials that it does not look at."""
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=320, help="number of objects")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.count):
            pixels = generator.integers(0, 256, SIZE, np.uint8)
            Image.fromarray(pixels).save(Path(folder) / f"{number:06}.jpg")
        with (
            server("s3_server.py", f"bucket={folder}") as s3,
            server("slow_proxy.py", s3.rpartition(":")[2]) as url,
        ):
            use(url)
            addresses = [f"s3://bucket/{number:06}.jpg" for number in range(arguments.count)]
            read_each(addresses[:1])  # connects
            Proxy(url).follow(latency=LATENCY)
            ways: list[Callable[[], object]] = [
                partial(read_each, addresses),
                partial(read_ahead, addresses),
                partial(PHash(verbose=False).encode_images, "s3://bucket"),
            ]
            one, many, encoder = best_times(ways, arguments.repeat)
    count = arguments.count
    print(f"{count / one:.0f} objects a second one by one, {count / many:.0f} with {IN_FLIGHT} in")
    print(f"flight, {count / encoder:.0f} by an encoder, which lists them first and decodes them")
    report(f"{IN_FLIGHT} reads in flight, times as fast", one / many, TIMES_AS_FAST, "x", True)


if __name__ == "__main__":
    main()
