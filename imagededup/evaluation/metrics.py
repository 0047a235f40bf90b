"""All metrics of a retrieved map in one call."""

from collections.abc import Iterable
from typing import Any

from imagededup.evaluation.classification import PairCounts, class_metrics
from imagededup.evaluation.maps import AnyMap, Retrieved, read_maps
from imagededup.evaluation.options import EmptyQueries, Metric, ScoreName, check_metric
from imagededup.evaluation.ranking import (
    RankedHits,
    average_precision,
    jaccard,
    mean_over_queries,
    ndcg,
)
from imagededup.utils.options import check_option

__all__ = ["evaluate"]

_OF_RANKS = {
    Metric.MAP: average_precision,
    Metric.NDCG: ndcg,
    Metric.JACCARD: jaccard,
}


def evaluate(
    ground_truth_map: AnyMap,
    retrieved_map: Retrieved,
    metric: str = "all",
    empty_queries: str = "perfect",
    score_name: str = "auto",
    references: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Compare retrieved duplicates with the true ones.

    The ground truth of one collection must be symmetric. The retrieved map of `find_duplicates`
    always is; one that is not, like the nearest few images of each, is allowed: MAP, NDCG and
    Jaccard judge the list of every image for itself, and for the classification a pair is retrieved
    where either image was retrieved for the other. Time and memory grow with the number of images
    and of duplicate pairs, not with the number of all pairs.

    The duplicates may be images of another collection, as a search with `against` finds them: then
    the keys of both maps are the images, the values are names of the reference collection, and the
    pairs of the classification are those of an image and a reference.

    Args:
        ground_truth_map: All images with the names of their duplicates. Scores are not read.
        retrieved_map: The same images with the names that were retrieved, best first, or with
            tuples of name and score, which are then ranked by score. Of repeated names the best
            place counts. The result of `search` will do as well; images that it could not read
            count as images for which nothing was retrieved.
        metric: 'map' (mean average precision), 'ndcg' (mean normalised discounted cumulative
            gain), 'jaccard' (mean Jaccard index), 'classification' or 'all', in upper or lower
            case.
        empty_queries: An image without duplicates for which none was retrieved counts 1.0 in the
            three means with 'perfect', and is left out of them with 'skip'.
        score_name: Whether scores are a 'distance' (lower is better) or a 'similarity' (higher is
            better). 'auto' takes int as distances and float as similarities, as `find_duplicates`
            returns them, and refuses what is ambiguous.
        references: The names of all images of the reference collection. They need not be given
            for a result of `search`. Maps of which no value is a key are taken for maps of two
            collections without it; the references are then those that one of the maps names.

    Returns:
        'map', 'ndcg' and 'jaccard' as float from 0 to 1; 'precision', 'recall' and 'f1-score'
        (float64) and 'support' (int64) as arrays of shape (2,) for class 0, the pairs of images
        that are no duplicates, and class 1, the pairs that are. Only those that `metric` names.
        'f1_score' is another name of 'f1-score'.

    Raises:
        InvalidTypeError: An argument has a wrong type.
        InvalidValueError: An option does not exist, or 'skip' leaves no image.
        InvalidMapError: The maps have different keys, a value is not a key, an image is given for
            itself, the ground truth is not symmetric, or the scores are ambiguous. The error names
            the first offenders and their number; it is a `ValueError` and an `AssertionError`.

    Examples:
        >>> truth = {"a.jpg": ["b.jpg"], "b.jpg": ["a.jpg"], "c.jpg": []}
        >>> retrieved = {"a.jpg": ["c.jpg", "b.jpg"], "b.jpg": ["a.jpg"], "c.jpg": ["a.jpg"]}
        >>> metrics = evaluate(truth, retrieved)
        >>> metrics["map"], metrics["jaccard"]
        (0.5, 0.5)
        >>> metrics["precision"].tolist(), metrics["recall"].tolist()
        ([1.0, 0.5], [0.5, 1.0])
        >>> truth = {"new1.jpg": ["old1.jpg"], "new2.jpg": []}
        >>> evaluate(truth, truth, references=["old1.jpg", "old2.jpg"])["support"].tolist()
        [3, 1]
    """
    wanted = check_metric(metric)
    empty = check_option("empty_queries", empty_queries, EmptyQueries)
    scores = check_option("score_name", score_name, ScoreName)
    truth, retrieved = read_maps(ground_truth_map, retrieved_map, scores, references)
    result: dict[str, Any] = {}
    if wanted is not Metric.CLASSIFICATION:
        hits = RankedHits.of(truth, retrieved)
        for key, compute in _OF_RANKS.items():
            if wanted in (key, Metric.ALL):
                result[key.value] = mean_over_queries(compute(hits), hits, empty)
    if wanted in (Metric.CLASSIFICATION, Metric.ALL):
        result.update(class_metrics(PairCounts.of(truth, retrieved)))
    return result
