"""Verifying the pairs that a search has found: whether both images show the same, and how."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagededup.errors import InvalidValueError
from imagededup.fastdup.same_files import states_of
from imagededup.fastdup.store.files import VerifiedFiles
from imagededup.fastdup.store.long_tables import write_pairs
from imagededup.fastdup.store.results import stage_results
from imagededup.fastdup.store.shards import BAD_HEADER, StoredFeatures
from imagededup.fastdup.store.tables import write_rows
from imagededup.fastdup.store.verdict_journal import VerdictJournal, VerifiedChunk
from imagededup.fastdup.store.work_dir import WorkDir
from imagededup.search.matches import connected_components
from imagededup.utils.progress import Progress
from imagededup.utils.text import counted
from imagededup.verification.collection import verify_pairs
from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdicts

__all__ = ["FoundPairs", "VerifiedPairs", "check_images", "verify_found", "verify_results"]

_PAIRS_PER_CHUNK = 2048
"""How many pairs are verified between two writes to the journal: some seconds of work."""

_GEOMETRY = {
    "rotation": "rotation",
    "scale": "scale",
    "mirrored": "mirrored",
    "from_covered": "left_covered",
    "to_covered": "right_covered",
    "differing": "differing",
}
"""The columns that only pairs of one picture have, and the fields of verdicts that they hold."""

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FoundPairs:
    """Pairs that a search has found, each once.

    Attributes:
        names: The paths of the images.
        left: Rows of `names`, int64 of shape (n,).
        right: Rows of `references`, or of `names` without those, int64 of shape (n,).
        similarity: float32 of shape (n,).
        references: The paths of the images that the others were compared with.
    """

    names: Sequence[str]
    left: Indices
    right: Indices
    similarity: NDArray[np.float32]
    references: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.left)

    @property
    def paths(self) -> Sequence[str]:
        """The paths of all images, those of the references behind the others."""
        return self.names if self.references is None else [*self.names, *self.references]

    @property
    def items(self) -> tuple[Indices, Indices]:
        """The places of the images of each pair in `paths`, of shape (n,) each."""
        return self.left, self.right + (0 if self.references is None else len(self.names))


@dataclass(frozen=True, slots=True, eq=False)
class VerifiedPairs:
    """What became of pairs.

    Attributes:
        verdicts: One a pair, in the order of the pairs.
        bad: Images that could not be read again, with the reasons.
    """

    verdicts: Verdicts
    bad: list[tuple[str, str]]


def check_images(stored: StoredFeatures) -> None:
    """Raise before any work if none of the images of stored features is there.

    Raises:
        InvalidValueError: None is.
    """
    if stored.names and not any(map(os.path.isfile, stored.names)):
        raise InvalidValueError(
            f"verify=1 needs the images themselves, but none of the "
            f"{counted(len(stored.names), 'file')} that {str(stored.files.names)!r} names is "
            f"there, such as {stored.names[0]!r}"
        )


def verify_results(
    workers: int, folder: WorkDir, pairs: FoundPairs, features: str, parameters: dict[str, Any]
) -> None:
    """Verify the pairs that a run has found, and write the files that say what they are.

    Args:
        workers: Number of threads.
        folder: The work folder, which has the other results of the run already.
        pairs: The pairs.
        features: Digest of the stored features.
        parameters: Of the run.

    Raises:
        FileOperationError: A file cannot be written.
    """
    files = folder.verified if pairs.references is None else folder.query_verified
    verified = verify_found(pairs, files.journal, workers)
    replaced = {files.pairs.name, files.bad.name}
    with stage_results(folder.folder, features, replaced, parameters) as staging:
        _write(VerifiedFiles(staging / files.pairs.name), pairs, verified)
    files.journal.unlink(missing_ok=True)
    _print_summary(verified, files)


def verify_found(pairs: FoundPairs, journal: Path, workers: int) -> VerifiedPairs:
    """Verify pairs, in an order in which an image is seldom needed twice.

    Args:
        pairs: The pairs.
        journal: Where they are kept until all are verified; a run that was killed goes on there.
        workers: Number of threads; the result does not depend on it.

    Raises:
        FileOperationError: The journal cannot be written.
    """
    paths, (left, right) = pairs.paths, pairs.items
    rows = np.zeros(len(pairs), Verdicts.of([]).rows.dtype)
    reasons: dict[str, str] = {}
    with (
        VerdictJournal(journal, rows.dtype) as known,
        Progress(len(pairs), "Verifying pairs", "pairs") as progress,
    ):
        for places in _chunks(left, right, len(paths)):
            digest = _digest(paths, left[places], right[places])
            chunk = known.find(digest)
            if chunk is None:
                chunk = _verify(paths, left[places], right[places], workers, progress)
                known.append(digest, chunk)
            else:
                progress.advance(len(places))
            rows[places] = chunk.rows
            reasons |= chunk.reasons
    bad = {path: reasons[path] for path in paths if path in reasons}
    return VerifiedPairs(Verdicts(rows), list(bad.items()))


def _chunks(left: Indices, right: Indices, images: int) -> Iterator[Indices]:
    """The places of some pairs at a time; those of a connected component stand together."""
    component = connected_components(left, right, images)
    order = np.lexsort((right, left, component[left]))
    for begin in range(0, len(order), _PAIRS_PER_CHUNK):
        yield order[begin : begin + _PAIRS_PER_CHUNK]


def _digest(paths: Sequence[str], left: Indices, right: Indices) -> str:
    """What tells pairs of files, as these are now, from all others."""
    state = hashlib.blake2b(digest_size=16)
    for items in (left.tolist(), right.tolist()):
        chosen = [paths[item] for item in items]
        state.update("\0".join(chosen).encode("utf-8", "surrogatepass"))
        for column in states_of(chosen):
            state.update(column.astype("<i8").tobytes())
    return state.hexdigest()


def _verify(
    paths: Sequence[str], left: Indices, right: Indices, workers: int, progress: Progress
) -> VerifiedChunk:
    path_of = partial(_path, paths)
    verified = verify_pairs(left, right, path_of, workers, progress.advance)
    reasons = {paths[item]: reason for item, reason in sorted(verified.failures.items())}
    return VerifiedChunk(verified.verdicts.rows, reasons)


def _path(paths: Sequence[str], item: int) -> Path:
    return Path(paths[item])


def _write(files: VerifiedFiles, pairs: FoundPairs, verified: VerifiedPairs) -> None:
    """Write the pairs with what was found, and the images that could not be read again.

    The score of a pair of which an image could not be read is an empty cell; rotation and the like
    are for all pairs that do not show the same.
    """
    rows, paths, (left, right) = verified.verdicts.rows, pairs.paths, pairs.items
    reasons = dict(verified.bad)
    is_bad = np.fromiter((path in reasons for path in paths), bool, len(paths))
    undecided = verified.verdicts.among([Relation.UNDECIDED])
    unknown = undecided & (is_bad[left] | is_bad[right])
    unrelated = undecided | verified.verdicts.among([Relation.UNRELATED])
    details = {
        "relation": np.array([relation.value for relation in Relation])[rows["relation"]],
        "score": np.where(unknown, np.nan, rows["score"]),
    }
    for column, name in _GEOMETRY.items():
        details[column] = np.where(unrelated, np.nan, rows[name] + np.float32(0))  # no -0
    columns = pairs.left, pairs.right, pairs.similarity
    write_pairs(files.pairs, pairs.names, *columns, pairs.references, details)
    write_rows(files.bad, BAD_HEADER, verified.bad)


def _print_summary(verified: VerifiedPairs, files: VerifiedFiles) -> None:
    counts = np.bincount(verified.verdicts.rows["relation"], minlength=len(Relation)).tolist()
    found = [f"{n:,} {relation}" for relation, n in zip(Relation, counts, strict=True) if n]
    listed = f": {', '.join(found)}" if found else ""
    print(f"{counted(len(verified.verdicts), 'pair')} verified{listed}, in {files.pairs}")
    if verified.bad:
        print(f"{counted(len(verified.bad), 'image')} could not be read, listed in {files.bad}")
