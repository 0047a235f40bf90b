"""What is measured, group by group; inputs are written when their turn comes."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from codes import ENCODERS
from comparison import inputs
from comparison.processes import OURS
from cosine_search import load, synthesise
from fastdup_runner import PROBES, exact_neighbors, recall_of
from photographs import list_photographs

__all__ = ["GROUPS", "Measurement", "Sizes", "Workplace", "pictures"]

IMAGEDEDUP, FASTDUP = "imagededup", "fastdup"
_DISTANCE, _SIMILARITY = 10, 0.9
_HASHES = [name for name in ENCODERS if name.endswith("Hash")]
_DRAWN = 20_000


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured; the tables show the sizes from `shown` on, the growth is of all."""

    small: int = 1000
    large: int = 60
    large_pixels: tuple[int, int] = (4000, 3000)
    command: int = 100
    codes: Sequence[int] = (2_500, 5_000, 10_000, 20_000, 100_000, 1_000_000)
    descriptors: Sequence[int] = (2_500, 5_000, 10_000, 100_000, 1_000_000)
    maps: Sequence[int] = (500, 1_000, 2_000, 1_000_000)
    shown: Sequence[int] = (1_000, 2_000, 10_000, 100_000, 1_000_000)

    def up_to(self, most: int) -> "Sizes":
        """Those of at most so many hashes, descriptors and entries of maps."""
        names = ("codes", "descriptors", "maps")
        smaller = {name: [one for one in getattr(self, name) if one <= most] for name in names}
        return replace(self, **smaller)


