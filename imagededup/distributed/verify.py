"""From candidates to verdicts, batch by batch."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imagededup.distributed.candidates import CANDIDATES, propose_candidates
from imagededup.distributed.job import Job
from imagededup.distributed.looks import Batch, look_at_batches
from imagededup.distributed.tables import Indices, columns, table_of
from imagededup.distributed.workers import Workers
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdicts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["VERIFIED", "verdicts_of", "verify_candidates"]

VERIFIED = "verified"
_WORDS = np.array([str(relation) for relation in Relation])


def verify_candidates(job: Job, workers: Workers, images: int) -> None:
    """Write `verified`: pairs of images, the lower first, and what verification says of them."""
    propose_candidates(job, workers, images)
    look_at_batches(job, workers, CANDIDATES, VERIFIED, verify_batch)


def verify_batch(job: Job, name: str, left_out: tuple[int, ...], threads: int) -> None:
    """Verify the pairs of a batch; those of images that cannot be read again are dropped."""
    from imagededup.verification.collection import verify_pairs  # loads cv2

    batch = Batch(job, CANDIDATES, name, left_out)
    ids = columns(batch.rows, "left", "right")
    left, right = batch.places("left", "right")
    alive = ~(batch.left_out[left] | batch.left_out[right])
    found = verify_pairs(left[alive], right[alive], batch.path, threads)
    ends = np.stack([left[alive], right[alive]])
    read = np.flatnonzero(~np.isin(ends, list(found.failures)).any(axis=0))
    kept = np.flatnonzero(alive)[read]
    verdicts = found.verdicts.take(read)
    table = _table(ids[0][kept], ids[1][kept], verdicts.rows)
    facts = {"kept": int(verdicts.among(job.settings.kept_relations()).sum())}
    job.store.write(VERIFIED, name, [table], table.schema, facts)
    batch.write_failures(name, found.failures)


def verdicts_of(table: "pa.Table") -> tuple[Indices, Indices, Verdicts]:
    """The pairs of a table and their verdicts."""
    rows = np.zeros(len(table), Verdicts.of([]).rows.dtype)
    words = table["relation"].to_pylist()
    code = {str(relation): place for place, relation in enumerate(Relation)}
    rows["relation"] = [code[word] for word in words]
    for name in rows.dtype.names or ():
        if name != "relation":
            rows[name] = columns(table, name)[0].reshape(rows[name].shape)
    left, right = columns(table, "left", "right")
    return left, right, Verdicts(rows)


def _table(left: Indices, right: Indices, rows: NDArray[Any]) -> "pa.Table":
    named = {name: rows[name] for name in rows.dtype.names or ()}
    named["relation"] = _WORDS[rows["relation"]]
    named["matrix"] = rows["matrix"].reshape(len(rows), 6)
    return table_of(left=left, right=right, **named)
