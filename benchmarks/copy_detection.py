"""Measure how well edited copies of pictures are found, with and without verification.

    python benchmarks/copy_detection.py photographs products receipts --limit 60
    python benchmarks/copy_detection.py frames photographs --related frames --json figures.json
    python benchmarks/copy_detection.py receipts flags --pictures-only --sheet sheets
    python benchmarks/copy_detection.py photographs --time

Each folder is a set of different pictures; they are measured set by set, and all as one pool. Every
picture gets edited copies (`edits.py`), saved as files, and each copy is compared with all pictures
of its set, or of the pool. Encoders rank all these pairs by their codes. `verified` ranks those
that are among the ten best candidates of their copy by the code of the CNN, by what
`imagededup.verification` says of the two files; all other pairs come after them. Printed are

- uAP: average precision of all pairs in one ranking; R@P99 and R@P99.9: the largest recall that one
  threshold reaches with 99 and 99.9 percent precision; of the 14 usual edits, of 16 with a quarter
  turn and a thumbnail, of strong edits, and of mirrored and turned copies; and the recall of each
  edit at the threshold of R@P99 of the 16;
- at thresholds, the default first, the recall, the false pairs in ten million pairs of files of
  different pictures (pictures and their 16 copies; for `verified` a copy or a picture and another
  picture), and the share of the pictures that a removal takes where no copies are among them; for
  `verified` what `find` shows and what `remove` takes;
- which relation verification finds between each edit and its picture, and between pictures;
- the targets.

Pairs within a `--related` set, such as frames of a film, are true: they never count as false. With
`--sheet FOLDER` the pairs of pictures that verification calls copies or parts are drawn there, to
be looked at. `--fastdup-python` adds the features of the PyPI package fastdup; it runs in a process
of its own.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from codes import ENCODERS, FASTDUP, encode
from contact_sheet import write_sheets
from copy_figures import VERIFIED, figures_of_codes, figures_of_verified, relations_of
from copy_report import SetFigures, pictures_text, text_of
from edits import EDITS, write_copies
from numpy.typing import NDArray
from picture_sets import Pool, pool_of
from verification_cost import measure_cost
from verified import VerifiedPairs, joined, verify_copies, verify_pictures

from imagededup.utils.parallel import check_workers, ordered_map

Array = NDArray[Any]
Codes = Mapping[str, Array]

POOL = "all sets"
PROPOSER = "CNN"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is measured.

    Attributes:
        encoders: Encoders of the package, and fastdup.
        verifies: Whether pairs are verified too.
        fastdup_python: The interpreter that has fastdup.
        seed: Seed of the edits.
        workers: Number of threads.
    """

    encoders: tuple[str, ...]
    verifies: bool
    fastdup_python: Path | None
    seed: int
    workers: int

    def encode(self, folder: Path, names: Sequence[str]) -> Codes:
        """The codes of the files of a folder by every encoder that is needed."""
        needed = dict.fromkeys([*self.encoders, *([PROPOSER] if self.verifies else [])])
        return {name: encode(name, folder, names, self.fastdup_python) for name in needed}


def encode_pictures(pool: Pool, settings: Settings) -> Codes:
    """The codes of all pictures."""
    with tempfile.TemporaryDirectory() as temporary:
        names = [f"{place:06d}{path.suffix}" for place, path in enumerate(pool.paths)]
        for path, name in zip(pool.paths, names, strict=True):
            shutil.copyfile(path, Path(temporary) / name)
        return settings.encode(Path(temporary), names)


def measure_copies(
    pool: Pool, name: str, codes: Codes, settings: Settings
) -> tuple[Codes, VerifiedPairs | None]:
    """Edit the pictures of a set, encode the copies and verify them.

    Returns:
        The codes of the copies, (pictures, edits, d), and the verified pairs.
    """
    pictures = range(len(pool.paths))[pool.sets[name]]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def copies_of(picture: int) -> list[str]:
            place = pool.places[picture]
            return list(write_copies(pool.paths[picture], place, folder, settings.seed))

        written = ordered_map(copies_of, pictures, settings.workers)
        names = [copy for copies in written for copy in copies]
        of_copies = {
            encoder: rows.reshape(len(pictures), len(EDITS), -1)
            for encoder, rows in settings.encode(folder, names).items()
        }
        if not settings.verifies:
            return of_copies, None
        paths = [folder / copy for copy in names]
        return of_copies, verify_copies(
            pool, name, codes[PROPOSER], paths, of_copies[PROPOSER], settings.workers
        )


