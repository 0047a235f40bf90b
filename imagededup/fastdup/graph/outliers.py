"""Images that are unlike all others."""

import numpy as np
from numpy.typing import NDArray

from imagededup.search.knn.find import Neighbors

__all__ = ["find_outliers"]

Indices = NDArray[np.int64]


def find_outliers(
    neighbors: Neighbors, lower_threshold: float, threshold: float
) -> tuple[Indices, Indices, NDArray[np.float32]]:
    """The images whose nearest neighbour is unusually far away, most unusual first.

    An image is an outlier if the similarity to its nearest neighbour is among the lowest
    `lower_threshold` of the similarities of all images to their nearest neighbours, and below
    `threshold`. With 0.3, at most three of ten images are outliers; of images that are equally
    similar to their neighbours the first ones are taken. An image without any neighbour is
    compared with none, and left out.

    Args:
        neighbors: The nearest neighbours of n images.
        lower_threshold: A fraction, 0.0 to 1.0; 0.0 gives none.
        threshold: Similarity at which two images are similar; neither is an outlier then.

    Returns:
        The images, their nearest neighbours and the similarities, of shape (m,) each, by
        similarity, then by image.

    Examples:
        >>> near = Neighbors(np.array([[1], [0], [1], [0]]), np.float32([[0.9], [0.9], [0.5], [0]]))
        >>> [column.tolist() for column in find_outliers(near, 0.25, 0.85)]
        [[3], [0], [0.0]]
    """
    image = np.flatnonzero(neighbors.index[:, 0] >= 0)
    most = int(np.floor(lower_threshold * len(image) + 1e-9))
    image = image[neighbors.similarity[image, 0] < threshold]
    image = image[np.argsort(neighbors.similarity[image, 0], kind="stable")][:most]
    return image, neighbors.index[image, 0], neighbors.similarity[image, 0]
