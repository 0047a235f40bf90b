"""Fit the score of verification, and print the weights that `decision.py` has.

    PYTHONPATH=benchmarks python tools/fit_verification.py PICTURES --related KIND KIND ...

PICTURES has one folder for each kind of picture. Some of each kind are edited as in the benchmark
and compared with their original and with the four others of all kinds whose descriptors are most
alike. Kinds whose pictures truly show the same things are named after `--related`: they give
copies, but no other pairs. The figures printed are of kinds that were left out of the fit in turn.

Pictures are also bent as if the thing were photographed again, edited, and compared with their
original. These count as different, but a tenth: some are bent by less than can be seen. How many
of them are called copies is printed too.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from edits import EDITS, SIXTEEN
from photographed_again import photographed_again
from pictures import list_kinds, open_picture
from ranking import rank

from imagededup.methods import CNN
from imagededup.verification.compare import compare, evidence_between
from imagededup.verification.decision import signs
from imagededup.verification.relation import REMOVABLE, Relation
from imagededup.verification.view import View, look

_OTHERS = 4
_AGAIN = 2
_EDITS_OF_AGAIN = 4
_FOLDS = 8
_RIDGE = 300.0
_AGAIN_COUNTS = 0.1
_ROUNDS = 30
_LARGE = 10_000

Signs = tuple[float, ...]
"""Empty where no map lays the pictures on each other."""


@dataclass
class Pairs:
    """What was gathered.

    Attributes:
        copies: The kind and the signs of copies with their original.
        others: The same of pictures that are most alike.
        again: The same of pictures bent as if photographed again, with their original.
        called: What these are called.
    """

    copies: list[tuple[int, Signs]] = field(default_factory=list)
    others: list[tuple[int, Signs]] = field(default_factory=list)
    again: list[tuple[int, Signs]] = field(default_factory=list)
    called: list[Relation] = field(default_factory=list)


def gather(kinds: Sequence[Sequence[Path]], per_kind: int, related: set[str]) -> Pairs:
    """Edit and compare some pictures of each kind."""
    paths = [path for kind in kinds for path in kind]
    codes = np.stack([_code(path) for path in paths])
    pairs = Pairs()
    first = 0
    for number, kind in enumerate(kinds):
        places = np.linspace(0, len(kind) - 1, min(per_kind, len(kind))).round().astype(int)
        others = 0 if kind[0].parent.name in related else _OTHERS
        for place in places:
            _compare(number, first + int(place), paths, codes, others, pairs)
        first += len(kind)
        print(f"{kind[0].parent.name}: {len(pairs.copies)} copies", flush=True)
    return pairs


def _code(path: Path) -> np.ndarray:
    return CNN(verbose=False).encode_image(path).ravel()


def _compare(
    kind: int, place: int, paths: Sequence[Path], codes: np.ndarray, others: int, pairs: Pairs
) -> None:
    """Add the pairs of one picture."""
    image = open_picture(paths[place], keep=_LARGE)
    random = np.random.default_rng([7, place])
    original = look(paths[place])
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.jpg"
        for number, edit in enumerate(EDITS.values()):
            edit(image, np.random.default_rng([0, place, number])).save(copy, quality=90)
            view = look(copy)
            pairs.copies.append((kind, _signs(original, view)))
            alike = codes @ _code(copy)
            alike[place] = -1
            for other in np.argsort(-alike, kind="stable")[:others]:
                pairs.others.append((kind, _signs(view, look(paths[other]))))
        for _ in range(_AGAIN):
            again = photographed_again(image, random)
            for number in random.permutation(len(SIXTEEN))[:_EDITS_OF_AGAIN]:
                EDITS[SIXTEEN[number]](again, random).save(copy, quality=90)
                view = look(copy)
                pairs.called.append(compare(original, view).relation)
                if others:
                    pairs.again.append((kind, _signs(original, view)))


def _signs(left: View, right: View) -> Signs:
    evidence = evidence_between(left, right)
    return () if evidence is None else signs(evidence)


def fit(values: np.ndarray, copies: np.ndarray, counts: np.ndarray, ridge: float) -> np.ndarray:
    """The intercept and the weights of a logistic regression, by Newton's method.

    Args:
        values: The signs of each pair, float64 of shape (pairs, signs).
        copies: Whether it is one of a copy, bool of shape (pairs,).
        counts: How much it counts, float64 of shape (pairs,).
        ridge: How much a weight costs, squared, for a sign of standard deviation 1.
    """
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-9
    terms = np.hstack([np.ones((len(values), 1)), (values - mean) / deviation])
    costs = np.diag([1e-9] + [ridge] * values.shape[1])
    found = np.zeros(terms.shape[1])
    for _ in range(_ROUNDS):
        expected = 1 / (1 + np.exp(-terms @ found))
        slope = terms.T @ (counts * (copies - expected)) - costs @ found
        curvature = (terms.T * (counts * expected * (1 - expected))) @ terms + costs
        found += np.linalg.solve(curvature, slope)
    weights = found[1:] / deviation
    return np.array([found[0] - mean @ weights, *weights])


def main() -> None:
    """Gather, measure on kinds left out, and print the weights."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--per-kind", type=int, default=6)
    parser.add_argument("--related", nargs="*", default=[])
    arguments = parser.parse_args()
    pairs = gather(list_kinds(arguments.pictures), arguments.per_kind, set(arguments.related))
    groups = (
        (pairs.copies, True, 1.0),
        (pairs.others, False, 1.0),
        (pairs.again, False, _AGAIN_COUNTS),
    )
    laid = [
        (kind, found, copy, count)
        for group, copy, count in groups
        for kind, found in group
        if found
    ]
    kinds, values, copies, counts = (np.array(column) for column in zip(*laid, strict=True))
    left_out = np.empty(len(laid))
    for fold in range(_FOLDS):
        out = kinds % _FOLDS == fold
        weights = fit(values[~out], copies[~out], counts[~out], _RIDGE)
        left_out[out] = weights[0] + values[out] @ weights[1:]
    certain = counts == 1
    positives = np.full(len(pairs.copies), -np.inf)
    positives[: copies.sum()] = left_out[copies]
    print(rank(positives, [left_out[~copies & certain]]))
    # A ridge makes scores timid: they are calibrated on kinds that were left out (Platt, 1999).
    ones = np.ones(certain.sum())
    offset, factor = fit(left_out[certain, None], copies[certain], ones, 0.0)
    weights = factor * fit(values, copies, counts, _RIDGE)
    weights[0] += offset
    print(" ".join(f"{weight:.3f}" for weight in weights))
    called = sum(relation in REMOVABLE for relation in pairs.called)
    print(f"photographed again: {called} of {len(pairs.called)} called copies")


if __name__ == "__main__":
    main()
