"""What a job is asked for; a restarted one must be asked for the same."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from imagededup.distributed.store import Store, shard_name
from imagededup.distributed.workers import Workers
from imagededup.errors import InvalidValueError
from imagededup.methods.encoder import Encoder
from imagededup.sources.limits import Limits, set_limits
from imagededup.sources.places import Sources
from imagededup.verification.relation import Relation

__all__ = ["EncoderFactory", "Job", "Settings"]

EncoderFactory = Callable[[], Encoder[Any]]

_FILE = "job.json"
_ROW_BYTES = 64
"""What a row of a few numbers takes in a task, with what is made of it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the results depend on.

    Attributes:
        places: Where the images are.
        include: Patterns of names that are taken.
        exclude: Patterns of names that are left out.
        frames_per_second: How many frames of a video are taken.
        recursive: Whether folders within folders are listed.
        fingerprint: What the codes depend on beside the pixels; empty where that is not known.
        score_name: 'distance' or 'similarity'.
        threshold: Largest distance or least similarity of a pair.
        shard_size: Images of a shard.
        task_size: About how many bytes a task holds of what it joins.
        cells_probed: In how many cells a descriptor is searched.
        verify: Whether the pictures of pairs decide.
        candidates: With how many others each image is verified at most.
        relations: Which relations of verified pairs count.
    """

    places: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    frames_per_second: float
    recursive: bool
    fingerprint: str
    score_name: str
    threshold: float
    shard_size: int
    task_size: int
    cells_probed: int
    verify: bool
    candidates: int
    relations: tuple[str, ...]

    @property
    def by_distance(self) -> bool:
        """Whether codes are hashes."""
        return self.score_name == "distance"

    def kept_relations(self) -> tuple[Relation, ...]:
        """The relations that count."""
        return tuple(map(Relation, self.relations))

    def sources(self) -> Sources:
        """Where the images are, as the listing takes it."""
        return Sources(self.places, self.include, self.exclude, self.frames_per_second)


@dataclass(frozen=True)
class Job:
    """What every task is given.

    Attributes:
        store: The work folder.
        settings: What the results depend on.
        make_encoder: Makes the encoder.
        encoder_key: Tells one encoder from another within a process.
        folder: The current folder of the driver, that relative places begin at.
        limits: What an image may cost.
    """

    store: Store
    settings: Settings
    make_encoder: EncoderFactory = field(repr=False)
    encoder_key: str
    folder: str
    limits: Limits

    def encoder(self) -> Encoder[Any]:
        """The encoder, made once in a process."""
        set_limits(self.limits)
        return _made(_Factory(self.encoder_key, self.make_encoder))

    def rows_per_task(self, dimensions: int) -> int:
        """How many rows a task holds, of so many numbers each."""
        return max(self.settings.task_size // max(_ROW_BYTES, 8 * dimensions), 1)

    def write_missing(
        self,
        workers: Workers,
        task: Callable[..., None],
        stage: str,
        arguments: Sequence[tuple[Any, ...]],
    ) -> list[str]:
        """Run the tasks of a stage whose shards are not complete.

        Args:
            workers: Where they run.
            task: Writes a shard; called with the job, the name of the shard, and its arguments.
            stage: The folder of the shards.
            arguments: Of each shard.

        Returns:
            The names of all shards.
        """
        names = [shard_name(number) for number in range(len(arguments))]
        done = set(self.store.complete(stage))
        several = zip(names, arguments, strict=True)
        workers.run(task, ((self, name, *some) for name, some in several if name not in done))
        return names

    def check(self) -> None:
        """Store the settings, or compare them with those that are stored.

        Raises:
            InvalidValueError: The work folder is that of another job.
        """
        wanted = _as_stored(self.settings)
        found = self.store.read_json(_FILE)
        if found is None:
            self.store.write_json(_FILE, wanted)
            return
        for name, value in wanted.items():
            if found.get(name) != value:
                raise InvalidValueError(
                    f"work_dir {self.store.url!r} is of a job with {name} {found.get(name)!r}, got "
                    f"{value!r}: take another work_dir"
                )


def _as_stored(settings: Settings) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(settings).items()
    }


@dataclass(frozen=True)
class _Factory:
    """Factories are the same by their key: each task gets a copy."""

    key: str
    make: EncoderFactory = field(compare=False)


@lru_cache(maxsize=2)
def _made(factory: _Factory) -> Encoder[Any]:
    return factory.make()
