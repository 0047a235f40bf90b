"""How long the classification metrics of a million images take, against the target.

Run with `python benchmarks/classification.py [NUMBER_OF_IMAGES]`. About half of the images are in
groups of two to six duplicates; the retrieved map splits and joins some of them.
"""

import sys
import time
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagededup.evaluation import evaluate

IMAGES = 1_000_000
TARGET_SECONDS = 20.0


def group_numbers(images: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """The group of every image; images of the same group are duplicates."""
    sizes = generator.choice(
        [1, 2, 3, 4, 5, 6], size=images, p=[0.75, 0.13, 0.06, 0.03, 0.02, 0.01]
    )
    return np.repeat(np.arange(images), sizes)[:images]


def duplicate_map(groups: NDArray[np.int64]) -> dict[str, list[str]]:
    """The symmetric map of all images."""
    names = [f"photos/{number:07d}.jpg" for number in range(len(groups))]
    bounds = np.flatnonzero(np.diff(groups, prepend=-1, append=-1)).tolist()
    found: dict[str, list[str]] = {}
    for begin, end in pairwise(bounds):
        members = names[begin:end]
        for place, name in enumerate(members):
            found[name] = members[:place] + members[place + 1 :]
    return found


def truth_and_retrieved(images: int) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The map of the true duplicates, and one that splits and joins some of their groups."""
    generator = np.random.default_rng(0)
    groups = group_numbers(images, generator)
    border = np.diff(groups, prepend=0) > 0
    moved = border ^ (generator.random(images) < 0.05)
    found = np.cumsum(moved, dtype=np.int64)
    return duplicate_map(groups), duplicate_map(found)


def main() -> int:
    """Print the figure; the exit code is 1 if it misses the target."""
    images = int(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    truth, retrieved = truth_and_retrieved(images)
    begin = time.perf_counter()
    metrics = evaluate(truth, retrieved, metric="classification")
    seconds = time.perf_counter() - begin
    reached = seconds < TARGET_SECONDS
    precision, recall = metrics["precision"][1], metrics["recall"][1]
    print(f"images                  {images}")
    print(f"duplicate pairs         {metrics['support'][1]}")
    print(f"precision, recall       {precision:.4f}, {recall:.4f}")
    print(f"seconds (target {TARGET_SECONDS:g})     {seconds:.2f} {'ok' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
