"""The files that hold descriptors: their names, and the record of how they were made."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imagededup.errors import InvalidValueError
from imagededup.utils.files import write_json

__all__ = [
    "DERIVED",
    "FLOAT_BYTES",
    "QUERY_RESULTS",
    "SEARCH_RESULTS",
    "FeatureFiles",
    "FeatureRecord",
    "VerifiedFiles",
    "is_result",
    "read_object",
    "shard_bounds",
]

FLOAT_BYTES = 4
"""The size of a number of a descriptor."""

SEARCH_RESULTS = (
    "similarity.csv",
    "outliers.csv",
    "faiss.index",
    "components_info.csv",
    "connected_components.csv",
    "degree_distribution.csv",
    "verified.csv",
    "verified.bad.csv",
)
"""The files that are computed from stored features."""

QUERY_RESULTS = (
    "query_similarity.csv",
    "query_outliers.csv",
    "query_verified.csv",
    "query_verified.bad.csv",
)
"""The files that are computed from new features and stored ones."""

DERIVED = (*SEARCH_RESULTS, *QUERY_RESULTS)

_SHARD = re.compile(r"features_(\d+)_(\d+|end)")
_RESULT = re.compile(
    r"(query_)?features(_\d+_(\d+|end))?\.(dat(\.csv|\.bad|\.json|\.npz)?|bad\.csv)"
    r"|(query_)?stats(_\d+_(\d+|end))?\.csv"
    r"|(config|run)\.json"
)


def is_result(name: str) -> bool:
    """Whether a file in a work folder has one of the names that runs give."""
    return name in DERIVED or _RESULT.fullmatch(name) is not None


def shard_bounds(stem: str) -> tuple[int, int | None] | None:
    """The offsets in the name of a shard; None for another name."""
    match = _SHARD.fullmatch(stem)
    if match is None:
        return None
    begin, end = match.groups()
    return int(begin), None if end == "end" else int(end)


@dataclass(frozen=True, slots=True)
class FeatureFiles:
    """The names of the files that belong to a file of descriptors.

    Attributes:
        data: The descriptors.
    """

    data: Path

    @property
    def names(self) -> Path:
        """The good images, in the order of the descriptors."""
        return self._beside(".csv")

    @property
    def bad(self) -> Path:
        """The bad images with the reasons."""
        return self.data.with_name(self.data.name.removesuffix(".dat") + ".bad.csv")

    @property
    def bad_names(self) -> Path:
        """The bad images."""
        return self._beside(".bad")

    @property
    def stats(self) -> Path:
        """Sizes, brightness and sharpness of the good images: stats.csv beside features.dat."""
        return self.data.with_name(self.data.stem.replace("features", "stats", 1) + ".csv")

    @property
    def record(self) -> Path:
        """How the files were made."""
        return self._beside(".json")

    @property
    def state(self) -> Path:
        """What is known of the images' files, and checksums of the descriptors."""
        return self._beside(".npz")

    @property
    def staged_data(self) -> Path:
        """The descriptors before they get their name."""
        return self.data.with_name(f".{self.data.name}.new")

    @property
    def staged_state(self) -> Path:
        """The state before it gets its name."""
        return self.data.with_name(f".{self.data.name}.npz.new")

    @property
    def partial(self) -> Path:
        """The descriptors while they are extracted."""
        return self.data.with_name(f".{self.data.name}.partial")

    @property
    def journal(self) -> Path:
        """What has been extracted."""
        return self.data.with_name(f".{self.data.name}.journal")

    def _beside(self, ending: str) -> Path:
        return self.data.with_name(self.data.name + ending)


@dataclass(frozen=True, slots=True)
class VerifiedFiles:
    """The names of the files that belong to verified pairs.

    Attributes:
        pairs: The pairs with what was found.
    """

    pairs: Path

    @property
    def bad(self) -> Path:
        """The images that could not be read again, with the reasons."""
        return self.pairs.with_suffix(".bad.csv")

    @property
    def journal(self) -> Path:
        """The pairs that are verified so far."""
        return self.pairs.with_name(f".{self.pairs.stem}.journal")


@dataclass(frozen=True, slots=True)
class FeatureRecord:
    """How a file of descriptors was made.

    Attributes:
        model: Name of the model, or the hash of its file.
        dimension: Length of a descriptor.
        good: Number of descriptors.
        bad: Number of images that could not be read.
        begin: Place of the first image in the whole listing.
        end: Place behind the last one.
        total: Length of the whole listing.
        listing: Hash of the whole listing.
        root: The folder of the images; empty for a list of paths.
        bounding_box: The part of the images that was described; empty for all.
        parts: The shards that were joined.
        shards: The shards that lay beside when the images were described.
    """

    model: str
    dimension: int
    good: int = 0
    bad: int = 0
    begin: int = 0
    end: int = 0
    total: int = 0
    listing: str = ""
    root: str = ""
    bounding_box: str = ""
    parts: list[str] = field(default_factory=list)
    shards: list[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def read(cls, path: Path) -> "FeatureRecord | None":
        """Read what `write` has written; None if there is no such file.

        Raises:
            InvalidValueError: The file is broken.
        """
        content = read_object(path)
        if content is None:
            return None
        try:
            record = cls(**content)
        except TypeError as error:
            raise InvalidValueError(
                f"{str(path)!r} is no record of features: {error}; run_mode=0 or 1 with the same "
                "images makes it again"
            ) from error
        if not isinstance(record.dimension, int) or record.dimension < 1:
            raise InvalidValueError(
                f"{str(path)!r}: dimension must be a positive int, got {record.dimension!r}"
            )
        return record


def read_object(path: Path) -> dict[str, Any] | None:
    """A JSON object from a file; None if there is no such file.

    Raises:
        InvalidValueError: The file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"{str(path)!r} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InvalidValueError(f"{str(path)!r} must hold a JSON object")
    return content
