"""What a collection takes on machines: seconds, dollars, bytes, from measured rates.

A stage has work that all cores share, work of one core, bytes that are moved and requests to an
object store. All figures of a core are those of `rates.json`; what is not measured is an
`Assumptions`. `scaling.py` has the tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, log

from imagededup.search.hamming.chunks import plan_chunks

__all__ = [
    "GIB",
    "HASHES",
    "MEASURED_NAME",
    "Assumptions",
    "Machine",
    "Rates",
    "Stage",
    "one_machine",
    "rate_of_threads",
    "rate_of_workers",
    "shards",
    "total",
]

HASHES = "phash"
GIB = 2**30
_LEAST_WORKERS, _MOST_THREADS = 12, 6  # as in imagededup/utils/processes.py
_PART_OF_PARENT = 0.3
"""Of the time that a thread holds the lock an image, what the process that started others does."""

MEASURED_NAME = len("000/000000000.jpg")
"""Bytes of the names that the listing was measured with."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that can be rented.

    Attributes:
        threads: Hardware threads, which providers call vCPUs.
        cores: Physical cores; as many as threads where the provider gives no second threads.
        memory: GiB.
        disk: Gbit/s to its volumes.
        network: Gbit/s.
        dollars: An hour, on demand.
        has_gpu: Whether the network runs elsewhere than on the cores.
    """

    threads: int
    cores: int
    memory: float
    disk: float
    network: float
    dollars: float
    has_gpu: bool = False


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is not measured.

    Attributes:
        second_thread: What the second thread of a core adds to it.
        latency: Seconds of a request to an object store.
        read_ahead: Requests for images that one process has under way.
        requests_per_read: Requests that it takes to open a shard and read some of it.
        dollars_per_get, dollars_per_put: Of a request.
        near_copies: Images that have a near copy, as a share of all.
        false_pairs: Pairs of different pictures within 10 bits, as a share of all pairs.
        rounds: Of the labelling of components.
        name_bytes: Of the name of an image.
        lock: Share of an image's time that holds the interpreter's lock, where no rate says it.
    """

    second_thread: float
    latency: float
    read_ahead: int
    requests_per_read: float
    dollars_per_get: float
    dollars_per_put: float
    near_copies: float
    false_pairs: float
    rounds: int
    name_bytes: int
    lock: float

    def capacity(self, machine: Machine) -> float:
        """How many single cores the cores of a machine are worth."""
        return machine.cores + self.second_thread * (machine.threads - machine.cores)


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the work.

    Attributes:
        name: Of the stage.
        limit: What its cores do.
        work: Seconds of one core, which all share.
        alone: Seconds that one core works while the others wait.
        moved: Bytes read and written.
        gets, puts: Requests.
        waits: Requests that no work of the task overlaps with.
        ahead: Requests that wait while the task works.
        lock: Share of the work that only one thread of a process does at a time.
        by_disk: Whether the bytes come from the disk.
    """

    name: str
    limit: str
    work: float = 0.0
    alone: float = 0.0
    moved: float = 0.0
    gets: float = 0.0
    puts: float = 0.0
    waits: float = 0.0
    ahead: float = 0.0
    lock: float = 0.0
    by_disk: bool = False

    def parts(self, machine: Machine, nodes: int, assumed: Assumptions) -> dict[str, float]:
        """Seconds of each thing that the stage takes, by what it is."""
        capacity = assumed.capacity(machine)
        shared = rate_of_workers(capacity, self.lock) * nodes
        lane = machine.disk if self.by_disk else machine.network
        request = assumed.latency / (machine.threads * nodes)
        return {
            self.limit: self.work / shared,
            "reading and writing": self.moved * 8 / (lane * 1e9 * nodes),
            "requests for images": self.ahead * request,
            "one core": self.alone,
            "requests": self.waits * request,
        }

    def waits_for_lock(self, machine: Machine, assumed: Assumptions) -> bool:
        """Whether a quarter or more of the cores is lost to the interpreter's lock."""
        capacity = assumed.capacity(machine)
        return rate_of_workers(capacity, self.lock) < 0.75 * capacity

    def seconds(self, machine: Machine, nodes: int, assumed: Assumptions) -> float:
        """By the clock: the first three overlap, the others come one after the other."""
        *together, alone, requests = self.parts(machine, nodes, assumed).values()
        return max(together) + alone + requests


def total(
    stages: Sequence[Stage], machine: Machine, nodes: int, assumed: Assumptions
) -> tuple[float, float]:
    """Seconds and dollars, requests included."""
    seconds = sum(stage.seconds(machine, nodes, assumed) for stage in stages)
    requests = sum(
        stage.gets * assumed.dollars_per_get + stage.puts * assumed.dollars_per_put
        for stage in stages
    )
    return seconds, seconds * nodes * machine.dollars / 3600 + requests


