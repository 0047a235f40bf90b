"""Finding duplicates on a cluster, by Ray; `imagededup[ray]` has what it needs."""

from imagededup.distributed.result import DistributedResult
from imagededup.distributed.run import run

__all__ = ["DistributedResult", "run"]
