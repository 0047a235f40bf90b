"""All that the tables of docs/scaling.md are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling_cluster import Cluster, Plan
from scaling_model import HASHES, Assumptions, Machine, Rates

__all__ = ["Collection", "Inputs"]


@dataclass(frozen=True, slots=True)
class Collection:
    """A row of fastdup's table, and the gigabytes of the collection."""

    images: int
    dollars: float
    spot_dollars: float
    seconds: float
    identical_pairs: int
    gigabytes: float

    @property
    def image_bytes(self) -> float:
        """Of one image."""
        return self.gigabytes * 1e9 / self.images


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that the tables are made of."""

    machines: Mapping[str, Machine]
    prices_as_of: str
    rates: Rates
    stored: Mapping[str, Mapping[str, Any]]
    assumed: Assumptions
    collections: Mapping[str, Collection]
    peer_machine: str
    cluster_machine: str
    clusters: Mapping[int, int]
    large_bytes: float

    def memory(self, method: str) -> float:
        """Bytes of one machine, an image: its names and its search."""
        search = "hash join memory" if method == HASHES else "neighbours memory 100000"
        return self.rates.listing_memory(self.assumed.name_bytes) + self.rates[search]

    def job(self, count: int, method: str, threshold: int, size: float) -> Cluster:
        """Of the cluster's machines."""
        machine = self.machines[self.cluster_machine]
        nodes = self.clusters[count]
        plan = Plan.of(count, size, method, threshold, machine, nodes)
        return Cluster(plan, self.rates, self.assumed)
