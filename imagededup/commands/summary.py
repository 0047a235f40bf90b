"""What a search has found, in a line or two."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imagededup.commands.related import relation_counts
from imagededup.utils.text import counted

if TYPE_CHECKING:
    from imagededup.methods.results import Duplicates

__all__ = ["summary_lines"]


def summary_lines(found: "Duplicates") -> Iterator[str]:
    """How many images, duplicates and broken files there are."""
    images, pairs = counted(len(found.names), "image"), counted(found.pair_count, "pair")
    relations = [f"{count:,} {relation}" for relation, count in relation_counts(found).items()]
    if relations:
        pairs = f"{pairs}: {', '.join(relations)}"
    if found.reference_names is None:
        count, removable = counted(len(found.clusters()), "group"), len(found.to_remove())
        yield f"{images}, {count} of duplicates ({pairs}), {removable:,} can be removed"
    else:
        matched, others = f"{len(found):,} of them", counted(len(found.reference_names), "image")
        yield f"{images}, {matched} with a duplicate among the other {others} ({pairs})"
    if found.failures:
        yield f"{counted(len(found.failures), 'file')} could not be read"
