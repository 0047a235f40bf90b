"""The images that are unlike all others of their collection."""

from dataclasses import dataclass

import numpy as np

from imagededup.methods.encoding import EncodedImages
from imagededup.search.knn.above import nearest_above
from imagededup.utils.progress import Progress

__all__ = ["Unusual", "unusual_images"]

_FENCE = 1.5
_SIMILAR = 0.85
_LEAST_IMAGES = 8


@dataclass(frozen=True, slots=True)
class Unusual:
    """An image that is unlike all others.

    Attributes:
        name: The image.
        nearest: The one that is most like it.
        similarity: Of the two.
    """

    name: str
    nearest: str
    similarity: float


def unusual_images(encoded: EncodedImages, workers: int) -> list[Unusual]:
    """The images whose nearest one is much less similar than that of most, most unusual first.

    Of the images that have none of similarity 0.85 or more, an image is unusual if the similarity
    to its nearest one is below the middle half of all these similarities by more than one and a
    half times the width of this half (Tukey 1977). Images without structure are left out. Of fewer
    than eight images none is unusual.

    Args:
        encoded: Descriptors of a collection.
        workers: Number of threads; the result does not depend on it.
    """
    rows = encoded.structured_rows()
    codes = np.ascontiguousarray(encoded.structured_codes(), np.float32)
    with Progress(1000, "Searching outliers", None) as progress:
        nearest = nearest_above(codes, None, 1, -1.0, workers=workers, advance=progress.advance)
    similarity = nearest.score
    single = similarity[similarity < _SIMILAR].astype(np.float64)
    if len(single) < _LEAST_IMAGES:
        return []
    low, high = np.percentile(single, [25, 75])
    order = np.argsort(similarity, kind="stable")
    order = order[similarity[order] < low - _FENCE * (high - low)]
    return [
        Unusual(
            encoded.names[int(rows[nearest.left[place]])],
            encoded.names[int(rows[nearest.right[place]])],
            float(similarity[place]),
        )
        for place in order.tolist()
    ]