def measure(pool: Pool, settings: Settings) -> tuple[list[SetFigures], VerifiedPairs | None]:
    """Measure each set and the pool.

    Returns:
        The figures, and the verified pairs of the pictures themselves.
    """
    codes = encode_pictures(pool, settings)
    parts = []
    for name in pool.sets:
        print(f"{name} ...", file=sys.stderr, flush=True)
        parts.append(measure_copies(pool, name, codes, settings))
    copies = {name: np.concatenate([part[name] for part, _ in parts]) for name in codes}
    of_copies = [pairs for _, pairs in parts if pairs is not None]
    pictures = None
    if settings.verifies:
        pictures = verify_pictures(pool, codes[PROPOSER], settings.workers)
    measured = []
    for name, part in scopes(pool):
        group = pool.group[part]
        figures = {
            encoder: figures_of_codes(encoder, codes[encoder][part], copies[encoder][part], group)
            for encoder in settings.encoders
        }
        relations = None
        if pictures is not None:
            some = (
                joined(of_copies).of(part, name == POOL),
                pictures.of(part, name == POOL),
            )
            figures[VERIFIED] = figures_of_verified(*some, group)
            relations = relations_of(*some, group)
        measured.append(SetFigures(name, len(group), figures, relations, bool(np.ptp(group) == 0)))
    return measured, pictures


def scopes(pool: Pool) -> Iterator[tuple[str, slice]]:
    """Each set, and the pool if there are several."""
    yield from pool.sets.items()
    if len(pool.sets) > 1:
        yield POOL, slice(0, len(pool.paths))


def measure_pictures(pool: Pool, settings: Settings) -> VerifiedPairs:
    """Verify the pictures without any copies, and print what is found among them."""
    codes = encode_pictures(pool, settings)
    pairs = verify_pictures(pool, codes[PROPOSER], settings.workers)
    for name, part in scopes(pool):
        chosen = pairs.of(part, name == POOL)
        of_part = {encoder: codes[encoder][part] for encoder in settings.encoders}
        print(pictures_text(name, of_part, chosen, pool.group[part]), flush=True)
    return pairs


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders of pictures, each a set")
    parser.add_argument("--encoders", nargs="*", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--no-verify", action="store_true", help="codes only")
    parser.add_argument("--fastdup-python", type=Path, help="interpreter that has fastdup")
    parser.add_argument("--limit", type=int, help="at most so many pictures of each set, spread")
    parser.add_argument(
        "--related", nargs="*", default=[], metavar="SET", help="sets of which no pair is false"
    )
    parser.add_argument("--pictures-only", action="store_true", help="no copies are made")
    parser.add_argument("--sheet", type=Path, help="folder for pictures of pairs to look at")
    parser.add_argument("--time", action="store_true", help="measure time, and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="seed of the edits")
    parser.add_argument("--workers", type=int, help="number of threads")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    return parser


def main() -> None:
    """Make the copies, measure, and print."""
    arguments = _parser().parse_args()
    pool = pool_of(arguments.folders, arguments.limit, arguments.related)
    if arguments.time:
        measure_cost(pool, arguments.seed)
        return
    fastdup = [FASTDUP] if arguments.fastdup_python else []
    settings = Settings(
        (*arguments.encoders, *fastdup),
        not arguments.no_verify,
        arguments.fastdup_python,
        arguments.seed,
        check_workers("--workers", arguments.workers),
    )
    measured: list[SetFigures] = []
    if arguments.pictures_only:
        pictures: VerifiedPairs | None = measure_pictures(pool, settings)
    else:
        measured, pictures = measure(pool, settings)
    print("\n\n".join(map(text_of, measured)))
    if arguments.json:
        numbers = [asdict(each) for each in measured]
        arguments.json.write_text(json.dumps(numbers, indent=2) + "\n")
    if arguments.sheet and pictures is not None:
        for path in write_sheets(pool, pictures, arguments.sheet):
            print(path)


if __name__ == "__main__":
    main()