QUICK = Sizes(
    small=12,
    large=2,
    large_pixels=(800, 600),
    command=4,
    codes=(200, 300, 600),
    descriptors=(200, 300, 600),
    maps=(100, 200, 400),
    shown=(300, 400, 600),
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The same work for several packages.

    Attributes:
        group: One of `GROUPS`.
        what: The work, without its size.
        size: Of the input, in `unit`.
        unit: The name of the input's things.
        task: Of `calls.py`; None for our command.
        requests: What each package is asked.
        whole: Whether the time is that of whole processes, from start to end.
        prepare: What a package does before, once, without being measured.
        recall: The share of what is to be found that a package has found; None for one of which
            that is not known.
    """

    group: str
    what: str
    size: int
    unit: str
    task: str | None
    requests: Mapping[str, Any]
    whole: bool = False
    prepare: Callable[[str], tuple[str, Mapping[str, Any]]] | None = None
    recall: Callable[[str], float | None] = field(default=lambda _: None)


@dataclass(frozen=True)
class Workplace:
    """Where inputs are written, and what they are made of."""

    folder: Path
    sizes: Sizes
    photographs: Path | None = None
    descriptors: Path | None = None

    def small(self) -> Path:
        """The folder of small photographs."""
        folder = self.folder / "small"
        if not folder.exists():
            given = [] if self.photographs is None else list_photographs(self.photographs)
            inputs.write_small(given, self.sizes.small, folder)
        return folder

    def large(self) -> Path:
        """The folder of large ones."""
        folder, small = self.folder / "large", list_photographs(self.small())
        if not folder.exists():
            folder.mkdir()
            inputs.write_large(small, folder, self.sizes.large, self.sizes.large_pixels)
        return folder

    def some(self) -> Path:
        """The folder of the few that a command looks at."""
        folder = self.folder / "some"
        if not folder.exists():
            folder.mkdir()
            for path in list_photographs(self.small())[: self.sizes.command]:
                (folder / path.name).symlink_to(path)
        return folder

    def mixed(self, size: int) -> Path:
        """A file of so many descriptors."""
        path = self.folder / f"descriptors_{size}.npy"
        if not path.exists():
            inputs.write_descriptors(self._real, size, path)
        return path

    @cached_property
    def _real(self) -> inputs.Descriptors:
        if self.descriptors is not None:
            return np.ascontiguousarray(load(self.descriptors)[:, : inputs.DIMENSIONS])
        if self.photographs is not None:
            return inputs.real_descriptors(self.small())
        return synthesise(_DRAWN, inputs.DIMENSIONS, np.random.default_rng(0))


def hashing(place: Workplace) -> Iterator[Measurement]:
    """Each hash of small and of large photographs."""
    for size, unit, folder in pictures(place):
        for method in _HASHES:
            request = {"method": method, "folder": str(folder)}
            yield Measurement(
                "hashing", method, size, unit, "encode", dict.fromkeys((OURS, IMAGEDEDUP), request)
            )


def cnn(place: Workplace) -> Iterator[Measurement]:
    """Descriptors of small and of large photographs."""
    for size, unit, folder in pictures(place):
        request = {"method": "CNN", "folder": str(folder)}
        packages = (OURS, IMAGEDEDUP, FASTDUP)
        yield Measurement(
            "cnn", "descriptors", size, unit, "encode", dict.fromkeys(packages, request)
        )


def hamming(place: Workplace) -> Iterator[Measurement]:
    """Duplicates from hashes."""
    for size in place.sizes.codes:
        codes = place.folder / "hashes.npy"
        inputs.write_hashes(size, codes)
        options = {"max_distance_threshold": _DISTANCE}
        request = {"method": "PHash", "codes": str(codes), "options": options}
        yield Measurement(
            "hamming",
            f"pairs within {_DISTANCE} bits",
            size,
            "hashes",
            "pairs",
            dict.fromkeys((OURS, IMAGEDEDUP), request),
        )


def cosine(place: Workplace) -> Iterator[Measurement]:
    """Duplicates from descriptors."""
    result = place.folder / "duplicates.json"
    for size in place.sizes.descriptors:
        codes = place.mixed(size)
        descriptors = np.load(codes)
        probes = _probes(size)
        truth = inputs.exact_pairs(descriptors, probes, _SIMILARITY)
        del descriptors
        request = {
            "method": "CNN",
            "codes": str(codes),
            "options": {"min_similarity_threshold": _SIMILARITY},
            "probes": probes.tolist(),
            "result": str(result),
        }
        yield Measurement(
            "cosine",
            f"pairs of cosine {_SIMILARITY} and above",
            size,
            "descriptors",
            "pairs",
            dict.fromkeys((OURS, IMAGEDEDUP), request),
            recall=partial(_recall_of_pairs, result, truth),
        )


def neighbors(place: Workplace) -> Iterator[Measurement]:
    """The two nearest neighbours of descriptors, as fastdup finds them."""
    for size in place.sizes.descriptors:
        codes = place.mixed(size)
        descriptors = np.load(codes)
        probes = _probes(size)
        truth = exact_neighbors(descriptors, probes)
        del descriptors
        works = {name: place.folder / f"neighbors_{name}_{size}" for name in (OURS, FASTDUP)}
        requests = {name: {"codes": str(codes), "work_dir": str(works[name])} for name in works}
        yield Measurement(
            "neighbors",
            "two nearest neighbours",
            size,
            "descriptors",
            "neighbors",
            requests,
            prepare=lambda package, requests=requests: ("store", requests[package]),
            recall=lambda package, works=works, probes=probes, truth=truth: recall_of(
                works[package] / "similarity.csv", probes, truth
            ),
        )
        for work in works.values():
            shutil.rmtree(work, ignore_errors=True)


def end_to_end(place: Workplace) -> Iterator[Measurement]:
    """Whole processes, from files to duplicates."""
    folder, size = str(place.small()), place.sizes.small
    for method in ("PHash", "CNN"):
        request = {"method": method, "folder": folder}
        yield Measurement(
            "end_to_end",
            f"{method}.find_duplicates",
            size,
            "photographs",
            "find",
            dict.fromkeys((OURS, IMAGEDEDUP), request),
            whole=True,
        )
    yield Measurement(
        "end_to_end",
        "fastdup.run",
        size,
        "photographs",
        "everything",
        {package: {"folder": folder} for package in (OURS, FASTDUP)},
        whole=True,
    )
    for method in ("phash", "cnn"):
        words = ["find", str(place.some()), "--method", method, "--no-cache"]
        yield Measurement(
            "end_to_end",
            f"the command find, {method}",
            place.sizes.command,
            "photographs",
            None,
            {OURS: words},
            whole=True,
        )


def evaluation(place: Workplace) -> Iterator[Measurement]:
    """All metrics of retrieved duplicates."""
    for size in place.sizes.maps:
        maps = place.folder / "maps.json"
        inputs.write_maps(size, maps)
        yield Measurement(
            "evaluation",
            "evaluate, all metrics",
            size,
            "images",
            "evaluate",
            {package: {"maps": str(maps)} for package in (OURS, IMAGEDEDUP)},
        )


GROUPS: Mapping[str, Callable[[Workplace], Iterator[Measurement]]] = {
    "hashing": hashing,
    "cnn": cnn,
    "end_to_end": end_to_end,
    "evaluation": evaluation,
    "hamming": hamming,
    "cosine": cosine,
    "neighbors": neighbors,
}
"""In the order in which they are measured: what takes longest comes last."""


def pictures(place: Workplace) -> Iterator[tuple[int, str, Path]]:
    """How many photographs, what they are, and their folder: the small and the large ones."""
    yield place.sizes.small, "photographs", place.small()
    width, height = place.sizes.large_pixels
    megapixels = f"photographs of {width * height / 1e6:.3g} megapixels"
    yield place.sizes.large, megapixels, place.large()


def _probes(size: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.linspace(0, size - 1, min(PROBES, size)).astype(np.int64)


def _recall_of_pairs(path: Path, truth: Mapping[int, set[int]], package: str) -> float:  # noqa: ARG001
    """Of the package that ran last."""
    found = json.loads(path.read_text(encoding="utf-8"))
    hits = total = 0
    for probe, others in truth.items():
        names = {int(Path(name).stem) for name in found[str(probe)]}
        hits, total = hits + len(names & others), total + len(others)
    return hits / total if total else 1.0