def rate_of_threads(threads: float, share: float) -> float:
    """How many times as fast as one thread some threads are that share a lock.

    They work as the customers of a queue with one server: each is out for `1 - share`, then waits
    for the lock and holds it for `share`, of random length (exact mean value analysis; Reiser and
    Lavenberg, 1980). Equal lengths would give `min(threads, 1 / share)`.

    Args:
        threads: 1 or more; between two whole numbers the rate is interpolated.
        share: Of the time of one thread, 0 to 1.
    """
    if share == 0:
        return threads
    rate, waiting = 0.0, 0.0
    for number in range(1, int(threads) + 2):
        before, response = rate, share * (1 + waiting)
        rate = number / (1 - share + response)
        waiting = rate * response
        if number > threads:
            return before + (rate - before) * (threads - number + 1)
    return rate


def rate_of_workers(workers: float, share: float) -> float:
    """As `rate_of_threads`; many workers are threads of several processes, as in the package.

    An image then takes time with the lock of its own process, and some with that of the first one.
    """
    if workers < _LEAST_WORKERS:
        return rate_of_threads(workers, share)
    threads = workers / ceil(workers / _MOST_THREADS)
    in_child = threads / rate_of_threads(threads, share)
    in_parent = _PART_OF_PARENT * share
    whole = in_child + in_parent
    return rate_of_threads(workers, in_parent / whole) / whole


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, by name."""

    values: Mapping[str, float] = field(repr=False)

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def encoding(self, method: str, size: float) -> float:
        """Seconds of a core for an image of so many bytes: linear between the measured sizes."""
        sizes = ("square", "photograph", "large")
        points = [(self[f"{one} bytes"], self[f"{method} {one}"]) for one in sizes]
        segments = list(pairwise(points))
        (left, low), (right, high) = next(
            (one for one in segments if size <= one[1][0]), segments[-1]
        )
        return low + (high - low) * (size - left) / (right - left)

    def lock(self, method: str, size: float, assumed: Assumptions) -> float:
        """The share of an image's time that holds the lock: images of all sizes hold it as long."""
        held = self.values.get(f"lock {method}")
        return assumed.lock if held is None else held / self.encoding(method, size)

    def listing_memory(self, name_bytes: int) -> float:
        """Bytes of the memory that lists, an image; names were shorter where it was measured."""
        return self["listing memory"] + name_bytes - MEASURED_NAME

    def growth(self, name: str, few: int, many: int) -> float:
        """The exponent of the growth between two measured numbers of rows."""
        return log(self[f"{name} {many}"] / self[f"{name} {few}"]) / log(many / few)

    def hash_join(self, count: float, threshold: int) -> float:
        """Seconds of a core: what a million took, and what the plan of the search adds to it.

        The plan's own seconds are scaled to those that were measured within 10 bits.
        """
        known = 1_000_000
        scale = self[f"hash join 10 {known}"] / plan_chunks(known, known, 10).cost
        planned = (plan_chunks(int(rows), int(rows), threshold).cost for rows in (count, known))
        more, less = planned
        return max(self[f"hash join {threshold} {known}"] + scale * (more - less), 0.0)

    def neighbours(self, count: float) -> tuple[float, float]:
        """Seconds of all cores and of one core for `run_mode=2`."""
        few, many = 25_000, 100_000
        shared = self[f"neighbours {many}"] * (count / many) ** self.growth("neighbours", few, many)
        alone = self[f"neighbours alone {many}"] * count / many
        return shared, alone


def one_machine(
    count: float, size: float, method: str, rates: Rates, assumed: Assumptions, gpu: bool = False
) -> list[Stage]:
    """The stages of `find` by hashes, or of the runner.

    Args:
        count: Images.
        size: Bytes of an image.
        method: 'phash', or 'runner'.
        rates: What was measured.
        assumed: What was not.
        gpu: Whether the network runs on one.
    """
    encoding = rates.encoding(method, size)
    network = 0.0 if method == HASHES else rates["network"]
    work = max(encoding - network, encoding / 10) if gpu else encoding
    slowest = "network" if network > encoding / 2 and not gpu else "decoding"
    lock = rates.lock(method, size, assumed) * encoding / work
    stages = [
        Stage("listing", "listing", alone=count * rates["listing"]),
        Stage("encoding", slowest, count * work, moved=count * size, lock=lock, by_disk=True),
    ]
    if method == HASHES:
        alone = rates["hash join alone 1000000"] * count / 1e6
        return [*stages, Stage("join", "join", rates.hash_join(count, 10), alone)]
    shared, alone = rates.neighbours(count)
    return [*stages, Stage("join and tables", "join", shared, alone)]


def shards(count: float, size: float) -> int:
    """How many parts of some size there are."""
    return max(ceil(count / size), 1)
