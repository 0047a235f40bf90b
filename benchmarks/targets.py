"""The figures that copy detection is to reach."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codes import FASTDUP
from copy_figures import VERIFIED, Figures

__all__ = ["Target", "targets_of"]

_PHOTOGRAPHS = {"imagenet", "photographs", "photos"}
_PRODUCTS = {"products"}
_UNVERIFIED: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(_PHOTOGRAPHS, (0.998, 0.977)),
    **dict.fromkeys(_PRODUCTS, (0.911, 0.65)),
    "web": (0.957, 0.77),
}
"""uAP and recall at 99 percent precision of a linear head trained on other kinds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and what it should be."""

    what: str
    figure: float
    target: float
    at_least: bool = True

    def __str__(self) -> str:
        """A line of the report."""
        reached = self.figure >= self.target if self.at_least else self.figure <= self.target
        sign = "at least" if self.at_least else "at most"
        verdict = "reached" if reached else "MISSED"
        return f"{self.what:52s} {self.figure:8.4f}   target {sign} {self.target:g} {verdict}"


def targets_of(name: str, figures: Mapping[str, Figures], related: bool) -> Iterator[Target]:
    """The targets of a set or of the pool.

    Args:
        name: Of the set; sets of photographs and of products are known by their name.
        figures: By encoder.
        related: Whether no pair is false: then only the recall at the defaults says something.
    """
    if VERIFIED in figures:
        yield from () if related else _of_verified(name, figures[VERIFIED])
        found = figures[VERIFIED].at_thresholds[0].recall["16 edits"]
        yield Target("verified: recall at the defaults", found, 0.95)
    if "CNN" in figures and not related:
        yield from _of_codes(name, figures["CNN"], figures.get(FASTDUP))


def _of_verified(name: str, figures: Figures) -> Iterator[Target]:
    photographs = name in _PHOTOGRAPHS
    ranking = figures.rankings["16 edits"]
    yield Target("verified: uAP", ranking.average_precision, 0.995 if photographs else 0.99)
    at_99 = 0.99 if photographs else 0.96
    yield Target("verified: recall at 99 % precision", ranking.recall_at_99, at_99)
    yield Target("verified: recall at 99.9 % precision", ranking.recall_at_999, 0.92)
    if photographs or name in _PRODUCTS:
        turned = figures.rankings["turned"].recall_at_99
        least = 0.95 if photographs else 0.85
        yield Target("verified: mirrored and turned, at 99 % precision", turned, least)
    taken = 100 * figures.at_thresholds[1].taken
    yield Target("verified: pictures that a removal takes, %", taken, 0.5, False)


def _of_codes(name: str, figures: Figures, peer: Figures | None) -> Iterator[Target]:
    ranking = figures.rankings["16 edits"]
    if name in _UNVERIFIED:
        least, least_recall = _UNVERIFIED[name]
        yield Target("CNN: uAP", ranking.average_precision, least)
        yield Target("CNN: recall at 99 % precision", ranking.recall_at_99, least_recall)
    elif peer is not None:
        theirs = peer.rankings["16 edits"]
        least = theirs.average_precision
        yield Target("CNN: uAP, beside fastdup's", ranking.average_precision, least)
        least = theirs.recall_at_99
        yield Target("CNN: recall at 99 %, beside fastdup's", ranking.recall_at_99, least)
    if name in _PHOTOGRAPHS:
        default = figures.at_thresholds[0]
        yield Target("CNN: recall of the 14 edits at 0.9", default.recall["14 edits"], 0.95)
        yield Target("CNN: false pairs in ten million at 0.9", default.false_pairs, 1, False)
