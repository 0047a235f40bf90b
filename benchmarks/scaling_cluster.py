"""What a job of `imagededup.distributed` takes: its tasks, files, requests, bytes and memory.

The numbers of shards, partitions and cells are those that the job chooses.
"""

from dataclasses import dataclass
from math import comb

from scaling_model import GIB, HASHES, Assumptions, Machine, Rates, Stage, shards

from imagededup.distributed.join_hashes import plan_join

__all__ = ["Cluster", "Plan"]

_MOST_CELLS = 16384
_TRAINING_PER_CELL = 39
_ROW_BYTES = 64
_LISTED_AT_ONCE = 1000
"""Names that an object store gives for a request."""
_COPIES = 3
"""Partitions that a descriptor goes to, as the job reckons."""
_MEMORY_OF_TASK = 4
_WAITING_PER_SLOT = 4
_SHARDS_PER_SLOT = 8
"""Enough for the slots of a cluster to end together; the task that lists writes them all."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A job.

    Attributes:
        count: Images.
        size: Bytes of an image.
        method: 'phash' or 'cnn'.
        dimensions: Numbers of a code.
        threshold: Largest distance of hashes.
        task_size: Bytes that a task holds of what it joins.
        slots: Tasks that the cluster runs at a time.
    """

    count: float
    size: float
    method: str
    dimensions: int
    threshold: int
    task_size: float
    slots: int

    @classmethod
    def of(
        cls, count: float, size: float, method: str, threshold: int, machine: Machine, nodes: int
    ) -> "Plan":
        """With the largest tasks that the machines have memory for: fewer and larger files."""
        room = machine.memory * GIB * 0.8 / machine.threads / _MEMORY_OF_TASK
        task_size = 2 ** (int(room / 2**20).bit_length() - 1) * 2**20
        dimensions = 1 if method == HASHES else 1024
        slots = machine.threads * nodes
        return cls(count, size, method, dimensions, threshold, task_size, slots)

    @property
    def shard_size(self) -> int:
        """`--shard-size`: the default, or as much as gives a few shards for each slot."""
        return max(1000, int(self.count / (_SHARDS_PER_SLOT * self.slots)))

    @property
    def rows_per_task(self) -> int:
        """As `Job.rows_per_task`."""
        return int(max(self.task_size // max(_ROW_BYTES, 8 * self.dimensions), 1))

    @property
    def encoded(self) -> int:
        """Shards of codes."""
        return shards(self.count, self.shard_size)

    @property
    def partitions(self) -> int:
        """Of the groups of equal codes, and shards of different ones."""
        return shards(self.count, self.rows_per_task)

    @property
    def maps(self) -> int:
        """Tasks that scatter codes by their keys."""
        return shards(self.encoded, max(self.rows_per_task // self.shard_size, 1))

    @property
    def cells(self) -> int:
        """Of the inverted file."""
        fewest = int(min(self.count**0.5, self.count // _TRAINING_PER_CELL))
        return max(min(fewest, _MOST_CELLS), 1)

    @property
    def cell_partitions(self) -> int:
        """Of the inverted file; a task joins one."""
        split = shards(self.count * _COPIES, self.rows_per_task)
        return int(1 << min((split - 1).bit_length(), self.cells.bit_length() - 1))


@dataclass(frozen=True, slots=True)
class Cluster:
    """The stages of a job."""

    plan: Plan
    rates: Rates
    assumed: Assumptions

    def stages(self, gpu: bool = False) -> list[Stage]:
        """All of them, in their order."""
        joins = [self._join_hashes()] if self._is_of_hashes else self._join_descriptors()
        return [self._list(), self._encode(gpu), self._group(), *joins, self._label()]

    @property
    def false_neighbours(self) -> float:
        """Of one image, within 10 bits."""
        return self.plan.count * self.assumed.false_pairs if self._is_of_hashes else 0.0

    @property
    def edges(self) -> float:
        """Pairs of near copies; false ones only where 10 bits are asked for."""
        pairs = self.plan.count * self.assumed.near_copies
        if self._is_of_hashes and self.plan.threshold == 10:
            pairs += self.plan.count * self.false_neighbours / 2
        return pairs

    def names_under_way(self) -> float:
        """Bytes of the names of shards that the waiting tasks were sent."""
        names = max(self.plan.maps, 0 if self._is_of_hashes else self.plan.partitions)
        return _WAITING_PER_SLOT * self.plan.slots * names * len("part-00000-00000")

    def listing_memory(self) -> float:
        """Bytes of the one task that lists."""
        return self.plan.count * self.rates.listing_memory(self.assumed.name_bytes)

    def training_memory(self) -> float:
        """Bytes of the one task that trains the cells; its sample, three times."""
        if self._is_of_hashes:
            return 0.0
        return 3 * 4.0 * self.plan.cells * _TRAINING_PER_CELL * self.plan.dimensions

    @property
    def _is_of_hashes(self) -> bool:
        return self.plan.method == HASHES

    @property
    def _code(self) -> str:
        return "hash" if self._is_of_hashes else "descriptor"

    def _read(self, files: float) -> float:
        return files * self.assumed.requests_per_read

    def _list(self) -> Stage:
        """One task, which asks for page after page and writes shard after shard."""
        plan = self.plan
        requests = 2 * plan.encoded + shards(plan.count, _LISTED_AT_ONCE)
        alone = plan.count * self.rates["listing task"] + requests * self.assumed.latency
        moved = plan.count * self.rates["listing row"]
        return Stage("listing", "listing", alone=alone, moved=moved, puts=requests)

    def _encode(self, gpu: bool) -> Stage:
        plan, rates = self.plan, self.rates
        one = rates.encoding(plan.method, plan.size)
        network = 0.0 if self._is_of_hashes else rates["network"]
        limit = "network" if network > one / 2 and not gpu else "decoding"
        work = plan.count * (max(one - network, 0.0) if gpu else one)
        moved = plan.count * (plan.size + rates[f"{self._code} encoded row"])
        gets = plan.count + self._read(plan.encoded)
        alone, ahead = plan.encoded * rates["ray task"], plan.count / self.assumed.read_ahead
        puts, waits = 2 * plan.encoded, 4 * plan.encoded
        return Stage("encoding", limit, work, alone, moved, gets, puts, waits, ahead)

    def _group(self) -> Stage:
        """Codes that are equal meet in a partition."""
        plan, rates = self.plan, self.rates
        files = plan.encoded + plan.maps * plan.partitions
        work = plan.count * rates[f"{self._code} group"] + files * rates["shard read"]
        moved = 4 * plan.count * rates[f"{self._code} encoded row"]
        puts = 2 * plan.maps + 4 * plan.partitions
        reads = self._read(files)
        return Stage("groups", "grouping", work, 0, moved, reads, puts, reads + puts)

    def _join_hashes(self) -> Stage:
        plan, rates = self.plan, self.rates
        join = plan_join(int(plan.count), plan.threshold, plan.rows_per_task)
        searched = [chunk for chunk in join.chunks if chunk.radius >= 0]
        partitions = 1 << join.partition_bits
        met = sum(
            1 + sum(comb(join.partition_bits, ones) for ones in range(1, chunk.radius + 1)) / 2
            for chunk in searched
        )
        files = partitions * met * plan.partitions
        work = rates.hash_join(plan.count, plan.threshold) + files * rates["shard read"]
        work += len(searched) * plan.count * rates["hash scatter"]
        row = rates["hash scattered row"]
        moved = plan.count * row * (len(searched) + met) + self.edges * rates["hash pair row"]
        puts = 2 * len(searched) * (plan.partitions + partitions)
        reads = self._read(files)
        return Stage("join", "join", work, 0, moved, reads, puts, reads + puts)

    def _join_descriptors(self) -> list[Stage]:
        plan, rates = self.plan, self.rates
        numbers = plan.dimensions
        product = 2 * numbers / rates["products"]
        training = 6 * _TRAINING_PER_CELL * plan.cells**2 * product
        sample = plan.cells * _TRAINING_PER_CELL * rates["descriptor encoded row"]
        files = plan.cell_partitions * plan.partitions
        compared = plan.count**2 * 8 / plan.cells
        rows = rates["descriptor scatter"] + rates["descriptor row"] + plan.cells * product
        work = plan.count * rows
        work += compared * rates["descriptor pair"] + files * rates["shard read"]
        copies = rates["descriptor copies"]
        moved = (1 + 2 * copies) * plan.count * rates["descriptor encoded row"]
        reads = self._read(plan.partitions + files)
        puts = 2 * plan.partitions + 4 * plan.cell_partitions
        return [
            Stage("cells", "training", alone=training, moved=2 * sample, gets=plan.partitions),
            Stage("join", "join", work, 0, moved, reads, puts, reads + puts),
        ]

    def _label(self) -> Stage:
        plan, rates, rounds = self.plan, self.rates, self.assumed.rounds
        count = shards(self.edges, max(plan.task_size // _ROW_BYTES, 1))
        files = rounds * count**2
        work = rounds * self.edges * rates["component edge"] + files * rates["shard read"]
        moved = 2 * rounds * self.edges * rates["component row"]
        reads = self._read(files)
        puts = 2 * (rounds + 1) * count
        return Stage("components", "components", work, 0, moved, reads, puts, reads + puts)
