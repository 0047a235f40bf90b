"""How well the clusters of duplicates agree with the true ones."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from imagededup.evaluation.maps import AnyMap, Retrieved, read_maps
from imagededup.evaluation.options import ScoreName
from imagededup.evaluation.relations import Indices
from imagededup.methods.results import Duplicates

__all__ = ["ClusterMetrics", "cluster_metrics"]


@dataclass(frozen=True, slots=True)
class ClusterMetrics:
    """Agreement of two divisions of the same images into clusters, all 0 to 1.

    Attributes:
        pairwise_precision: Of the pairs within a retrieved cluster, the share within a true one.
        pairwise_recall: Of the pairs within a true cluster, the share within a retrieved one.
        pairwise_f1: The harmonic mean of the two.
        bcubed_precision: The mean over all images of the share of an image's retrieved cluster,
            itself included, that is in its true cluster.
        bcubed_recall: The mean over all images of the share of its true cluster that is in its
            retrieved cluster.
        bcubed_f1: The harmonic mean of the two.
    """

    pairwise_precision: float
    pairwise_recall: float
    pairwise_f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float


def cluster_metrics(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    references: Iterable[str] | None = None,
) -> ClusterMetrics:
    """Compare the connected components of retrieved duplicates with those of the true ones.

    Two images are in the same cluster if they are connected by duplicates, whatever the direction;
    an image without duplicates is a cluster of its own. It shows what the other metrics do not: a
    single wrong pair may join two large clusters. Scores are not read. Pairwise ratios of 0 / 0,
    without any pair, are 0, as those of the classification.
    Source: Bagga and Baldwin, Algorithms for scoring coreference chains, for BCubed; Amigó et al.,
    A comparison of extrinsic clustering evaluation metrics
    (https://doi.org/10.1007/s10791-008-9066-8), for both.

    Args:
        ground_truth_map: All images with the names of their duplicates, symmetric.
        retrieved_map: The same images with the names that were retrieved, or with tuples of name
            and score, or the result of `search`. With a reference collection the clusters hold its
            images as well.
        references: The names of the reference collection, as in `evaluate`.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidMapError: The maps cannot be evaluated, as in `evaluate`.

    Examples:
        >>> truth = {"a": ["b"], "b": ["a"], "c": []}
        >>> metrics = cluster_metrics(truth, {"a": ["b", "c"], "b": [], "c": []})
        >>> round(metrics.pairwise_precision, 3), metrics.pairwise_recall
        (0.333, 1.0)
        >>> round(metrics.bcubed_precision, 3), metrics.bcubed_recall
        (0.556, 1.0)
    """
    # Only whether there is a relation matters, so scores of any direction will do.
    anything = ScoreName.AUTO if isinstance(retrieved_map, Duplicates) else ScoreName.DISTANCE
    truth, retrieved = read_maps(ground_truth_map, retrieved_map, anything, references)
    return _compare(truth.components(), retrieved.components())


def _compare(true: Indices, retrieved: Indices) -> ClusterMetrics:
    """The metrics of two arrays of labels, of shape (n,)."""
    true_size = np.bincount(true)
    retrieved_size = np.bincount(retrieved)
    cells, common = np.unique(true * len(retrieved_size) + retrieved, return_counts=True)
    row, column = np.divmod(cells, len(retrieved_size))
    correct, found, relevant = map(_pairs, (common, retrieved_size, true_size))
    precision = float((common**2 / retrieved_size[column]).sum() / len(true))
    recall = float((common**2 / true_size[row]).sum() / len(true))
    return ClusterMetrics(
        pairwise_precision=correct / found if found else 0.0,
        pairwise_recall=correct / relevant if relevant else 0.0,
        pairwise_f1=2 * correct / (found + relevant) if found + relevant else 0.0,
        bcubed_precision=precision,
        bcubed_recall=recall,
        bcubed_f1=2 * precision * recall / (precision + recall),
    )


def _pairs(sizes: Indices) -> int:
    """Number of pairs within groups of some sizes."""
    return int((sizes * (sizes - 1) // 2).sum())
