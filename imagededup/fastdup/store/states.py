"""What is known of described images: their files' sizes and times, and checksums of their rows.

It lies beside the descriptors in numpy's format (features.dat.npz), so that a later run describes
only what is new, has changed, or was damaged on the disk.
"""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.store.checksums import block_checksums
from imagededup.fastdup.store.files import FLOAT_BYTES
from imagededup.sources.addresses import NOT_FETCHED
from imagededup.sources.limits import was_another_limit
from imagededup.utils.npz import write_npz
from imagededup.utils.packing import packed, packed_text, unpacked

__all__ = [
    "ROWS_PER_BLOCK",
    "STATISTICS",
    "FeatureState",
    "KnownImages",
    "MadeBy",
    "feature_checksums",
    "feature_digest",
    "unknown_statistics",
]

ROWS_PER_BLOCK = 64
"""How many descriptors share a checksum."""

STATISTICS = ("width", "height", "mean", "stdv", "min", "max", "contrast", "blur", "unique")
"""What is known of the picture itself: its size, and what `images/measure.py` measures."""

_UNKNOWN = -2

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What must be equal for a descriptor to be of use in another run.

    Attributes:
        model: Name of the model, or the hash of its file; empty for descriptors from elsewhere.
        dimension: Length of a descriptor.
        bounding_box: The part of the images that was described; empty for all.
    """

    model: str
    dimension: int
    bounding_box: str = ""


@dataclass(frozen=True, slots=True)
class KnownImages:
    """Images that have been described, or found to be bad.

    Attributes:
        paths: The n images, in the order of their descriptors.
        size: Sizes of the files before they were read, int64 of shape (n,); -1 without a file.
        modified: Their times of modification in nanoseconds, int64 of shape (n,).
        reasons: Why an image could not be read, by its place.
        statistics: What `STATISTICS` names, float32 of shape (n, 9); NaN where it is not known.
    """

    paths: Sequence[str]
    size: Indices
    modified: Indices
    reasons: dict[int, str]
    statistics: NDArray[np.float32]

    @classmethod
    def of_names(cls, names: Sequence[str], bad: Iterable[Sequence[str]] = ()) -> "KnownImages":
        """Images of whose files nothing is known; a later run describes them again."""
        rejected = list(bad)
        paths = [*names, *(path for path, _ in rejected)]
        unknown = np.full(len(paths), _UNKNOWN, np.int64)
        reasons = {len(names) + place: why for place, (_, why) in enumerate(rejected)}
        return cls(paths, unknown, unknown, reasons, unknown_statistics(len(paths)))

    @classmethod
    def joined(cls, parts: Sequence["KnownImages"]) -> "KnownImages":
        """Several, one behind the other."""
        starts = np.cumsum([0, *(len(part.paths) for part in parts)]).tolist()
        return cls(
            [path for part in parts for path in part.paths],
            np.concatenate([part.size for part in parts]),
            np.concatenate([part.modified for part in parts]),
            {
                start + place: why
                for start, part in zip(starts, parts, strict=False)
                for place, why in part.reasons.items()
            },
            np.concatenate([part.statistics for part in parts]),
        )

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Whether an image has a descriptor, of shape (n,)."""
        good = np.ones(len(self.paths), bool)
        good[list(self.reasons)] = False
        return good

    @property
    def rows(self) -> Indices:
        """The row of each image's descriptor, of shape (n,); -1 for a bad image."""
        good = self.is_good
        return np.where(good, np.cumsum(good) - 1, -1)

    def worth_another_look(self) -> list[int]:
        """Places of bad images that may be good now.

        They were over a limit which has been changed since, or remote and could not be fetched.
        """
        return [
            place
            for place, why in self.reasons.items()
            if was_another_limit(why) or why.startswith(NOT_FETCHED)
        ]

    def names(self) -> list[str]:
        """The good images."""
        return list(compress(self.paths, self.is_good))

    def bad(self) -> list[tuple[str, str]]:
        """The bad images with the reasons."""
        return [(self.paths[place], why) for place, why in sorted(self.reasons.items())]


@dataclass(frozen=True, slots=True)
class FeatureState:
    """What stands beside a file of descriptors.

    Attributes:
        made_by: How they were made.
        images: Which images they describe.
        checksums: CRC-32 of each `ROWS_PER_BLOCK` descriptors.
    """

    made_by: MadeBy
    images: KnownImages
    checksums: NDArray[np.uint32]

    def write(self, path: Path) -> None:
        """Write it in numpy's format.

        Raises:
            FileOperationError: The file cannot be written.
        """
        paths, path_lengths = packed(self.images.paths)
        reasons, reason_lengths = packed(self.images.reasons.values())
        write_npz(
            path,
            made_by=packed_text(json.dumps(asdict(self.made_by))),
            paths=paths,
            path_lengths=path_lengths,
            size=self.images.size,
            modified=self.images.modified,
            statistics=self.images.statistics,
            bad=np.fromiter(self.images.reasons, np.int64),
            reasons=reasons,
            reason_lengths=reason_lengths,
            checksums=self.checksums,
        )

    @classmethod
    def read(cls, path: Path) -> "FeatureState | None":
        """Read what `write` has written; None if there is no such file.

        Raises:
            InvalidValueError: The file is damaged.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                if archive.testzip() is not None:
                    raise zipfile.BadZipFile
            with np.load(path, allow_pickle=False) as arrays:
                return _state(dict(arrays))
        except FileNotFoundError:
            return None
        except (*_DAMAGE, OSError) as error:
            raise InvalidValueError(
                f"{str(path)!r} is damaged; run_mode=0 or 1 with the same images makes it again"
            ) from error


_DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What Python's archives and arrays raise for wrong bytes."""


def unknown_statistics(count: int) -> NDArray[np.float32]:
    """The statistics of images that were never measured, of shape (count, 9)."""
    return np.full((count, len(STATISTICS)), np.nan, np.float32)


def feature_checksums(data: Path, dimension: int) -> NDArray[np.uint32]:
    """The checksums of a file of descriptors as it is now."""
    return block_checksums(data, ROWS_PER_BLOCK * dimension * FLOAT_BYTES)


def feature_digest(dimension: int, checksums: NDArray[np.uint32], names: Sequence[str]) -> str:
    """What tells stored features from all others: a hash of descriptors and names."""
    state = hashlib.blake2b(dimension.to_bytes(8, "little"), digest_size=16)
    state.update(checksums.astype("<u4").tobytes())
    state.update("\0".join(names).encode("utf-8", "surrogatepass"))
    return state.hexdigest()


def _state(content: dict[str, NDArray[np.generic]]) -> FeatureState:
    made_by = MadeBy(**json.loads(content["made_by"].tobytes()))
    paths = unpacked(content["paths"], content["path_lengths"])
    places = content["bad"].tolist()
    reasons = unpacked(content["reasons"], content["reason_lengths"])
    images = KnownImages(
        paths,
        content["size"].astype(np.int64),
        content["modified"].astype(np.int64),
        dict(zip(places, reasons, strict=True)),
        content.get("statistics", unknown_statistics(len(paths))).astype(np.float32),
    )
    lengths = {len(paths), len(images.size), len(images.modified)}
    if len(lengths) > 1 or images.statistics.shape != (len(paths), len(STATISTICS)):
        raise ValueError("arrays of different lengths")
    return FeatureState(made_by, images, content["checksums"].astype(np.uint32))
