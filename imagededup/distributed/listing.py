"""The names of all images, in shards; the number of an image is its place in the sorted listing."""

import os
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.job import Job
from imagededup.distributed.store import Store, shard_name
from imagededup.errors import FileOperationError
from imagededup.sources.file_states import FileStates
from imagededup.sources.folders import Failure, ImageFolder
from imagededup.sources.limits import set_limits
from imagededup.sources.listing import list_images

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "FAILED",
    "LISTING",
    "image_count",
    "images_of",
    "listed_images",
    "listed_rows",
    "read_failures",
    "write_failures",
    "write_listing",
]

LISTING, FAILED = "listing", "failed"
_FACTS = "listing.json"
_STATE = FileStates.of([]).files.dtype


def write_listing(job: Job) -> None:
    """List the images, in one task that holds their names.

    Raises:
        InvalidValueError: A place is not there, cannot be read or holds nothing.
    """
    set_limits(job.limits)
    with chdir(job.folder):
        folder = list_images(job.settings.sources(), job.settings.recursive, "source")
    size = job.settings.shard_size
    for number, begin in enumerate(range(0, len(folder.names), size)):
        table = _table(folder, begin, min(begin + size, len(folder.names)))
        job.store.write(LISTING, shard_name(number), [table], table.schema)
    write_failures(job.store, "listing", [(-1, failure) for failure in folder.failures])
    root = str(folder.root) if folder.root != Path() else job.folder
    facts = {"images": len(folder.names), "root": root, "places": list(folder.places)}
    job.store.write_json(_FACTS, facts)


def image_count(store: Store) -> int | None:
    """How many images are listed; None before the listing is complete."""
    facts = store.read_json(_FACTS)
    return None if facts is None else int(facts["images"])


def listed_images(store: Store, shards: Sequence[str]) -> tuple[NDArray[np.int64], ImageFolder]:
    """The numbers of the images of some shards, and the images."""
    import pyarrow as pa

    tables = [store.read(LISTING, shard) for shard in shards]
    return images_of(store, pa.concat_tables([_as_table([], [], [], []), *tables]))


def listed_rows(job: Job, ids: NDArray[np.int64]) -> "pa.Table":
    """The rows of the listing of some images, which are ascending."""
    import pyarrow as pa

    size = job.settings.shard_size
    tables = [_as_table([], [], [], [])]
    for number in np.unique(ids // size).tolist():
        some = ids[np.searchsorted(ids, number * size) : np.searchsorted(ids, (number + 1) * size)]
        tables.append(job.store.read(LISTING, shard_name(number)).take(pa.array(some % size)))
    return pa.concat_tables(tables)


def images_of(store: Store, table: "pa.Table") -> tuple[NDArray[np.int64], ImageFolder]:
    """The numbers of the images of some rows of the listing, and the images.

    Raises:
        FileOperationError: There is no listing.
    """
    facts = store.read_json(_FACTS)
    if facts is None:
        raise FileOperationError(f"{store.url} holds no listing")
    states = np.frombuffer(b"".join(table["state"].to_pylist()), _STATE).reshape(-1, 2)
    links = np.flatnonzero(states[:, 0] != states[:, 1])
    return table["id"].to_numpy(), ImageFolder(
        Path(facts["root"]),
        [os.fsdecode(name) for name in table["name"].to_pylist()],
        [],
        FileStates(states[:, 1], links, states[links, 0]),
        np.array(table["apart"].to_pylist(), bool),
        tuple(facts["places"]),
    )


def write_failures(
    store: Store, shard: str, failures: Sequence[tuple[int, Failure]], stage: str = FAILED
) -> None:
    """Store what could not be read, with the numbers of the images."""
    import pyarrow as pa

    table = pa.table(
        {
            "id": pa.array([number for number, _ in failures], pa.int64()),
            "name": pa.array([os.fsencode(one.name) for _, one in failures], pa.binary()),
            "reason": pa.array([one.reason for _, one in failures], pa.string()),
        }
    )
    store.write(stage, shard, [table], table.schema)


def read_failures(store: Store, stage: str = FAILED) -> list[tuple[int, Failure]]:
    """All that could not be read, with the number of the image; -1 where it is none."""
    return [
        (row["id"], Failure(os.fsdecode(row["name"]), row["reason"]))
        for shard in store.complete(stage)
        for row in store.read(stage, shard).to_pylist()
    ]


def _table(folder: ImageFolder, begin: int, end: int) -> "pa.Table":
    apart = np.zeros(end - begin, bool) if folder.apart is None else folder.apart[begin:end]
    states = (folder.states.at(place) for place in range(begin, end))
    packed = (np.array([tuple(own), tuple(file)], _STATE).tobytes() for own, file in states)
    names = map(os.fsencode, folder.names[begin:end])
    return _as_table(range(begin, end), names, packed, apart)


def _as_table(ids: Any, names: Any, states: Any, apart: Any) -> "pa.Table":  # noqa: ANN401
    """Names are bytes: those of files may be no text."""
    import pyarrow as pa

    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "name": pa.array(names, pa.binary()),
            "state": pa.array(states, pa.binary(2 * _STATE.itemsize)),
            "apart": pa.array(apart, pa.bool_()),
        }
    )
