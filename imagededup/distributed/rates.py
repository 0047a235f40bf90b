"""What each step of a job takes of the cores: what a larger job will take follows from it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from imagededup.distributed.store import Store
from imagededup.distributed.workers import Workers

__all__ = ["Rates", "StepRate", "read_rates"]

_FILE = "rates.json"


@dataclass(frozen=True, slots=True)
class StepRate:
    """What a step has taken, in all runs of a job together.

    What a run that was killed did in its last step is not there, neither the items nor the time.

    Attributes:
        step: Its name.
        unit: What its items are.
        items: How many it has dealt with.
        core_seconds: What its tasks took of a core.
        seconds: From its begin to its end.
    """

    step: str
    unit: str
    items: int
    core_seconds: float
    seconds: float

    @property
    def per_core(self) -> float:
        """Items a second of a core; 0 where that is not known."""
        return self.items / self.core_seconds if self.core_seconds else 0.0


def read_rates(store: Store) -> list[StepRate]:
    """The rates of a job, in the order of its steps."""
    return [StepRate(**row) for row in store.read_json(_FILE) or ()]


class Rates:
    """Measures the steps of a job, and keeps the rates in its work folder.

    Args:
        store: The work folder.
        workers: Say what tasks take.
    """

    def __init__(self, store: Store, workers: Workers) -> None:
        self._store, self._workers = store, workers

    @contextmanager
    def step(self, name: str, unit: str, stage: str, source: str | None = None) -> Iterator[None]:
        """Measure a step, and add to what is known of it, if it had anything to do.

        Args:
            name: Of the step.
            unit: What is counted.
            stage: What it writes; its rows are counted.
            source: Whose rows are counted instead, by the share of the shards that are written.
        """
        before = set(self._store.complete(stage))
        cores, begin = self._workers.core_seconds.total(), time.monotonic()
        try:
            yield
        finally:
            took = self._workers.core_seconds.total() - cores
            if took:
                items = self._items(stage, before, source)
                self._add(StepRate(name, unit, items, took, time.monotonic() - begin))

    def _items(self, stage: str, before: set[str], source: str | None) -> int:
        every = self._store.complete(stage)
        new = [shard for shard in every if shard not in before]
        if source is None:
            return self._rows(stage, new)
        return self._rows(source, self._store.complete(source)) * len(new) // max(len(every), 1)

    def _rows(self, stage: str, shards: Sequence[str]) -> int:
        return sum(self._store.facts(stage, shard)["rows"] for shard in shards)

    def _add(self, one: StepRate) -> None:
        known = {rate.step: rate for rate in read_rates(self._store)}
        if one.step in known:
            before = known[one.step]
            one = StepRate(
                one.step,
                one.unit,
                before.items + one.items,
                before.core_seconds + one.core_seconds,
                before.seconds + one.seconds,
            )
        rates = [asdict(rate) for rate in (known | {one.step: one}).values()]
        self._store.write_json(_FILE, rates)
