"""Images without structure: one colour, or all that they show is in their alpha channel.

A code says how parts of a picture differ. Where nothing differs it is arbitrary, and all such
pictures would be duplicates of each other: black icons on transparency, blank pages. They count as
duplicates only of images with exactly the same pixels.
"""

import numpy as np
from numpy.typing import NDArray

from imagededup.methods.encoding import EncodedImages
from imagededup.search.matches import Matches

__all__ = ["has_structure", "join_plain"]

Indices = NDArray[np.int64]

_STRIDE = 16
_FEW = 8


def has_structure(pixels: NDArray[np.uint8]) -> bool:
    """Whether any channel of an image varies by more than rounding, which is one level.

    Args:
        pixels: uint8 of shape (h, w) or (h, w, channels).
    """
    return _few_vary(pixels) or _varies(pixels[::_STRIDE, ::_STRIDE]) or _varies(pixels)


def join_plain(found: Matches, queries: EncodedImages, references: EncodedImages | None) -> Matches:
    """Add images without structure to the matches of the others.

    Args:
        found: The matches of `structured_codes`.
        queries: All images.
        references: All images of the reference collection, where there is one.
    """
    others = references.plain if references else {}
    if not queries.plain and not others:
        return found
    of_references = found.reference_groups
    taken = [found.groups, np.empty(0, np.int64) if of_references is None else of_references]
    first = int(np.concatenate(taken).max(initial=-1)) + 1
    digests = sorted({*queries.plain.values(), *others.values()})
    number = {digest: group for group, digest in enumerate(digests, first)}
    return Matches(
        _joined(found.groups, queries, number),
        None
        if references is None or of_references is None
        else _joined(of_references, references, number),
        found.pairs,
        found.identical,
        found.descending,
    )


def _joined(groups: Indices, images: EncodedImages, number: dict[bytes, int]) -> Indices:
    every = np.empty(len(images.names), np.int64)
    every[images.structured_rows()] = groups
    every[list(images.plain)] = [number[digest] for digest in images.plain.values()]
    return every


def _few_vary(pixels: NDArray[np.uint8]) -> bool:
    """Whether a few pixels of the middle column do, which takes no time; mostly it is so."""
    channel = pixels.reshape(*pixels.shape[:2], -1)[:, :, 0]
    levels: list[int] = channel[:: len(channel) // _FEW + 1, channel.shape[1] // 2].tolist()
    return max(levels) - min(levels) > 1


def _varies(pixels: NDArray[np.uint8]) -> bool:
    channels = pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)
    return bool((np.ptp(channels, axis=0) > 1).any())
